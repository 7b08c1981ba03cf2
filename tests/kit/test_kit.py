"""The public test kit: pens in the test's own time, and what importing it loads."""

import subprocess
import sys
import sysconfig
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
import serial
from gpiozero import Button

from firmware_bridge import pytest_plugin
from firmware_bridge.decode import Decoder
from firmware_bridge.errors import PortBusy
from firmware_bridge.kit.gpio_pen import GpioPen, PinListener
from firmware_bridge.kit.listener import Listener
from firmware_bridge.kit.serial_pen import NotTaken, SerialPen
from firmware_bridge.readings import Identity, LinkChange, SampleBlock, SerialChunk
from firmware_bridge.simulator import ScenarioError, bytes_of
from firmware_bridge.wiring import LINES

ROOT = Path(__file__).resolve().parents[2]

Make = Callable[..., SerialPen]
Listen = Callable[..., Listener]

POSIX = ("termios", "fcntl", "pty", "tty", "resource", "pwd", "grp", "syslog")
ANYWHERE = (
    "firmware_bridge.pytest_plugin",
    "firmware_bridge.kit",
    "firmware_bridge.decode",
    "firmware_bridge.conformance",
)

_WITHOUT = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None  # importing it fails
import {wanted}
"""


# --- a fault first ----------------------------------------------------------------------------------------------------


def test_nobody_reads(devicelog_serial_pen: Make) -> None:
    pen = devicelog_serial_pen(taken_within_s=0.1)
    with pytest.raises(NotTaken, match=r"pen: \d+ bytes unread after 0.1 s"):
        pen.advance(1)


def test_a_port_that_was_closed_in_the_middle(devicelog_serial_pen: Make, devicelog_listener: Listen) -> None:
    pen = devicelog_serial_pen(taken_within_s=0.1)
    listener = devicelog_listener(pen)
    pen.advance(1)
    listener.close()
    with pytest.raises(NotTaken):
        pen.advance(1)


@pytest.mark.parametrize("scenario", ["clean", "noise", "unplug", "stall", "reboot", "wrongpen", "transmitonly"])
def test_not_one_byte_is_lost_on_the_way(scenario: str, devicelog_serial_pen: Make, devicelog_listener: Listen) -> None:
    pen = devicelog_serial_pen(scenario=scenario, seconds=6, seed=3)
    listener = devicelog_listener(pen)
    pen.finish()
    readings = listener.drain()
    arrived = b"".join(raw.data for raw in listener.raw if isinstance(raw, SerialChunk))
    assert len(arrived) == pen.sent_bytes > 0
    decoder = Decoder()
    assert [decoder.feed(raw) for raw in listener.raw]  # the same input in one piece or in any other
    assert listener.decoder.framed_bytes == decoder.framed_bytes
    assert any(isinstance(reading, SampleBlock) for reading in readings)
    assert listener.drain() == []


def test_the_same_arguments_give_the_same_bytes(devicelog_serial_pen: Make, devicelog_listener: Listen) -> None:
    pens = [devicelog_serial_pen(scenario="transmitonly", seconds=6, seed=5) for _ in range(2)]
    listeners = [devicelog_listener(pen) for pen in pens]
    for pen in pens:
        pen.finish()
        pen.drain()
    arrived = [b"".join(raw.data for raw in one.raw if isinstance(raw, SerialChunk)) for one in listeners]
    assert arrived[0] == arrived[1] == bytes_of("transmitonly", 6, 5)


def test_two_pens_at_once(devicelog_serial_pen: Make, devicelog_listener: Listen) -> None:
    left, right = devicelog_serial_pen(seconds=6, serial="LEFT"), devicelog_serial_pen(seconds=6, serial="RIGHT")
    hears_left, hears_right = devicelog_listener(left), devicelog_listener(right)
    for _ in range(30):
        left.advance(0.1)
        right.advance(0.1)
    names = [{one.serial for one in who.drain() if isinstance(one, Identity)} for who in (hears_left, hears_right)]
    assert names == [{"LEFT"}, {"RIGHT"}]
    assert left.now_us == right.now_us == 3_000_000


def test_a_plug_pulled_by_hand(devicelog_serial_pen: Make, devicelog_listener: Listen) -> None:
    pen = devicelog_serial_pen(seconds=6)
    listener = devicelog_listener(pen)
    pen.advance(1)
    pen.unplug()
    assert not Path(pen.port).exists()
    pen.replug()
    pen.advance(1)
    causes = [raw.cause for raw in listener.raw if isinstance(raw, LinkChange)]
    assert causes == ["opened", "unplugged", "reopened"]
    assert sum(isinstance(reading, SampleBlock) for reading in listener.drain()) > 50


def test_who_it_is_while_time_stands_still(devicelog_serial_pen: Make) -> None:
    """A program that asks and waits in the only thread there is gets its answer."""
    from firmware_bridge.frames import encode
    from firmware_bridge.readings import IdentityRequest

    pen = devicelog_serial_pen(serial="S-1")
    decoder = Decoder()
    with serial.Serial(pen.port, timeout=10) as port:
        port.write(encode(IdentityRequest()))
        heard = []
        while not heard:
            heard = decoder.feed(SerialChunk(t_us=0, data=port.read(1)))
    assert isinstance(heard[0], Identity)
    assert heard[0].serial == "S-1"
    assert pen.now_us == 0


@pytest.mark.parametrize("seconds", [0, -3, 5, 36_000])
def test_a_script_of_a_length_that_there_is_not(devicelog_serial_pen: Make, seconds: int) -> None:
    with pytest.raises(ScenarioError, match=rf"a session of {seconds} s; a simulated one lasts 6 to 14400 s"):
        devicelog_serial_pen(seconds=seconds)


def test_no_time_at_all(devicelog_serial_pen: Make, devicelog_gpio_pen: Callable[..., GpioPen]) -> None:
    for pen in (devicelog_serial_pen(), devicelog_gpio_pen()):
        pen.advance(0)
        assert pen.now_us == 0


def test_two_listeners_on_one_pen(devicelog_serial_pen: Make, devicelog_listener: Listen) -> None:
    pen = devicelog_serial_pen()
    first = devicelog_listener(pen)
    with pytest.raises(PortBusy, match=r"pen: another program holds the port"):
        devicelog_listener(pen)
    pen.advance(1)
    assert first.drain()


def left_open() -> int | None:
    """How many descriptors this process has; None where nobody tells."""
    folder = Path("/proc/self/fd")
    return sum(1 for _ in folder.iterdir()) if folder.exists() else None


def test_the_port_is_gone_when_the_test_is_over(tmp_path: Path) -> None:
    with SerialPen(tmp_path) as pen, pen.listener() as listener:  # what is loaded once is loaded by now
        pen.advance(0.1)
    before = threading.enumerate(), left_open()
    with SerialPen(tmp_path) as pen:
        port = Path(pen.port)
        assert port.exists()
        assert threading.active_count() == len(before[0]) + 1
        with pen.listener() as listener:
            pen.advance(0.1)
            assert listener.drain()
        pen.unplug()
        pen.replug()
    assert not port.exists()
    pen.close()  # twice is once
    assert (threading.enumerate(), left_open()) == before


def test_a_plug_that_was_pulled_stays_pulled(devicelog_serial_pen: Make, devicelog_listener: Listen) -> None:
    pen = devicelog_serial_pen(seconds=6)
    listener = devicelog_listener(pen)
    pen.advance(1)
    pen.unplug()
    sent = pen.sent_bytes
    pen.advance(1)
    assert not Path(pen.port).exists()
    assert pen.sent_bytes == sent
    pen.replug()
    pen.advance(1)
    blocks = [reading for reading in listener.finish() if isinstance(reading, SampleBlock)]
    assert [after.seq - before.seq - before.n > 50 for before, after in pairwise(blocks)].count(True) == 1


@pytest.mark.parametrize("taken", [0, 300])
def test_a_program_that_has_the_port_open_and_stops_reading(taken: int, devicelog_serial_pen: Make) -> None:
    pen = devicelog_serial_pen(taken_within_s=2.5)  # longer than a simulated pen elsewhere remembers
    with serial.Serial(pen.port, timeout=5) as port, ThreadPoolExecutor(1) as pool:
        read = pool.submit(port.read, taken)
        with pytest.raises(NotTaken):
            pen.finish()
        assert len(read.result()) == taken


def test_a_program_that_closes_the_port_in_the_middle(devicelog_serial_pen: Make) -> None:
    pen = devicelog_serial_pen(taken_within_s=2.5)
    with serial.Serial(pen.port):
        pass
    with pytest.raises(NotTaken):
        pen.finish()


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
def test_time_that_cannot_go_by(
    seconds: float, devicelog_serial_pen: Make, devicelog_gpio_pen: Callable[..., GpioPen]
) -> None:
    for pen in (devicelog_serial_pen(), devicelog_gpio_pen()):
        with pytest.raises(ValueError, match="time goes forward only"):
            pen.advance(seconds)


@pytest.mark.parametrize("serial_number", ["x" * 33, "äé", "a\n"])
def test_a_serial_number_that_no_pen_can_say(serial_number: str, devicelog_serial_pen: Make) -> None:
    with pytest.raises(ValueError, match="at most 32 printable ASCII"):
        devicelog_serial_pen(serial=serial_number)


def test_a_pen_that_was_closed_stays_closed(
    devicelog_serial_pen: Make, devicelog_gpio_pen: Callable[..., GpioPen]
) -> None:
    pen, pins = devicelog_serial_pen(), devicelog_gpio_pen()
    pen.close()
    pins.close()
    for act in (lambda: pen.advance(1), pen.unplug, pen.replug, lambda: pins.advance(1)):
        with pytest.raises(ValueError, match="closed"):
            act()
    assert not Path(pen.port).exists()


# --- pins -------------------------------------------------------------------------------------------------------------


def test_pins_that_no_profile_wires(devicelog_gpio_pen: Callable[..., GpioPen]) -> None:
    with pytest.raises(ValueError, match="the profile reference wires no pins"):
        devicelog_gpio_pen(profile="reference")


def test_a_scenario_that_pins_cannot_suffer(devicelog_gpio_pen: Callable[..., GpioPen]) -> None:
    with pytest.raises(ValueError, match="happens to a serial line"):
        devicelog_gpio_pen(scenario="noise")


@pytest.mark.parametrize("profile", ["gpio-reference", "gpio-adc"])
def test_every_edge_is_kept_and_bounce_is_not_counted(
    profile: str, devicelog_gpio_pen: Callable[..., GpioPen], devicelog_listener: Callable[..., PinListener]
) -> None:
    pen = devicelog_gpio_pen(profile=profile, seconds=8, seed=4)
    listener = devicelog_listener(pen)
    pen.advance(4)
    readings = listener.drain()
    pen.finish()
    readings += listener.finish()
    lines = [LINES[edge.line] for batch in listener.raw for edge in batch.edges]
    assert Counter(lines) == pen.driven
    blocks = [reading for reading in readings if isinstance(reading, SampleBlock)]
    assert blocks[-1].passes == len(pen.script.pass_us) < pen.driven["pass"] / 2
    assert [after.seq - before.seq - before.n for before, after in pairwise(blocks)] == [0] * (len(blocks) - 1)
    converted = sum(len(batch.adc) for batch in listener.raw)
    assert converted == (pen.now_us // 20_000 if profile == "gpio-adc" else 0)


def test_two_pens_on_pins(devicelog_gpio_pen: Callable[..., GpioPen]) -> None:
    pens = [devicelog_gpio_pen(seconds=8, seed=seed) for seed in (1, 2)]
    presses: list[list[int]] = [[], []]
    with ExitStack() as buttons:
        for pen, heard in zip(pens, presses, strict=True):
            button = buttons.enter_context(Button(22, pin_factory=pen.factory))
            button.when_pressed = lambda heard=heard, pen=pen: heard.append(pen.now_us)
        pens[0].finish()
        assert presses[0]
        assert not presses[1]
        pens[1].finish()
    assert presses[1]


def test_the_factory_is_what_it_was_also_after_a_failure(tmp_path: Path) -> None:
    (tmp_path / "test_stranger.py").write_text(
        "import gpiozero\nimport pytest\n\n\n"
        "@pytest.mark.xfail(strict=True)\ndef test_fails(devicelog_gpio_pen):\n"
        "    pen = devicelog_gpio_pen()\n    assert gpiozero.Device.pin_factory is pen.factory\n"
        "    raise RuntimeError\n"
        "\n\ndef test_after():\n    assert gpiozero.Device.pin_factory is None\n"
    )
    assert _pytest(tmp_path, "test_stranger.py") == "1 passed, 1 xfailed"


# --- what a plugin may do to other people's tests ---------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ANYWHERE)
def test_it_imports_without_posix_and_loads_no_port_library(wanted: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _WITHOUT.format(blocked=(*POSIX, "serial", "gpiozero"), wanted=wanted)],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr


def test_a_run_that_asks_for_no_fixture_loads_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_stranger.py").write_text(
        "import sys\n\n\ndef test_it():\n"
        "    loaded = {'serial', 'gpiozero', 'firmware_bridge.kit', 'firmware_bridge.simulator'} & set(sys.modules)\n"
        "    assert not loaded\n    assert 'firmware_bridge.pytest_plugin' in sys.modules\n"
    )
    assert _pytest(tmp_path, "test_stranger.py") == "1 passed"


def test_fixtures_are_prefixed_and_none_comes_unasked() -> None:
    fixtures = {
        name: value._fixture_function_marker
        for name, value in vars(pytest_plugin).items()
        if hasattr(value, "_fixture_function_marker")
    }
    assert fixtures
    assert all(name.startswith("devicelog_") for name in fixtures)
    assert {marker.scope for marker in fixtures.values()} == {"function"}
    assert not any(marker.autouse for marker in fixtures.values())


# --- the page ---------------------------------------------------------------------------------------------------------


def examples(folder: Path) -> int:
    """Write every example of the page into a folder, a file each; how many."""
    page = (ROOT / "docs" / "test-kit.md").read_text("utf-8")
    found = [part.split("```", 1)[0] for part in page.split("```python\n")[1:]]
    for number, example in enumerate(found):
        (folder / f"test_example_{number}.py").write_text(example)
    return sum(example.count("\ndef test_") for example in found)


def test_the_page_runs_alone_and_under_xdist(tmp_path: Path) -> None:
    n = examples(tmp_path)
    assert _pytest(tmp_path, "-p", "no:xdist") == f"{n} passed"
    assert _pytest(tmp_path, "-n", "2").endswith(f"{n} passed")


def test_the_page_runs_with_the_package_from_its_wheel(tmp_path: Path) -> None:
    """In a folder of its own, by a Python that cannot see the checkout."""
    wheels, installed, folder = (tmp_path / name for name in ("wheels", "installed", "stranger"))
    folder.mkdir()
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = wheels.glob("*.whl")
    install = [sys.executable, "-m", "pip", "-q", "install", "--no-deps", "--no-index", "--target", installed, wheel]
    subprocess.run(install, check=True)
    n = examples(folder)
    (folder / "test_where.py").write_text(
        "import firmware_bridge\n\n\ndef test_it():\n"
        f"    assert firmware_bridge.__file__.startswith({str(installed)!r})\n"
    )
    # a path in the environment is no place where .pth files are read: of the libraries only what is really in there
    where = {"PYTHONPATH": f"{installed}:{sysconfig.get_path('purelib')}", "PATH": "/usr/bin:/bin"}
    assert _pytest(folder, python=str(Path(sys.base_prefix, "bin", "python3")), environment=where) == f"{n + 1} passed"


def _pytest(
    directory: Path, *arguments: str, python: str = sys.executable, environment: dict[str, str] | None = None
) -> str:
    """The last line of a run in a folder of its own, without its time; all of it when something failed."""
    run = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
    )
    last = run.stdout.strip().splitlines()[-1] if run.stdout else run.stderr
    return last.split(" in ")[0] if run.returncode == 0 else run.stdout + run.stderr
