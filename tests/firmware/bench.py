"""The reference firmware on a bench: the real AVR binary in simavr, with sensors that do as the test says.

`Bench` runs in the chip's own time, as fast as this machine can and always alike; `LiveBench` at the pace of the wall
clock, with the line on a pty, for whoever wants to open a port. Both are context managers.
"""

import select
import subprocess
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

from firmware_bridge.decode import Decoder
from firmware_bridge.readings import Fault, Message, Reading

DEADLINE_S = 60.0
T = TypeVar("T", bound=Message)


class Sent(NamedTuple):
    """One reading, and when the bench's clock stood at when its last byte left the UART."""

    at_us: int
    reading: Reading


class _Child:
    """The runner, and the commands it takes."""

    def __init__(self, runner: Path, pen: Path, *more: str) -> None:
        self._process = subprocess.Popen([runner, pen, *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._told = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout
        while b"\n" not in self._told:
            ready, _, _ = select.select([self._process.stdout], [], [], DEADLINE_S)
            assert ready, "the runner says nothing"
            more = self._process.stdout.read1(1 << 16)
            assert more, f"the runner ended with {self._process.wait()}"
            self._told += more
        line, self._told = self._told.split(b"\n", 1)
        return line.decode()

    def _do(self, *words: object) -> list[str]:
        """Give a command; return what it says before `ok`, and the words after `ok` last."""
        assert self._process.stdin
        self._process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self._process.stdin.flush()
        lines = []
        while not (line := self._line()).startswith("ok"):
            assert not line.startswith("error"), (words, line)
            lines.append(line)
        return [*lines, line[2:].strip()]

    def motor(self, hz: float) -> None:
        """Strokes a second; 0 stops it."""
        self._do("hall", round(hz * 1000))

    def dial(self, millivolts: int) -> None:
        self._do("dial", millivolts)

    def contact(self, touched: bool) -> None:
        self._do("contact", int(touched))

    def button(self, down: bool) -> None:
        self._do("button", int(down))

    def hang(self, *, interrupts: bool = True) -> None:
        """The program goes on no more; with or without its interrupts."""
        self._do("hang" if interrupts else "deaf")


class Bench(_Child):
    """In the chip's own time: nothing happens but in `run`."""

    def __init__(self, runner: Path, pen: Path) -> None:
        super().__init__(runner, pen)
        self._pen = pen
        self._decoder = Decoder()
        assert self._line() == "ok"

    def run(self, ms: float) -> list[Sent]:
        """Go on for so long; what the pen says meanwhile. Damage is among it: nothing on this line makes any."""
        sent = []
        for line in self._do("run", round(ms * 1000))[:-1]:
            word, at_us, data = line.split(" ")
            assert word == "tx"
            sent += [Sent(int(at_us), reading) for reading in self._decoder.feed_bytes(bytes.fromhex(data))]
        return sent

    def hear(self, data: bytes) -> None:
        """Bytes from the host."""
        self._do("send", data.hex())

    def power_off(self) -> None:
        """At once; a byte of EEPROM that is being written is torn, and half a frame stays half."""
        self._do("off")
        self._decoder = Decoder()

    def power_on(self, *, after_brown_out: bool = False) -> None:
        self._do("on", *(["brownout"] if after_brown_out else []))

    def erase(self) -> None:
        """The EEPROM is as it was bought."""
        self._do("erase")

    def spoil(self, at: int, n: int) -> None:
        """So many bytes of the EEPROM from there are worn out."""
        self._do("spoil", at, n)

    def eeprom(self) -> bytes:
        return bytes.fromhex(self._do("eeprom")[-1])

    def go_round(self, more_us: int) -> None:
        """The pen's clock stands where it does 71.6 minutes (2^32 µs) and so much more after the newest stroke.

        Set is the newest tick, and the time since that one is added: it may be below 0.
        """
        symbols = subprocess.run(["avr-nm", self._pen], check=True, capture_output=True, text=True).stdout
        places = {
            words[-1].split(".")[0]: int(words[0], 16) for line in symbols.splitlines() if (words := line.split())
        }
        for name, at_us in (("stroke_us", 0), ("tick_us", more_us % 2**32)):
            self._do("poke", places[name] - 0x800000, at_us.to_bytes(4, "little").hex())  # memory, in an ELF of AVR

    def slept(self) -> float:
        """The part of the time that the processor slept."""
        all_cycles, slept = map(int, self._do("where")[-1].split())
        return slept / all_cycles


class LiveBench(_Child):
    """At the pace of the wall clock."""

    def __init__(self, runner: Path, pen: Path) -> None:
        super().__init__(runner, pen, "--pty")
        self.port = Path(self._line().removeprefix("pty "))
        assert self._line() == "ok"


def only(kind: type[T], sent: list[Sent]) -> list[T]:
    """The messages of this kind, in order."""
    return [item.reading for item in sent if isinstance(item.reading, kind)]


def faults(sent: list[Sent]) -> list[Fault]:
    """The bytes that were no frame."""
    return [item.reading for item in sent if isinstance(item.reading, Fault)]
