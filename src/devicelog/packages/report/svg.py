"""The plot as SVG: readable in black and white, one drawing for the page and for the PDF. Pure; integers only.

What is what is told by shape: measured depth a grey area, the dial a black line with a white edge, the plan a band with
dotted edges, the device's limit dashes and dots, a gap hatched.
"""

from collections.abc import Callable, Iterator
from html import escape

from devicelog.packages.report.plot import COLUMNS, Plot, Trace
from devicelog.words.units import elapsed, mm

_LEFT, _TOP, _WIDE, _HIGH = 420, 260, 7000, 1700
_WIDTH, _HEIGHT = 7620, 2400
_FONT = 120
_LETTER = 62  # about as wide as a letter is
_GAP_MIN = 24  # a gap is never drawn narrower
_DEPTH_STEPS_UM = tuple(base * 10**power for power in range(2, 12) for base in (1, 2, 5))
_TIME_STEPS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400)
_MOST_TICKS = 8
_DEVICE = 'stroke="#000" stroke-width="18" stroke-dasharray="150 50 20 50" fill="none"'
_PLANNED = 'stroke="#000" stroke-width="9" stroke-dasharray="10 34" fill="none"'
_HATCHED = 'fill="url(#gap)" stroke="#000" stroke-width="6"'

Place = Callable[[int], int]  # a time or a depth, and where it stands


def drawn(plot: Plot, says: str) -> str:
    """The plot as one `svg` element. `says`: the same in words, for who cannot see it."""
    return "".join(_parts(plot, says))


