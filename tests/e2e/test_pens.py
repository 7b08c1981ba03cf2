"""`pens list` and `pens probe`: what is there, who answers, and why nobody does. Nothing is written anywhere."""

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_bridge.frames import encode, frame
from firmware_bridge.readings import IdentityRequest
from tests.e2e.running import IDENTITY, Ended, Json, PtyPen, Running, devicelog, samples, simulated_pen

RUBBISH = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9*47\r\n" * 12


@pytest.fixture
def pen(tmp_path: Path) -> Iterator[PtyPen]:
    with PtyPen(tmp_path / "pen") as pen:
        yield pen


def probed(pen: PtyPen, *sent: bytes, seconds: str = "1.5", json: bool = True) -> Ended:
    """`pens probe` of a pen that says this when it is asked."""
    words = ("pens", "probe", str(pen.link), "--seconds", seconds, *(("--json",) if json else ()))
    with Running(*words, XDG_DATA_HOME=str(pen.link.parent / "xdg"), HOME=str(pen.link.parent)) as command:
        command.wait_until(pen.asked, "the identity request")
        pen.send(*sent)
        ended = command.end()
    assert list(pen.link.parent.iterdir()) == [pen.link], "it writes nothing"
    return ended


def refused(ended: Ended, *words: str) -> Json:
    """The object that it printed all the same."""
    told = ended.refused(4, *words).json()
    assert (told["schema"], told["readable"]) == ("devicelog.probe/1", False)
    assert told["why_not"] in ended.stderr
    return told


# --- list -------------------------------------------------------------------------------------------------------------


def test_the_ports_as_json() -> None:
    told = devicelog("pens", "list", "--json").succeeded().json()
    assert told["schema"] == "devicelog.pens/1"
    for port in told["ports"]:
        assert port.keys() == {
            *("path", "by_id", "description", "manufacturer", "product", "serial", "vendor_id", "product_id"),
            *("may_open", "holders"),
        }


def test_the_ports_as_text() -> None:
    ports = devicelog("pens", "list", "--json").succeeded().json()["ports"]
    told = devicelog("pens", "list").succeeded()
    for port in ports:
        assert port["path"] in told.stdout
    assert ("pens probe" if ports else "no serial port") in told.stderr
    assert bool(told.stdout) == bool(ports)


# --- probe ------------------------------------------------------------------------------------------------------------


def test_a_simulated_pen(tmp_path: Path) -> None:
    with simulated_pen(tmp_path / "pen") as pen:
        told = devicelog("pens", "probe", tmp_path / "pen", "--seconds", "2", "--json").succeeded().json()
        text = devicelog("pens", "probe", tmp_path / "pen", "--seconds", "1").succeeded()
        assert pen.process.poll() is None
    assert (told["readable"], told["why_not"], told["profile"], told["baud"]) == (True, None, "reference", 115200)
    assert (told["identity"]["model"], told["identity"]["mode"]) == ("Reference pen", "demo")
    assert told["listened_us"] >= 2_000_000
    assert told["period_us"] == 10_000
    assert 0.5 < told["samples"] / (told["listened_us"] / 10_000) < 1.2
    assert told["samples"] == 2 * told["frames"]["samples"]
    assert told["columns"] == [
        "depth_set_um", "depth_um", "raw_count", "frequency_dhz", "contact", "passes", "strokes"
    ]  # fmt: skip
    assert (told["frames_damaged"], told["frames_unknown"], told["links_lost"]) == (0, 0, 0)
    for words in (
        told["identity"]["serial"],
        "Reference pen",
        "protocol     1.0",
        "samples/s, one every 10 ms",
        "demo",
    ):
        assert words in text.stdout
    assert "record --pen" in text.stderr


def test_a_pen_that_rests(pen: PtyPen) -> None:
    told = probed(pen, IDENTITY, json=False).succeeded()
    assert "a pen is at" in told.stdout
    assert "PTY-1" in told.stdout
    assert "none heard: the motor was off" in told.stdout


