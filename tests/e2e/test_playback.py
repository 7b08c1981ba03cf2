"""`replay --to pty`: a recorded session played back is needled again, and never becomes real."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from devicelog.recorder.playback import identity_of, steps_of
from devicelog.records import Clock, record_of
from devicelog.who import identity_document
from firmware_bridge.decode import Decoder
from firmware_bridge.frames import encode, frame
from firmware_bridge.readings import Fault, Identity, LinkChange, SampleBlock, SerialChunk
from firmware_bridge.simulator import bytes_of
from tests.builders import Bench, pen_document


def devicelog(*words: str) -> list[str]:
    return [sys.executable, "-m", "devicelog", *words]


def test_every_frame_is_marked_test_and_damage_stays_damage() -> None:
    sent = bytes_of("noise", 8, 1)
    chunks = [sent[at : at + 200] for at in range(0, len(sent), 200)]
    records = [record_of(n, n * 20_000, SerialChunk(t_us=0, data=chunk)) for n, chunk in enumerate(chunks)]
    before, after = Decoder(), Decoder()
    original = before.feed(SerialChunk(t_us=0, data=sent))
    played = after.feed(SerialChunk(t_us=0, data=b"".join(step.data or b"" for step in steps_of(records))))
    blocks = [reading for reading in original if isinstance(reading, SampleBlock)]
    assert [block._replace(mode="demo") for block in played if isinstance(block, SampleBlock)] == blocks
    assert {reading.mode for reading in played if not isinstance(reading, Fault)} == {"test"}  # type: ignore[union-attr]
    assert [fault.data for fault in played if isinstance(fault, Fault)] == [
        fault.data for fault in original if isinstance(fault, Fault)
    ]


def test_a_lost_link_is_lost_again_and_unreadable_frames_are_left_out() -> None:
    items = [
        SerialChunk(t_us=0, data=frame(bytes([0x10, 99]) + bytes(20))),
        LinkChange(t_us=50, up=False, cause="unplugged"),
        LinkChange(t_us=90, up=True, cause="reopened"),
    ]
    records = [record_of(n, 100 + n, item) for n, item in enumerate(items)]
    assert [(step.at_us, step.data) for step in steps_of(records)] == [(1, None), (2, b"")]


def test_what_befalls_the_pins_is_not_played_and_cuts_nothing() -> None:
    sent = bytes_of("clean", 6, 1)
    whole = [SerialChunk(t_us=0, data=sent[:1_001]), SerialChunk(t_us=0, data=sent[1_001:])]
    lost, back = (LinkChange(t_us=0, up=up, cause="io error", port="pins") for up in (False, True))

    def played(items: list[SerialChunk | LinkChange]) -> list[bytes | None]:
        return [step.data for step in steps_of(record_of(n, n, item) for n, item in enumerate(items))]

    assert played([whole[0], lost, back, whole[1]]) == played([*whole])


@pytest.mark.timeout(120)
def test_a_session_recorded_from_a_playback(tmp_path: Path) -> None:
    data, link = ["--data-dir", str(tmp_path / "data")], tmp_path / "pen"
    made = subprocess.run(
        devicelog("demo", "--seconds", "6", "--speed", "4", "--json", *data), capture_output=True, text=True, timeout=60
    )
    first = json.loads(made.stdout)
    player = subprocess.Popen(
        devicelog("replay", first["id"], "--to", "pty", "--link", str(link), *data), stderr=subprocess.PIPE, text=True
    )
    assert player.stderr is not None
    assert "plays at" in player.stderr.readline()
    assert link.exists()
    words = ["--client", "X", "--practitioner", "KM", "--plan", "full-face", "--duration", "3", "--json"]
    again = subprocess.run(
        devicelog("record", "--pen", str(link), *words, "--data-dir", str(tmp_path / "again")),
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    player.terminate()
    player.communicate(timeout=20)
    second = json.loads(again.stdout)
    assert second["mode"] == "test"
    assert second["modes"] == ["test"]
    assert second["pen"]["serial"] == first["pen"]["serial"]
    assert second["completeness"]["boots"][0]["decoded"] > 0
    assert not os.path.lexists(link)


def said(data: bytes) -> Identity:
    (identity,) = Decoder().feed(SerialChunk(t_us=0, data=data))
    assert isinstance(identity, Identity)
    return identity


@pytest.mark.parametrize("first", ["samples", "heartbeat"])
def test_the_identity_is_that_of_the_session_and_comes_before_its_first_frame(first: str) -> None:
    bench = Bench(seq=4_000_000_000, pen_us=77_000)
    bench.identity("another")  # it carries no sample number that a playback could be held to
    bench.wait(5_000)
    if first == "heartbeat":
        bench.heartbeat()
    block = bench.block("11")
    data = encode(block)
    bench.raw(data[:9])  # a frame in two records
    bench.raw(data[9:])
    bench.seq += 2
    bench.wait(20_000)
    bench.samples("11")
    pen = pen_document()
    identity = said(identity_of(pen, bench.records))
    assert identity_document(identity) == {**pen, "mode": "test"}
    assert (identity.boot, identity.seq, identity.t_us) == (7, 4_000_000_000, 82_000)


def test_the_identity_of_a_session_without_a_frame() -> None:
    nothing = [record_of(0, 100, Clock(boot="b", wall_us=5, confidence="synced"))]
    for records in ([], nothing):
        identity = said(identity_of(pen_document(), records))
        assert (identity.mode, identity.boot, identity.seq, identity.t_us) == ("test", 0, 0, 0)