def _parts(plot: Plot, says: str) -> Iterator[str]:
    step_um = next((step for step in _DEPTH_STEPS_UM if plot.highest_um // step < 6), _DEPTH_STEPS_UM[-1])
    top_um = plot.highest_um * 8 // 7  # room above for the words at the device's limit

    def x(us: int) -> int:
        return _LEFT + min(us, plot.duration_us) * _WIDE // plot.duration_us

    def y(um: int) -> int:
        return _TOP + _HIGH - max(0, min(um, top_um)) * _HIGH // top_um

    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-size="{_FONT}" '
        f'font-family="Libertinus Serif, system-ui, sans-serif"><title>Depth over time</title>'
        f"<desc>{escape(says)}</desc>"
        '<defs><pattern id="gap" width="60" height="60" patternUnits="userSpaceOnUse"><rect width="60" height="60" '
        'fill="#fff"/><path d="M0 60L60 0" stroke="#000" stroke-width="9"/></pattern></defs>'
    )
    yield from _plan(plot, x, y)
    yield f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDE}" height="{_HIGH}" fill="none" stroke="#000" stroke-width="8"/>'
    for um in range(0, top_um + 1, step_um):
        yield f'<path d="M{_LEFT - 40} {y(um)}h40" stroke="#000" stroke-width="8"/>'
        yield _text(_LEFT - 60, y(um) + 40, mm(um), "end")
    yield _text(_LEFT - 60, _TOP - 110, "mm", "end")
    step_us = next((s for s in _TIME_STEPS_S if plot.duration_us // (s * 1_000_000) < _MOST_TICKS), 864_000) * 1_000_000
    for us in range(0, plot.duration_us + 1, step_us):
        yield f'<path d="M{x(us)} {_TOP + _HIGH}v40" stroke="#000" stroke-width="8"/>'
        yield _text(x(us), _TOP + _HIGH + 160, elapsed(us), "middle")
    if path := _area(plot.measured, plot.columns, y):
        yield f'<path d="{path}" fill="#999" stroke="#777" stroke-width="8"/>'
    if path := _area(plot.set, plot.columns, y):
        yield f'<path d="{path}" fill="none" stroke="#fff" stroke-width="22"/>'
        yield f'<path d="{path}" fill="none" stroke="#000" stroke-width="10"/>'
    for from_us, to_us in plot.gaps:
        wide = max(_GAP_MIN, x(to_us) - x(from_us))
        at = min(x(from_us), _LEFT + _WIDE - wide)
        yield f'<rect x="{at}" y="{_TOP}" width="{wide}" height="{_HIGH}" {_HATCHED}/>'
    if plot.device_max_um is not None:
        at = y(plot.device_max_um)
        yield f'<path d="M{_LEFT} {at}h{_WIDE}" {_DEVICE}/>'
        yield _text(_LEFT + _WIDE - 40, at - 40, f"device limit {mm(plot.device_max_um)} mm", "end")
    yield from _legend(plot)
    yield "</svg>"


def _plan(plot: Plot, x: Place, y: Place) -> Iterator[str]:
    """The zones above, and under what was measured the plan's band of each."""
    free = 0  # up to where a name stands already
    for stay in plot.stays:
        at, end = x(stay.from_us), x(stay.to_us)
        if stay.plan_max_um is not None:
            top, low = y(stay.plan_max_um), y(stay.plan_min_um or 0)
            yield f'<rect x="{at}" y="{top}" width="{end - at}" height="{low - top}" fill="#e8e8e8"/>'
            yield f'<path d="M{at} {top}H{end}M{at} {low}H{end}" {_PLANNED}/>'
        yield f'<path d="M{at} {_TOP}v-60H{end}v60" stroke="#000" stroke-width="6" fill="none"/>'
        number = "" if stay.number is None else str(stay.number)
        middle = (at + end) // 2
        for words in (f"{number} {stay.zone}".strip(), number):
            half = len(words) * _LETTER // 2
            if words and half * 2 <= end - at + 60 and middle - half >= free:
                yield _text(middle, _TOP - 100, words, "middle")
                free = middle + half + _LETTER
                break


def _area(trace: Trace, columns: int, y: Place) -> str:
    """The outline of every stretch: along the highest, and back along the lowest."""
    parts = []
    for stretch in trace:
        edge = [_LEFT + column * _WIDE // columns for column, _, _ in stretch]
        edge.append(_LEFT + (stretch[-1][0] + 1) * _WIDE // columns)
        there = "".join(f"V{y(high)}H{edge[n + 1]}" for n, (_, _, high) in enumerate(stretch))
        back = "".join(f"V{y(stretch[n][1])}H{edge[n]}" for n in range(len(stretch) - 1, -1, -1))
        parts.append(f"M{edge[0]} {y(stretch[0][1])}{there}{back}Z")
    return "".join(parts)


def _legend(plot: Plot) -> Iterator[str]:
    """What each shape means, in one line below; what does not occur is left out."""
    mid, at = _TOP + _HIGH + 340, _LEFT
    each = f", in each {plot.column_us / 1_000_000:.1f} s" if plot.columns == COLUMNS else ""
    entries = [
        (plot.measured, f'y="{mid - 50}" height="100" fill="#999" stroke="#777" stroke-width="8"', "measured" + each),
        (plot.set, "", "set (dial)"),
        ([stay for stay in plot.stays if stay.plan_max_um is not None], "plan", "plan"),
        (plot.device_max_um, "device", "device limit"),
        (
            plot.gaps,
            f'y="{mid - 50}" height="100" {_HATCHED}',
            "gap: not recorded",
        ),
    ]
    for there, how, words in entries:
        if not there:
            continue
        if how.startswith("y="):
            yield f'<rect x="{at}" width="260" {how}/>'
        elif how == "plan":
            yield f'<rect x="{at}" y="{mid - 50}" width="260" height="100" fill="#e8e8e8"/>'
            yield f'<path d="M{at} {mid - 50}h260M{at} {mid + 50}h260" {_PLANNED}/>'
        else:
            line = _DEVICE if how else 'stroke="#000" stroke-width="10"'
            yield f'<path d="M{at} {mid}h260" {line}/>'
        yield _text(at + 320, mid + 40, words, "start")
        at += 320 + len(words) * _LETTER + 220
    yield _text(_LEFT + _WIDE, mid + 40, "time in min:s", "end")
    if not plot.samples:
        yield _text(_LEFT + _WIDE // 2, _TOP + _HIGH // 2, "no sample arrived", "middle")


def _text(x: int, y: int, words: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'