def test_a_pen_on_a_bad_line(pen: PtyPen) -> None:
    frames = samples(0, 10)
    frames[4] = frames[4][:9] + bytes([frames[4][9] ^ 0x10 or 1]) + frames[4][10:]
    unknown = frame(bytes([0x10, 99]) + bytes(12))
    told = probed(pen, IDENTITY, *frames, unknown, b"half").succeeded().json()
    assert (told["frames"]["samples"], told["frames_damaged"], told["frames_unknown"]) == (9, 1, 1)
    assert told["samples"] == 18


def test_a_pen_that_goes_away(pen: PtyPen) -> None:
    with Running("pens", "probe", pen.link, "--seconds", "3", "--json") as command:
        command.wait_until(pen.asked, "the identity request")
        pen.send(IDENTITY)
        pen.unplug()
        told = command.end().json()
    assert told["links_lost"] == 1


def test_a_silent_port(pen: PtyPen) -> None:
    told = refused(probed(pen, seconds="0.5"), "nothing came from the port for 0.5 s", "switched on")
    assert told["bytes"] == 0


def test_a_port_that_sends_rubbish(pen: PtyPen) -> None:
    told = refused(probed(pen, RUBBISH), "this is not a pen", f"{len(RUBBISH)} bytes came and not one frame", "baud")
    assert told["bytes"] == len(RUBBISH)


def test_a_pen_that_speaks_protocol_2(pen: PtyPen) -> None:
    newer = frame(bytes([0x20, 4]) + bytes(20))
    refused(probed(pen, newer, newer), "the pen speaks protocol 2; this devicelog reads 1")


def test_a_pen_that_does_not_say_who_it_is(pen: PtyPen) -> None:
    told = refused(probed(pen, *samples(0, 10)), "the pen did not say who it is within 1.5 s")
    assert told["samples"] == 20


def test_a_line_that_gives_back_what_was_sent(pen: PtyPen) -> None:
    refused(probed(pen, encode(IdentityRequest())), "only our own question came back", "looped")


def test_a_port_that_another_program_holds(pen: PtyPen) -> None:
    with Path(pen.port).open("rb", buffering=0) as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        devicelog("pens", "probe", pen.link).refused(4, str(pen.link), "another program holds the port")


def test_a_port_that_a_recorder_holds(pen: PtyPen, tmp_path: Path) -> None:
    with Running(
        *("record", "--pen", pen.link, "--client", "P-1", "--practitioner", "KM", "--plan", "full-face"),
        data_dir=tmp_path / "data",
    ) as recorder:
        pen.introduce(recorder)
        devicelog("pens", "probe", pen.link, "--json").refused(4, "another program holds the port")
        assert "PEN LOST" not in recorder.stderr


@pytest.mark.parametrize(
    ("port", "says"), [("pen", "there is no such port"), (".", "not a serial port"), ("x://y", "x://y")]
)
def test_what_is_no_port(port: str, says: str, tmp_path: Path) -> None:
    devicelog("pens", "probe", port if "://" in port else str(tmp_path / port)).refused(4, says)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--seconds", "0"), "0.1<=x<=3600"),
        (("--seconds", "nan"), "is not a number"),
        (("--seconds", "-3"), "0.1<=x<=3600"),
        (("--profile", "refrence"), "Did you mean reference?"),
    ],
)
def test_an_option_that_cannot_be_meant(words: tuple[str, ...], says: str, pen: PtyPen) -> None:
    devicelog("pens", "probe", pen.link, *words).refused(2, says)


def test_a_probe_that_is_ended(pen: PtyPen) -> None:
    with Running("pens", "probe", pen.link, "--seconds", "600") as command:
        command.wait_until(pen.asked, "the identity request")
        command.send(15)
        assert command.end().code == 130
