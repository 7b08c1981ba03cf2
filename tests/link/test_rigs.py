"""The rigs of the link in short, and that they can fail: what is judged by them is bent here."""

from pathlib import Path

import pytest

from tests.e2e.running import samples
from tests.link.saturating import TTY_BYTES, Kernel, saturate
from tests.link.unplugging import Figures, gaps_against, unplug


def test_unplugged_in_mid_frame_and_back(tmp_path: Path) -> None:
    figures = unplug(tmp_path, times=10, seed=3)
    assert figures.faults == []
    assert len(figures.back_us) == figures.gaps == 10
    assert figures.awaited == 2  # the tenth, and the last
    assert max(figures.back_us) < 2_000_000


@pytest.mark.parametrize("samples_per_frame", [2, 10])
def test_a_full_line_of_921600_baud(tmp_path: Path, samples_per_frame: int) -> None:
    figures = saturate(tmp_path, seconds=1.5, samples_per_frame=samples_per_frame)
    assert figures.whole, figures
    assert figures.samples > 5000
    assert figures.in_kernel <= TTY_BYTES
    assert (figures.overruns > 0) is (figures.overrun_bytes > 0)
    assert figures.in_queue < 1 << 20  # a quarter of what the queue holds


def test_what_finds_the_kernels_terminal_full_is_what_a_uart_would_have_lost() -> None:
    kernel = Kernel()
    for waiting, coming in [(0, 460), (4000, 95), (4000, 96), (TTY_BYTES, 460), (460, 460), (4095, 1), (0, 460)]:
        kernel.take(waiting=waiting, coming=coming)
    assert (kernel.most, kernel.overruns, kernel.overrun_bytes) == (TTY_BYTES, 2, 1 + 460 + 1)


def test_a_fault_is_told() -> None:
    told = Figures(
        times=1,
        back_us=[9_000],
        sent=9,
        awaited=1,
        kept=7,
        gaps=1,
        missing=3,
        cpu_s=0.1,
        lasted_s=1.0,
        faults=["a byte"],
    )
    assert "FAULT: a byte" in list(told.lines())


def test_a_gap_that_the_session_does_not_have_is_a_fault() -> None:
    kept = [b"".join(samples(0, 5)), b"".join(samples(40, 5))]
    account = {"boots": [{"decoded": 20, "missing": 30}]}
    assert gaps_against({"gaps": [{"cause": "link", "missing": 30}], "completeness": account}, kept) == []
    (fault,) = gaps_against({"gaps": [], "completeness": account}, kept)
    assert fault == "0 gaps are listed, 1 were made"
    account["boots"][0]["decoded"] = 18
    (fault,) = gaps_against({"gaps": [{"cause": "link", "missing": 30}], "completeness": account}, kept)
    assert fault.startswith("decoded 18")
