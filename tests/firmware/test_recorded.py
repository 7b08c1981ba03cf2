"""The reference firmware under the ordinary command line: its binary in simavr, a real pty, a real database."""

import signal
from pathlib import Path

import pytest

from tests.e2e.running import assert_whole, bytes_on_disk, devicelog, recording, rules_found, the_session
from tests.firmware.bench import LiveBench

BYTES_A_SECOND = 43 * 50  # 50 frames of four samples


@pytest.mark.timeout(240)
def test_a_watchdog_reset_in_the_middle_of_a_session_is_one_gap(tmp_path: Path, live: LiveBench) -> None:
    data_dir, marks = tmp_path / "data", tmp_path / "marks"
    marks.write_text("0 zone forehead\n", encoding="utf-8")
    live.dial(1060)
    with recording(data_dir, live.port, "--profile", "board", "--marks", marks) as recorder:
        recorder.wait_for("recording s-")

        def needle(seconds: float) -> None:
            enough = bytes_on_disk(data_dir) + seconds * BYTES_A_SECOND
            recorder.wait_until(lambda: bytes_on_disk(data_dir) >= enough, f"{seconds} s of needling on disk")

        live.contact(True)
        live.motor(100)
        needle(2)
        live.hang()
        needle(1)
        live.button(True)
        needle(1)
        live.contact(False)
        live.motor(0)
        recorder.wait_for("lifted")
        recorder.send(signal.SIGINT)
        recorder.end().succeeded()

    told = the_session(data_dir)
    (gap,) = told["gaps"]
    assert (gap["zone"], gap["cause"]) == ("forehead", "restart")
    assert 250_000 < gap["for_us"] < 500_000, "the watchdog takes 0.25 s, the boot counter 0.06 s"
    before, after = told["completeness"]["boots"]
    assert after["boot"] == (before["boot"] + 1) % 65536
    assert (before["begun"], after["begun"]) == ("first", "restart")
    assert (before["missing"], after["missing"]) == (0, 0)
    assert min(before["decoded"], after["decoded"]) > 300
    assert told["completeness"]["closes"]
    assert {"data.gap", "pen.restarted"} <= set(rules_found(told))
    assert {"code": 5, "n": 1} in told["events"], "the pen says that it hung"
    (zone,) = told["zones"]
    assert zone["passes"]["pen"] == 1
    assert (told["pen"]["model"], told["pen"]["serial"], told["mode"]) == ("Reference board", "SIM-328", "test")

    assert devicelog("replay", told["id"], "--json", data_dir=data_dir).succeeded().json()["identical"]
    assert_whole(data_dir)


def test_the_board_answers_a_probe(live: LiveBench) -> None:
    live.motor(100)
    words = ("pens", "probe", live.port, "--profile", "board", "--seconds", "2", "--json")
    told = devicelog(*words).succeeded().json()
    assert (told["readable"], told["profile"], told["identity"]["model"]) == (True, "board", "Reference board")
    assert (told["period_us"], told["frames_damaged"], told["frames_unknown"]) == (5000, 0, 0)
    assert told["columns"] == ["depth_set_um", "frequency_dhz", "contact", "passes", "strokes"]
