"""The buzzer that tells a foot that its mark is on disk: a tune for each kind of mark, and nothing where it is absent.

Sounded in a thread of its own, since neither the recorder nor its disk waits for a tone.
"""

import contextlib
import queue
import threading
from typing import Any, Literal

from firmware_bridge.sources.pin_factory import pins_error

Tone = Literal["pass", "zone", "pause", "resume", "refused"]

# Hertz, one note after the other, within the octave each way of A4 that gpiozero's buzzer can play.
TUNES: dict[Tone, tuple[int, ...]] = {
    "pass": (880,),
    "zone": (587, 880),
    "pause": (880, 440),
    "resume": (440, 880),
    "refused": (220, 220, 220),
}
NOTE_S, REST_S = 0.12, 0.06


class Buzzer:
    """On one pin. A passive buzzer plays notes where the pins can do PWM; else an active one sounds as many times."""

    def __init__(self, pin: int, factory: Any) -> None:
        """Raises PenError when the pin cannot be used."""
        from gpiozero import DigitalOutputDevice, PinPWMError, TonalBuzzer

        self._tonal: Any = None
        self._plain: Any = None
        try:
            try:
                self._tonal = TonalBuzzer(pin, pin_factory=factory)
            except PinPWMError:
                self._plain = DigitalOutputDevice(pin, pin_factory=factory)
        except Exception as error:
            raise pins_error(f"pin {pin} (tone)", error) from error
        self._tunes: queue.SimpleQueue[Tone | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tones", daemon=True)
        self._thread.start()

    def sound(self, tone: Tone) -> None:
        """Sound it after those that sound now; returns at once."""
        self._tunes.put(tone)

    def close(self) -> None:
        """Be silent and give the pin back. What was asked to sound before is cut off."""
        self._closing.set()
        self._tunes.put(None)
        self._thread.join()
        for device in (self._tonal, self._plain):
            if device is not None:
                device.close()
        self._tonal = self._plain = None

    def _run(self) -> None:
        while (tone := self._tunes.get()) is not None:
            for hertz in TUNES[tone]:
                if self._closing.is_set():
                    return
                with contextlib.suppress(Exception):  # a buzzer that fails costs no data
                    self._on(hertz)
                self._closing.wait(NOTE_S)
                with contextlib.suppress(Exception):
                    self._off()
                self._closing.wait(REST_S)

    def _on(self, hertz: int) -> None:
        if self._tonal is not None:
            from gpiozero.tones import Tone as Note

            self._tonal.play(Note.from_frequency(hertz))
        else:
            self._plain.on()

    def _off(self) -> None:
        if self._tonal is not None:
            self._tonal.stop()
        else:
            self._plain.off()
