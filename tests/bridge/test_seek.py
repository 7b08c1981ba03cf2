"""Which port is the pen's, on real ptys: who is asked, who is left alone, and what is remembered of who answered."""

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from firmware_bridge.decode import Decoder
from firmware_bridge.errors import PenError, PortMissing
from firmware_bridge.frames import encode
from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import Heartbeat, Identity, IdentityRequest
from firmware_bridge.sources import Inbox, PortFree, SerialSource, ports, seek, serial_port
from firmware_bridge.sources.ports import ONLY, places
from firmware_bridge.sources.seek import Seeker, Visit
from tests.bridge.ptys import DEADLINE_S, Pen, Tape, n_descriptors, now_us

PROFILE = load_profile("reference")
QUIET = replace(PROFILE, request_identity=False)
BEAT = encode(
    Heartbeat(mode="test", motor_on=False, boot=1, seq=0, t_us=0, depth_set_um=None, passes=None, strokes=None)
)


@pytest.fixture(autouse=True)
def only_these_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ONLY, f"{tmp_path}/port*")
    monkeypatch.setattr(seek, "LISTEN_S", 0.6)
    monkeypatch.setattr(seek, "GRACE_S", 0.1)


@pytest.fixture(autouse=True)
def no_thread_and_no_descriptor_left() -> Iterator[None]:
    threads, descriptors = threading.active_count(), n_descriptors()
    yield
    assert (threading.active_count(), n_descriptors()) == (threads, descriptors)


def answer(serial: str) -> bytes:
    texts = {"model": "Pen", "serial": serial, "firmware": "1", "calibration_id": "C", "cartridge": ""}
    return encode(
        Identity(mode="test", motor_on=False, boot=1, seq=0, t_us=0, protocol_major=1, protocol_minor=0, **texts)
    )


class Answering(threading.Thread):
    """Pens at their ports that say this whenever they are asked; of several pieces, one after the other."""

    def __init__(self, pens: dict[Pen, bytes | list[bytes]]) -> None:
        super().__init__(daemon=True)
        self.asked = dict.fromkeys(pens, 0)
        self._pens, self._ended = pens, threading.Event()

    def run(self) -> None:
        decoders = {pen: Decoder() for pen in self._pens}
        for pen in self._pens:
            os.set_blocking(pen.master, False)
        while not self._ended.wait(0.005):
            for pen, says in self._pens.items():
                try:
                    readings = decoders[pen].feed_bytes(os.read(pen.master, 4096))
                except OSError:  # nothing there, or nobody has it open
                    continue
                for _ in range(sum(isinstance(reading, IdentityRequest) for reading in readings)):
                    self.asked[pen] += 1
                    os.write(pen.master, says.pop(0) if isinstance(says, list) else says)

    def end(self) -> None:
        self._ended.set()
        self.join()


@contextmanager
def there(tmp_path: Path, *says: bytes | list[bytes]) -> Iterator[tuple[list[Pen], Answering]]:
    """A pen for each of these at port0, port1 ..."""
    with ExitStack() as stack:
        pens = [Pen(tmp_path / f"port{i}") for i in range(len(says))]
        for pen in pens:
            stack.callback(pen.unplug)
        answering = Answering(dict(zip(pens, says, strict=True)))
        answering.start()
        stack.callback(answering.end)
        yield pens, answering


def found(seeker: Seeker) -> Visit:
    visit = seeker.find(threading.Event())
    visit.leave()
    return visit


def test_what_was_read_while_the_pen_was_looked_for_is_kept(tmp_path: Path) -> None:
    with there(tmp_path, answer("A-1")), SerialSource("auto", PROFILE, (tape := Tape(Inbox())).inbox, now_us) as source:
        source.start()
        assert source.url == str(tmp_path / "port0")
        tape.until(lambda tape: tape.data == answer("A-1"))
        assert source.read_total == len(tape.data)
    assert tape.causes == ["opened"]


def test_the_pen_that_was_found_by_auto_is_the_one_that_is_looked_for_afterwards(tmp_path: Path) -> None:
    seeker = Seeker("auto", PROFILE, now_us)
    with there(tmp_path, answer("A-1")):
        assert found(seeker).path == str(tmp_path / "port0")
    with (
        there(tmp_path, answer("B-7")),
        pytest.raises(PortMissing, match=r"pen A-1 was not found.*port0: pen B-7 \(Pen\)"),
    ):
        seeker.find(threading.Event())
    with there(tmp_path, answer("B-7"), answer("A-1")):
        assert found(seeker).path == str(tmp_path / "port1")


def test_a_pen_without_a_serial_number_is_known_by_its_port(tmp_path: Path) -> None:
    seeker = Seeker("auto", PROFILE, now_us)
    with there(tmp_path, answer("")):
        found(seeker)
    with there(tmp_path, answer(""), answer("")) as (pens, answering):
        assert found(seeker).path == str(tmp_path / "port0")
        assert answering.asked == {pens[0]: 1, pens[1]: 0}


