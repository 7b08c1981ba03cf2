"""What a request at the desk asks for, read as what it must be. What a value means is its act's to say."""

from devicelog.canonical import Json
from devicelog.errors import UsageProblem


def text_of(request: Json, key: str) -> str:
    """A text of a request. Raises UsageProblem."""
    value = request.get(key)
    if not isinstance(value, str):
        raise UsageProblem(f"{key} is missing")
    return value


def whole_of(request: Json, key: str, most: int, *, wanted: bool = False) -> int | None:
    """A whole number of a request, 1 to `most`; None where it has none and none is wanted. Raises UsageProblem."""
    value = request.get(key)
    if value is None and not wanted:
        return None
    if type(value) is not int or not 1 <= value <= most:
        raise UsageProblem(f"{key} is a whole number from 1 to {most}, not {value!r}")
    return value
