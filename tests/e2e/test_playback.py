"""`replay --to pty`: a recorded session played back is needled again, and never becomes real."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from devicelog.recorder.playback import steps_of
from devicelog.records import record_of
from firmware_bridge.decode import Decoder
from firmware_bridge.frames import frame
from firmware_bridge.readings import Fault, LinkChange, SampleBlock, SerialChunk
from firmware_bridge.simulator.pen import bytes_of


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


def test_the_identity_is_that_of_the_session() -> None:
    from devicelog.derive import identity_document
    from devicelog.recorder.playback import identity_of
    from firmware_bridge.simulator.pen import Pen
    from firmware_bridge.simulator.script import script_for

    said = Decoder().feed(SerialChunk(t_us=0, data=Pen(script_for("clean", 8, 1), 1).identity_frame()))[0]
    pen = identity_document(said)  # type: ignore[arg-type]
    played = Decoder().feed(SerialChunk(t_us=0, data=identity_of(pen)))[0]
    assert identity_document(played) == {**pen, "mode": "test"}  # type: ignore[arg-type]
