"""A text as a QR code: an SVG image for the page and the PDF. The only importer of segno. Pure."""

MOST_BYTES = 1000  # more of them on a few centimetres of paper no telephone reads
SAYS = "The checkpoint as a QR code"
_HALVES = {(0, 0): "\u2588", (0, 1): "\u2580", (1, 0): "\u2584", (1, 1): " "}
_QUIET = 4  # modules of white around it, as ISO/IEC 18004 wants


def drawn(text: str, says: str) -> str | None:
    """The UTF-8 bytes of the text as one `svg` element; `says`: what it is, in words, without markup.

    None where it has more than MOST_BYTES. Error correction M: a page that was folded or stained can still be read.
    """
    import segno

    data = text.encode()
    if len(data) > MOST_BYTES:
        return None
    code = segno.make(data, mode="byte", error="m", boost_error=False, micro=False)  # bytes: without an ECI
    rows = [bytes(row) for row in code.matrix]
    size = len(rows) + 2 * _QUIET
    dark = "".join(
        f"M{x + _QUIET} {y + _QUIET}h1v1h-1z" for y, row in enumerate(rows) for x, module in enumerate(row) if module
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<title>{says}</title><rect width="{size}" height="{size}" fill="#fff"/><path d="{dark}"/></svg>'
    )


def beside(code: str | None) -> str:
    """What stands beside the code, or where it would be."""
    return "The checkpoint" + (", the same as in the QR code:" if code else ", too long for a QR code on paper:")


def in_letters(text: str) -> str:
    """The same for a terminal: a character is one module wide and two high."""
    import segno

    code = segno.make(text.encode(), mode="byte", error="m", boost_error=False, micro=False)
    rows = [bytes(row) for row in code.matrix]
    blank = bytes(len(rows) + 2 * _QUIET)
    rows = [blank] * _QUIET + [bytes(_QUIET) + row + bytes(_QUIET) for row in rows] + [blank] * (_QUIET + 1)
    # light on the terminal's dark: what is ink on paper is left out
    pairs = zip(rows[::2], rows[1::2], strict=False)
    return "".join("".join(_HALVES[up, low] for up, low in zip(*pair, strict=True)) + "\n" for pair in pairs)