def test_two_without_a_serial_number_are_told_by_their_ports(tmp_path: Path) -> None:
    with there(tmp_path, answer(""), answer("")), pytest.raises(PenError, match=r"2 pens answer.*port0 for.*port1 for"):
        Seeker("auto", PROFILE, now_us).find(threading.Event())


def test_a_pen_that_somebody_records_is_told_and_left_alone(tmp_path: Path) -> None:
    with (
        there(tmp_path, answer("A-1")) as (pens, _),
        SerialSource(str(pens[0].link), PROFILE, Inbox(), now_us) as other,
    ):
        other.open()
        with pytest.raises(PortMissing, match="another program holds the port"):
            Seeker("auto", PROFILE, now_us).find(threading.Event())


def test_a_stranger_is_left_alone_until_something_else_is_there(tmp_path: Path) -> None:
    seeker = Seeker("serial:A-1", PROFILE, now_us)
    with there(tmp_path, b"Marlin 2.1 ready\r\n") as (pens, answering):
        for why in ("nobody said who it is", "what is there is no pen"):
            with pytest.raises(PortMissing, match=why):
                seeker.find(threading.Event())
        assert answering.asked == {pens[0]: 1}
    with there(tmp_path, answer("A-1")):
        assert found(seeker).path == str(tmp_path / "port0")


def test_a_port_that_floods_is_left_before_time_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seek, "LISTEN_S", 60.0)
    monkeypatch.setattr(seek, "_KEEP_BYTES", 3_000)
    with (
        there(tmp_path, bytes([7]) * 3_001),
        pytest.raises(PortMissing, match="3001 bytes came and nobody said who it is"),
    ):
        Seeker("auto", PROFILE, now_us).find(threading.Event())


def test_a_pen_that_answers_late_is_waited_for_and_one_by_its_number_is_not(tmp_path: Path) -> None:
    with there(tmp_path, answer("A-1"), b""):  # the second port says nothing
        seeker = Seeker("serial:A-1", PROFILE, now_us)
        began_s = time.monotonic()
        found(seeker)
        assert time.monotonic() - began_s >= 0.1  # for another that answers to this number
        began_s = time.monotonic()
        found(Seeker("auto", PROFILE, now_us))
        assert time.monotonic() - began_s >= 0.6  # for a second pen


def test_a_source_that_is_closed_while_it_searches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_port, "REOPEN_FIRST_S", 0.01)
    with there(tmp_path, answer("A-1")) as (pens, _):
        source = SerialSource("auto", PROFILE, Inbox(), now_us)
        source.start()
        monkeypatch.setattr(seek, "LISTEN_S", 600.0)
        pens[0].unplug()
        quiet = Pen(tmp_path / "port9")
        try:
            wait_until(lambda: bool(select.select([quiet.master], [], [], 0)[0]))  # it is being asked
            began_s = time.monotonic()
            source.close()
            assert time.monotonic() - began_s < 5
        finally:
            quiet.unplug()


def test_a_port_that_is_released_while_it_is_searched_is_free_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial_port, "REOPEN_FIRST_S", 0.01)
    tape = Tape(Inbox())
    with there(tmp_path, answer("A-1")) as (pens, _), SerialSource("auto", PROFILE, tape.inbox, now_us) as source:
        source.start()
        monkeypatch.setattr(seek, "LISTEN_S", 600.0)
        pens[0].unplug()
        with there(tmp_path, b"Marlin 2.1 ready\r\n") as (back, answering):  # and it is asked for 600 s
            wait_until(lambda: answering.asked[back[0]] == 1)
            source.release(3600 * 1_000_000)
            tape.until(lambda tape: PortFree() in tape.items)
            assert tape.causes == ["opened", "unplugged"]
            with SerialSource(str(back[0].link), QUIET, Inbox(), now_us) as updater:
                updater.open()
            assert source.trouble is None
            assert source.resume()
            wait_until(lambda: answering.asked[back[0]] == 2)  # anew: nobody was a stranger


