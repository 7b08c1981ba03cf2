"""What the reference firmware does when it hangs, when its supply sags and when its memory wears out.

The AVR binary itself in simavr. simavr has no brown-out detector and writes EEPROM in no time: the bench stands in for
both (a supply that goes while a byte is written leaves that byte torn).
"""

import random
import subprocess
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from firmware_bridge.readings import Fault, Heartbeat, Identity, PenEvent, SampleBlock
from tests.firmware.bench import Bench, Sent, faults, only
from tests.firmware.toolchain import FIRMWARE, built_pen, need, run

FAULT, WATCHDOG, BROWN_OUT, MEMORY = 5, 1, 2, 3
RECORD_BYTES, PLACES = 16, 64


def boots(sent: list[Sent]) -> list[int]:
    """The boot numbers, in the order in which they came."""
    return list(dict.fromkeys(item.reading.boot for item in sent if not isinstance(item.reading, Fault)))


def told_faults(sent: list[Sent]) -> list[int]:
    return [event.value for event in only(PenEvent, sent) if event.code == FAULT]


# --- watchdog ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interrupts", [True, False], ids=["interrupts go on", "interrupts off"])
def test_a_program_that_hangs_is_started_anew(bench: Bench, interrupts: bool) -> None:
    bench.motor(100)
    before = bench.run(2000)
    bench.hang(interrupts=interrupts)
    after = bench.run(2000)
    (boot,) = boots(before)
    cut = faults(after)
    assert [fault.kind for fault in cut] in ([], ["cobs"], ["crc"]), "the frame that was on the line, no more"
    restarted = [item for item in after if boots([item]) == [boot + 1]]
    assert told_faults(after) == [WATCHDOG]
    assert isinstance(restarted[0].reading, Identity), "who it is comes first"
    assert restarted[0].at_us - before[-1].at_us < 400_000
    blocks = only(SampleBlock, restarted)
    assert (blocks[0].seq, blocks[0].strokes) == (0, pytest.approx(only(SampleBlock, before)[-1].strokes, abs=5))
    assert len(blocks) > 60


def test_it_hangs_again_and_again(bench: Bench) -> None:
    sent = bench.run(500)
    for _ in range(12):
        bench.hang()
        sent += bench.run(500)
    first = boots(sent)[0]
    assert boots(sent) == [(first + i) % 65536 for i in range(13)]
    assert told_faults(sent) == [WATCHDOG] * 12
    assert not faults(sent)


def test_a_pass_outlives_the_watchdog_and_a_button_that_is_held_meanwhile_makes_no_other(bench: Bench) -> None:
    bench.run(500)
    bench.button(True)
    bench.run(30)
    bench.hang()  # before the EEPROM has it
    assert [beat.passes for beat in only(Heartbeat, bench.run(1500))] == [1, 1]
    bench.button(False)
    bench.run(100)
    bench.button(True)
    assert [beat.passes for beat in only(Heartbeat, bench.run(1500))] == [2]


# --- power ------------------------------------------------------------------------------------------------------------


def test_power_and_brown_out_are_told_apart(bench: Bench) -> None:
    sent = bench.run(700)
    bench.power_off()
    bench.power_on()
    again = bench.run(700)
    bench.power_off()
    bench.power_on(after_brown_out=True)
    sagged = bench.run(700)
    first = boots(sent)[0]
    assert (boots(again), boots(sagged)) == ([(first + 1) % 65536], [(first + 2) % 65536])
    assert (told_faults(sent), told_faults(again), told_faults(sagged)) == ([], [], [BROWN_OUT])


def test_a_brown_out_after_the_watchdog_is_a_brown_out(bench: Bench) -> None:
    bench.run(300)
    bench.hang()
    assert told_faults(bench.run(700)) == [WATCHDOG]
    bench.power_off()
    bench.power_on(after_brown_out=True)
    assert told_faults(bench.run(700)) == [BROWN_OUT]


def test_totals_outlive_power(bench: Bench) -> None:
    bench.run(500)
    bench.motor(100)
    bench.run(2000)
    bench.motor(0)
    bench.button(True)
    before = only(Heartbeat, bench.run(2500))[-1]
    bench.power_off()
    bench.power_on()
    after = only(Heartbeat, bench.run(1500))[-1]
    assert (after.passes, after.strokes) == (before.passes, before.strokes) == (1, pytest.approx(200, abs=1))


