"""How a PIN comes in: typed without echo, by stdin, never as an argument; and who sits at the keyboard."""

import os
import pty
from pathlib import Path

import click
import pytest

from devicelog.cli import cli
from devicelog.cli.pin_entry import check_at_keyboard, is_own_console
from devicelog.errors import NotAllowed
from tests.desk.staff import PINS, entries
from tests.e2e.running import Running, devicelog


@pytest.mark.parametrize(
    ("name", "own"),
    [
        *[(name, True) for name in ("/dev/tty1", "/dev/tty12", "/dev/console", "/dev/ttyS0", "/dev/ttyAMA10")],
        *[(name, False) for name in ("", "/dev/pts/0", "/dev/tty", "/dev/tty1/../pts/0", "/dev/ttyp0", "tty1\n")],
    ],
)
def test_which_terminal_is_this_device_s_own(name: str, own: bool) -> None:
    assert is_own_console(name) == own


@pytest.mark.requirement("R19")
def test_a_pseudo_terminal_and_a_pipe_are_not_the_keyboard(clinic: Path) -> None:
    master, slave = pty.openpty()
    for descriptor in (slave, os.open(os.devnull, os.O_RDONLY)):
        with pytest.raises(NotAllowed, match="at the keyboard of this device only"):
            check_at_keyboard(descriptor)
    with Running("practitioners", "pin", "AD", "--at-keyboard", data_dir=clinic, stdin=slave) as command:
        command.end().refused(2, "/dev/pts/", "--by ADMIN")
    os.close(master)
    os.close(slave)
    assert [entry.body["told"]["how"] for entry in entries(clinic, "pin.set")] == [
        "first",
        *["first", "own"] * (len(PINS) - 1),
    ]


def test_a_pin_is_typed_on_a_terminal_and_not_shown(clinic: Path) -> None:
    master, slave = pty.openpty()
    with Running("practitioners", "pin", "KM", data_dir=clinic, stdin=slave, stderr=slave) as command:
        shown = b""
        for asked, typed in (
            (b"PIN of KM", PINS["KM"]),
            (b"New PIN of KM", "204815"),
            (b"once more", "204815"),
        ):
            while asked not in shown:
                shown += os.read(master, 1024)
            os.write(master, typed.encode() + b"\n")
            shown = shown[shown.index(asked) + len(asked) :]
        command.end().succeeded()
        told = command.stdout
    os.set_blocking(master, False)
    rest = os.read(master, 4096)
    os.close(master)
    os.close(slave)
    assert "the PIN of KM is set" in told
    assert b"204815" not in shown + rest
    assert PINS["KM"].encode() not in shown + rest


def test_off_a_terminal_nothing_is_asked_and_the_command_says_what_it_wants(clinic: Path) -> None:
    devicelog("practitioners", "retire", "KM", "--by", "AD", "--reason", "left", data_dir=clinic).refused(
        2, "wants the PIN of AD", "--pin-stdin"
    )
    assert entries(clinic, "person.retired") == []


def test_no_command_takes_a_pin_as_an_argument_or_from_a_variable() -> None:
    context = click.Context(cli)
    groups = [cli.get_command(context, name) for name in ("practitioners", "sessions")]
    options = [
        option
        for group in groups
        if isinstance(group, click.Group)
        for command in group.commands.values()
        for option in command.params
        if "pin" in str(option.name) and option.name != "pins"
    ]
    assert {option.name for option in options} == {"pin_stdin"}
    assert all(isinstance(option, click.Option) and option.is_flag and not option.envvar for option in options)
