"""Base64 (RFC 4648, section 4) with one spelling for each content: what is read back is what would be written."""

import binascii


def encoded(data: bytes) -> str:
    """One line, padded."""
    return binascii.b2a_base64(data, newline=False).decode()


def decoded(text: str) -> bytes:
    """Raises ValueError for any text that `encoded` does not give: other characters, padding or stray bits."""
    try:
        data = binascii.a2b_base64(text.encode("ascii"))
    except (UnicodeEncodeError, binascii.Error):
        data = b""
    if encoded(data) != text:
        raise ValueError(f"{text[:80]!r} is not base64 as it is written")
    return data
