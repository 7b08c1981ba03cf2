"""Why no pen was found behind a port that was open, in words for the person at the chair. Pure."""

from firmware_bridge.frames import PROTOCOL_MAJOR


def nobody(*, n_bytes: int, n_frames: int, other_major: int | None, listened_s: float, lines: bool = False) -> str:
    """One or two sentences. `n_frames` counts all sound ones; `other_major`: the version of one that is not ours.
    `lines`: the profile is of a pen that sends lines of text."""
    if other_major is not None:
        return f"the pen speaks protocol {other_major}; this devicelog reads {PROTOCOL_MAJOR}."
    if not n_bytes:
        return f"nothing came from the port for {listened_s:g} s. Is the pen switched on?"
    if not n_frames and lines:
        return (
            f"{n_bytes} bytes came and not one line that the profile reads. Is the baud rate right? Keep some of it in "
            "a file, and `devicelog pens check PROFILE --capture FILE` says what is wrong with each line."
        )
    if not n_frames:
        return f"this is not a pen: {n_bytes} bytes came and not one frame. Is the baud rate right?"
    return f"the pen did not say who it is within {listened_s:g} s."