def test_a_boot_number_that_was_heard_is_never_heard_again(bench: Bench) -> None:
    """Power goes at any moment, also while the number is written and while totals are."""
    chance = random.Random(328)
    bench.motor(100)
    heard: list[int] = []
    for _ in range(250):
        sent = bench.run(chance.choice((chance.uniform(1, 70), chance.uniform(55, 500))))
        heard += boots(sent)
        bench.button(chance.random() < 0.5)
        bench.power_off()
        bench.power_on(after_brown_out=chance.random() < 0.5)
    assert len(heard) > 120
    steps = [(later - earlier) % 65536 for earlier, later in pairwise(heard)]
    assert min(steps) >= 1
    assert max(steps) < 50, "it counts starts"


def test_a_pen_whose_memory_was_erased_does_not_begin_with_the_same_number(bench: Bench) -> None:
    numbers = []
    for _ in range(8):
        numbers += boots(bench.run(100))
        bench.power_off()
        bench.erase()
        bench.power_on()
    assert len(set(numbers)) == 8


# --- wear -------------------------------------------------------------------------------------------------------------


def test_every_place_of_the_memory_is_written_in_its_turn(bench: Bench) -> None:
    written: Counter[int] = Counter()
    before = bench.eeprom()
    for _ in range(3 * PLACES):
        bench.run(100)
        bench.power_off()
        after = bench.eeprom()
        changed = {i // RECORD_BYTES for i in range(len(after)) if after[i] != before[i]}
        assert len(changed) == 1, "one record a start"
        written.update(changed)
        before = after
        bench.power_on()
    assert written == dict.fromkeys(range(PLACES), 3)


def test_needling_writes_a_record_a_minute(bench: Bench) -> None:
    bench.motor(100)
    bench.run(100)
    before = bench.eeprom()
    for _ in range(2):
        bench.run(61_000)
        after = bench.eeprom()
        assert len({i // RECORD_BYTES for i in range(len(after)) if after[i] != before[i]}) == 1
        before = after


def test_a_worn_place_is_passed_over(bench: Bench) -> None:
    sent = bench.run(300)
    bench.spoil(2 * RECORD_BYTES + 5, 3 * RECORD_BYTES)
    for _ in range(8):
        bench.power_off()
        bench.power_on()
        sent += bench.run(900)
    first = boots(sent)[0]
    assert boots(sent) == [(first + i) % 65536 for i in range(9)]
    assert told_faults(sent) == []


def test_a_memory_that_is_worn_out_is_told_and_the_pen_works(bench: Bench) -> None:
    bench.spoil(0, PLACES * RECORD_BYTES)
    numbers = []
    bench.motor(100)
    for _ in range(5):
        bench.power_off()
        bench.power_on()
        sent = bench.run(1500)
        numbers += boots(sent)
        assert told_faults(sent) == [MEMORY]
        assert len(only(SampleBlock, sent)) > 30
    assert len(set(numbers)) == 5


# --- the build --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ((), "say what the pen is for: make MODE=test (bench) or MODE=real (may be on skin)"),
        (("MODE=demo",), "say what the pen is for"),
        (("MODE=test", "SERIAL=" + "9" * 33), "SERIAL has more than 32 characters"),
        (("MODE=test", "BAUD=50"), "no such baud rate"),
    ],
    ids=["no mode", "a mode it cannot have", "a serial number of 33 characters", "a baud rate it cannot have"],
)
def test_a_pen_that_cannot_be_is_not_built(tmp_path: Path, settings: tuple[str, ...], told: str) -> None:
    need("make", "avr-gcc", "avr-libc")
    words = ["make", "-C", str(FIRMWARE), *settings, f"BUILD={tmp_path}"]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert ended.returncode != 0
    assert told in ended.stderr
    assert not (tmp_path / "pen.hex").exists()


def test_the_mode_is_the_one_it_was_built_for(tmp_path: Path) -> None:
    need("make", "avr-gcc", "avr-libc")
    for mode in ("real", "test"):
        run("make", "-C", FIRMWARE, f"MODE={mode}", f"BUILD={tmp_path / mode}", "all")
    assert (tmp_path / "real" / "pen.hex").read_bytes() != (tmp_path / "test" / "pen.hex").read_bytes()


def test_memory_and_fuses(tmp_path_factory: pytest.TempPathFactory) -> None:
    pen = built_pen(tmp_path_factory)
    _, data, bss, *_ = map(int, run("avr-size", pen).splitlines()[1].split()[:3])
    assert data + bss < 1200, "the rest of 2048 bytes is the stack and what a boot number is made of"
    assert "ffd1fc" in run("avr-objdump", "-s", "-j", ".fuse", pen)
