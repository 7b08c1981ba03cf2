"""A text as a QR code: an SVG image for the page and the PDF. The only importer of segno. Pure."""

MOST_BYTES = 1000  # more of them on a few centimetres of paper no telephone reads
SAYS = "The checkpoint as a QR code"
_QUIET = 4  # modules of white around it, as ISO/IEC 18004 wants


def drawn(text: str, says: str) -> str | None:
    """The UTF-8 bytes of the text as one `svg` element; `says`: what it is, in words, without markup.

    None where it has more than MOST_BYTES. Error correction M: a page that was folded or stained can still be read.
    """
    if len(text.encode()) > MOST_BYTES:
        return None
    rows = _modules(text)
    size = len(rows)
    dark = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, module in enumerate(row) if module)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<title>{says}</title><rect width="{size}" height="{size}" fill="#fff"/><path d="{dark}"/></svg>'
    )


def beside(code: str | None) -> str:
    """What stands beside the code, or where it would be."""
    return "The checkpoint" + (", the same as in the QR code:" if code else ", too long for a QR code on paper:")


def in_letters(text: str) -> str:
    """The same as lines of characters for a terminal that writes light on dark, two modules high each."""
    rows = _modules(text)
    rows += [bytes(len(rows))] * (len(rows) % 2)
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "".join("".join(map(_HALVES.__getitem__, zip(*pair, strict=True))) + "\n" for pair in pairs)


_HALVES = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}  # upper and lower module; 1 is dark


def _modules(text: str) -> list[bytes]:
    """Rows of modules with the white around them; 1 is dark."""
    import segno

    code = segno.make(text.encode(), mode="byte", error="m", boost_error=False, micro=False)  # bytes: without an ECI
    return [bytes(row) for row in code.matrix_iter(border=_QUIET)]
