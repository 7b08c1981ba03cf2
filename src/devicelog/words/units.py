"""Integers as people read them: millimetres, times, per cent. Here and nowhere before."""


def mm(um: int) -> str:
    """Millimetres, with a third digit only where it says something."""
    return f"{um / 1000:.3f}" if um % 10 else f"{um / 1000:.2f}"


def mm_range(low_um: int, high_um: int) -> str:
    """One or two of them."""
    return mm(low_um) if low_um == high_um else f"{mm(low_um)}–{mm(high_um)}"


def seconds(us: int) -> str:
    """Seconds with a tenth; with a hundredth where it is short."""
    return f"{us / 1_000_000:.2f} s" if 0 < us < 100_000 else f"{us / 1_000_000:.1f} s"


def elapsed(us: int) -> str:
    """A time since the beginning, without parts of a second: `1:05`, or `1:00:05`."""
    minutes, seconds = divmod(us // 1_000_000, 60)
    return f"{minutes}:{seconds:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def percent(ppm: int) -> str:
    """Per cent of parts per million."""
    return f"{ppm / 10_000:.1f} %"


def count_words(value: int | None) -> str:
    """A number, or that it is not known."""
    return "an unknown number of" if value is None else str(value)


def times(n: int) -> str:
    """`once`, `3 times`."""
    return "once" if n == 1 else f"{n} times"
