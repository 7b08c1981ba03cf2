"""R02: nothing that a person can set or say records without the ledger. What can be set is listed."""

import ast
import re
from pathlib import Path

import click
import pytest

from devicelog.cli import cli
from devicelog.recorder.acts import _ACTS
from tests.e2e.running import ROOT, devicelog, entries, streams

# Every variable that the source reads, and every switch of every command. Whoever adds one says here why it records
# no less; a value that could be one of these names an option of its own and is not a switch.
VARIABLES = {
    "DEVICELOG_ACCEPT_UNSUITABLE_DIR": "records where power may take it, with a warning; the entries are the same",
    "DEVICELOG_ALLOW_MOCK_PINS": "pins that are none, for tests; their session says so",
    "DEVICELOG_DATA_DIR": "where the database is",
    "DEVICELOG_DEBUG": "shows where an error of ours came from",
    "DEVICELOG_PIN_FACTORY": "by which library pins are read; kept with the session",
    "DEVICELOG_PORTS": "which ports are looked at for a pen",
    "DEVICELOG_SIGNER": "which signer is asked; without one the entries are made and not signed",
}
SWITCHES = {
    "--as-last-time": "visits open, visits plan: which plan; it is in the entry",
    "--continue": "record: into which visit; an entry joins the session to it",
    "--at-keyboard": "practitioners pin: set with nobody's PIN, at the device itself; an entry that says so",
    "--reported": "events: a part of the private text",
    "--refused": "consent record: the entry says so",
    "--clearance": "screening override: what the word is for; it is an entry",
    "--all-no": "screening answer: every answer is kept, one by one",
    "--age-verified": "clients describe: a part of the private text",
    "--all": "verify, sessions seal: of every session",
    "--check": "pens calibrate: look only; what was found is an entry",
    "--gauges": "pens simulate: a bench",
    "--inspection": "export: every entry",
    "--csv": "how it is printed",
    "--end-old-log": "checkpoint continue: nothing is signed for the old log any more; the new one says what it ends",
    "--json": "how it is printed",
    "--no-steps": "pens conform: keeps nothing in the database anyhow",
    "--once": "pens simulate: one session",
    "--own-depth": "pens simulate: a pen with a curve of its own",
    "--pin-stdin": "where a PIN comes from",
    "--pins": "sessions readings: which witness is printed",
    "--power-cycle": "pens conform: one step more",
    "--qr": "how it is printed",
    "--redact": "export: without private texts; the entry of the export is made and says so",
    "--rejected": "pens check: what is printed",
    "--require-witness": "verify: stricter",
    "--skip-damaged": "db rebuild --from: what is left out is named; nothing was in the new ledger yet",
    "--with-codes": "cartridges recall: what is printed",
    "--with-kept": "clients erase: old database files go too; the erasure is an entry",
    "--yes": "record, clients erase: without a question; the erasure is an entry. screening answer: a question's name",
}
# What another program can ask of a running recorder beside marks: what each does is an entry, or changes no evidence.
ACTS = {"commission", "cosigned", "checkpoint", "seal", "extend", "export", "erase", "release", "retention", "take_up"}


def commands(command: click.Command, name: str) -> dict[str, click.Command]:
    """Every command below this one, by what is typed."""
    if not isinstance(command, click.Group):
        return {name: command}
    context = click.Context(command)
    found: dict[str, click.Command] = {}
    for each in command.list_commands(context):
        child = command.get_command(context, each)
        assert child is not None
        found |= commands(child, f"{name} {each}")
    return found


def texts() -> list[str]:
    """Every string in the source that is no docstring or other sentence."""
    files = [*(ROOT / "src").rglob("*.py"), *(ROOT / "firmware_bridge").rglob("*.py")]
    trees = [ast.parse(file.read_text("utf-8")) for file in files]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


@pytest.mark.requirement("R02")
def test_every_variable_that_the_source_reads_is_known() -> None:
    assert {text for text in texts() if re.fullmatch(r"DEVICELOG_[A-Z_]+", text)} == VARIABLES.keys()


@pytest.mark.requirement("R02")
def test_every_switch_of_every_command_is_known() -> None:
    switches = {
        word
        for command in commands(cli, "devicelog").values()
        for option in command.params
        if isinstance(option, click.Option) and option.is_flag and option.name != "help"
        for word in [*option.opts, *option.secondary_opts]
    }
    assert switches == SWITCHES.keys()


@pytest.mark.requirement("R02")
def test_every_act_that_a_recorder_can_be_asked_for_is_known() -> None:
    assert _ACTS.keys() == ACTS


@pytest.mark.requirement("R02")
def test_with_everything_set_the_entries_are_the_same(tmp_path: Path) -> None:
    every = {
        "DEVICELOG_ACCEPT_UNSUITABLE_DIR": "1",
        "DEVICELOG_ALLOW_MOCK_PINS": "1",
        "DEVICELOG_DATA_DIR": str(tmp_path / "elsewhere"),
        "DEVICELOG_DEBUG": "1",
        "DEVICELOG_PIN_FACTORY": "mock",
        "DEVICELOG_PORTS": str(tmp_path / "nothing*"),
        "DEVICELOG_SIGNER": str(tmp_path / "no-signer"),
    }
    assert every.keys() == VARIABLES.keys()
    demo = ("demo", "--seconds", "6", "--speed", "20")
    devicelog(*demo, data_dir=tmp_path / "plain").succeeded()
    devicelog(*demo, data_dir=tmp_path / "set", **every)  # what is not signed may well end otherwise
    assert told_of(tmp_path / "set") == told_of(tmp_path / "plain")
    assert not (tmp_path / "elsewhere").exists()


def told_of(data_dir: Path) -> list[str]:
    """What the ledger says of the one session, in order, but for the minutes, which come as the machine is busy."""
    (session,) = streams(data_dir, "session")
    found = [entry["type"] for entry in entries(data_dir) if entry["body"].get("stream") == session]
    recorded = found[: found.index("session.closed") + 1]
    assert recorded[0] == "session.opened"
    return [type_ for type_ in recorded if type_ != "chunks.committed"]
