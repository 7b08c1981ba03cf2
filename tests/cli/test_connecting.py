"""Words of the command line that cannot be meant for pins: each refused with what to do, and nothing is made."""

from pathlib import Path

import pytest

from devicelog.cli import run
from firmware_bridge import profiles

PROFILES = Path(profiles.__file__).parent
WHO = ("--client", "P-117", "--practitioner", "KM", "--plan", "full-face")


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DEVICELOG_PIN_FACTORY", "DEVICELOG_ALLOW_MOCK_PINS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "data"


@pytest.fixture
def refused(data_dir: Path, capsys: pytest.CaptureFixture[str]):
    """Run a command that must end with 2 and one line with these words, and leave nothing behind."""

    def check(words, says) -> None:
        assert run([*map(str, words), "--data-dir", str(data_dir)]) == 2
        told = capsys.readouterr().err.splitlines()
        assert told[-1].startswith("error: ")
        for word in says:
            assert word in told[-1]
        assert not data_dir.exists()

    return check


def wired(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """The shipped wiring with something changed."""
    text = (PROFILES / "gpio-reference.toml").read_text("utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    return path


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ([("pin = 17", "pin = 28")], ["gpio.strokes.pin = 28", "a BCM pin from 0 to 27"]),
        ([("pin = 27", "pin = 17")], ["pin 17 is used twice", "strokes", "contact"]),
        ([("tone_pin = 18", "tone_pin = 23")], ["pin 23 is used twice", "pedal", "tone"]),
        ([('pull = "up"', 'pull = "upp"')], ["gpio.strokes.pull = 'upp'"]),
        ([('factory = "lgpio"', 'factory = "lgpoi"')], ["'lgpoi'", "Did you mean lgpio?"]),
        ([('factory = "lgpio"', 'factory = "mock"')], ["mock pins measure nothing", "demo --pen gpio"]),
    ],
    ids=["wrong-pin", "pin-used-twice", "tone-on-a-pin-in-use", "wrong-pull", "unknown-factory", "mock"],
)
def test_a_wiring_that_cannot_be_meant(refused, tmp_path: Path, changes, says) -> None:
    refused(("record", "--pen", "gpio", *WHO, "--profile", wired(tmp_path, *changes)), says)


def test_an_spi_pin_that_is_used_twice(refused, tmp_path: Path) -> None:
    text = (PROFILES / "gpio-adc.toml").read_text("utf-8").replace("pin = 22", "pin = 9")
    (tmp_path / "mine.toml").write_text(text, "utf-8")
    words = ("record", "--pen", "gpio", *WHO, "--profile", tmp_path / "mine.toml")
    refused(words, ["pin 9 is used twice", "SPI data in", "pass"])


@pytest.mark.parametrize(
    ("more", "environment", "says"),
    [
        (["--pin-factory", "nativ"], {}, ["--pin-factory = 'nativ'", "Did you mean native?"]),
        (["--pin-factory", "mock"], {}, ["--pin-factory = 'mock'", "mock pins measure nothing"]),
        ([], {"DEVICELOG_PIN_FACTORY": "mock"}, ["DEVICELOG_PIN_FACTORY = 'mock'", "mock pins measure nothing"]),
        (["--sensors", "gpio-adc"], {}, ["--sensors", "they are the pen"]),
    ],
    ids=["unknown-factory", "mock-option", "mock-environment", "pins-beside-pins"],
)
def test_words_that_do_not_go_together_on_pins(refused, monkeypatch, more, environment, says) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    refused(("record", "--pen", "gpio", *WHO, "--profile", "gpio-reference", *more), says)


@pytest.mark.parametrize(
    ("pen", "more", "says"),
    [
        ("gpio", [], ["profile reference is of a pen that sends", "--profile gpio-reference"]),
        ("/dev/null", ["--profile", "gpio-reference"], ["wired to pins", "--sensors gpio-reference"]),
        ("/dev/null", ["--sensors", "reference"], ["nothing is wired to pins", "gpio-reference"]),
        ("/dev/null", ["--pin-factory", "lgpio"], ["--pin-factory is for pins"]),
        ("/dev/null", ["--sensors", "gpio-adcc"], ["no pen profile gpio-adcc", "gpio-adc"]),
        ("GPIO", [], ["--pen GPIO", "did you mean gpio?"]),
        ("Auto", [], ["--pen Auto", "did you mean auto?"]),
    ],
    ids=[
        "a-line-profile",
        "a-wired-profile",
        "sensors-of-a-line",
        "factory-of-a-line",
        "unknown-sensors",
        "pins-in-capitals",
        "auto-in-capitals",
    ],
)
def test_a_pen_and_a_profile_that_do_not_go_together(refused, pen, more, says) -> None:
    refused(("record", "--pen", pen, *WHO, *more), says)


def test_demo_with_a_wiring_of_a_line(refused) -> None:
    refused(("demo", "--pen", "gpio", "--wiring", "reference"), ["nothing is wired to pins"])


def test_a_wired_profile_has_no_port_to_ask(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pens", "probe", "/dev/null", "--profile", "gpio-adc"]) == 2
    assert "there is no port to ask" in capsys.readouterr().err