def wait_until(condition: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < give_up_s
        threading.Event().wait(0.005)


def test_a_pen_that_cannot_be_asked_says_it_by_itself(tmp_path: Path) -> None:
    pen = Pen(tmp_path / "port0")
    says = threading.Timer(0.2, lambda: pen.send(answer("A-1")))
    says.start()
    try:
        assert found(Seeker("auto", QUIET, now_us)).identity is not None
    finally:
        says.join()
        pen.unplug()


# --- sound frames, and nobody said who it is --------------------------------------------------------------------------


@pytest.fixture
def seeker(tmp_path: Path) -> Seeker:
    """One that has found pen A-1 at port0, where nobody is now."""
    seeker = Seeker("serial:A-1", PROFILE, now_us)
    with there(tmp_path, answer("A-1")):
        assert found(seeker).path == str(tmp_path / "port0")
    return seeker


def data_of(visit: Visit) -> bytes:
    return b"".join(chunk.data for chunk in visit.chunks)


def test_a_pen_that_is_back_and_whose_word_was_damaged_is_taken_with_all_that_it_sent(
    tmp_path: Path, seeker: Seeker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seek, "LISTEN_S", 60.0)
    began_s = time.monotonic()
    with there(tmp_path, BEAT + bytes([7, 0]) + BEAT):
        visit = found(seeker)
    assert (visit.path, visit.identity) == (str(tmp_path / "port0"), None)
    assert data_of(visit) == BEAT + bytes([7, 0]) + BEAT
    assert time.monotonic() - began_s < 2.0


def test_what_it_sent_is_read_on_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_port, "REOPEN_FIRST_S", 0.01)
    tape = Tape(Inbox())
    with there(tmp_path, answer("A-1")) as (pens, _), SerialSource("auto", PROFILE, tape.inbox, now_us) as source:
        source.start()
        tape.until(lambda tape: tape.data == answer("A-1"))
        pens[0].unplug()
        tape.until(lambda tape: tape.causes[-1:] == ["unplugged"])
        with there(tmp_path, BEAT) as (back, _):
            tape.until(lambda tape: tape.causes[-1:] == ["reopened"])
            back[0].send(BEAT)
            tape.until(lambda tape: tape.data == answer("A-1") + BEAT + BEAT)
            assert source.read_total == len(tape.data)


def test_a_pen_that_takes_no_questions_is_not_kept_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeker = Seeker("auto", QUIET, now_us)
    for says in (answer("A-1"), BEAT):
        pen = Pen(tmp_path / "port0")
        talks = threading.Timer(0.1, lambda pen=pen, says=says: pen.send(says))
        talks.start()
        try:
            assert data_of(found(seeker)) == says
        finally:
            talks.join()
            pen.unplug()
        monkeypatch.setattr(seek, "LISTEN_S", 60.0)
        monkeypatch.setattr(seek, "ANSWER_S", 60.0)


def test_another_pen_at_that_port_is_not_taken_when_it_says_so_in_time(tmp_path: Path, seeker: Seeker) -> None:
    with there(tmp_path, BEAT + answer("B-7")), pytest.raises(PortMissing, match=r"port0: pen B-7"):
        seeker.find(threading.Event())


def test_the_pen_itself_at_another_port_is_taken_rather_than_who_speaks_at_its_old_one(
    tmp_path: Path, seeker: Seeker
) -> None:
    with there(tmp_path, BEAT, BEAT + answer("A-1")):
        assert found(seeker).path == str(tmp_path / "port1")


def test_the_name_of_a_device_goes_before_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (by_id := tmp_path / "by-id").mkdir()
    monkeypatch.setattr(ports, "BY_ID", by_id)
    seeker = Seeker("auto", PROFILE, now_us)
    (by_id / "usb-A").symlink_to(tmp_path / "port0")
    with there(tmp_path, answer("A-1")):
        found(seeker)
    (by_id / "usb-A").unlink()
    (by_id / "usb-A").symlink_to(tmp_path / "port1")
    (by_id / "usb-B").symlink_to(tmp_path / "port0")
    with there(tmp_path, BEAT, BEAT):
        assert found(seeker).path == str(tmp_path / "port1")


def test_a_pen_that_has_not_said_who_it_is_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seek, "ASK_AGAIN_S", 0.02)
    with there(tmp_path, [BEAT, answer("A-1")]) as (pens, answering):
        visit = found(Seeker("serial:A-1", PROFILE, now_us))
        assert data_of(visit) == BEAT + answer("A-1")
        assert answering.asked == {pens[0]: 2}


def test_a_port_that_brings_sound_frames_is_no_strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seek, "LISTEN_S", 0.1)
    seeker = Seeker("serial:A-1", PROFILE, now_us)
    with there(tmp_path, BEAT) as (pens, answering):
        for _ in range(2):
            with pytest.raises(PortMissing, match="a pen's frames came and nobody said who it is"):
                seeker.find(threading.Event())
        assert answering.asked == {pens[0]: 2}


# --- addresses --------------------------------------------------------------------------------------------------------


def test_an_address_without_a_number() -> None:
    with pytest.raises(PenError, match="names no serial number"):
        Seeker("serial:", PROFILE, now_us)


@pytest.mark.parametrize(("address", "is_one"), [("auto", True), ("serial:1", True), ("/dev/auto", False), ("", False)])
def test_what_is_not_the_address_of_a_port(address: str, is_one: bool) -> None:
    assert Seeker.is_one(address) is is_one


# --- whether another device is at a path ------------------------------------------------------------------------------


def test_a_place_changes_when_another_device_takes_it_and_not_when_bytes_come(tmp_path: Path) -> None:
    pen = Pen(tmp_path / "port0")
    path = str(pen.link)
    before = places(path)
    pen.send(b"something")
    assert places(path) == before
    pen.unplug()
    assert places(path) == ()
    pen.plug()
    assert places(path) not in ((), before)
    everywhere = places(None)
    other = Pen(tmp_path / "port1")
    assert places(None) != everywhere
    pen.unplug()
    other.unplug()
