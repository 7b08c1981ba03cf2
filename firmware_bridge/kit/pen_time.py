"""The time of a pen in a test: seconds that go by when the test says so. Pure."""


def pen_time_us(seconds: float) -> int:
    """So much time in microseconds. Raises ValueError when it cannot go by."""
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"advance({seconds}): time goes forward only; expected seconds from 0")
    return round(seconds * 1_000_000)
