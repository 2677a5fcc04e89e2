"""The picture of a threshold: whom each value lets in, and how many of them were won."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from funnelflow.report.markup import Markup, element
from funnelflow.report.svg_writer import Picture, draw, write
from funnelflow.report.time_charts import ticks

_WIDTH: Final = 720.0
_LEFT: Final = 64.0
_RIGHT: Final = 140.0
_TOP: Final = 16.0
_HEIGHT: Final = 240.0


class ThresholdValue(NamedTuple):
    """Whom one value of a threshold lets in.

    Attributes:
        value: Where it stands on the axis.
        label: The value in words.
        is_now: Whether it is that of the definition in use.
        let_in: How many it lets in.
        won: How many of them were won.
    """

    value: float
    label: str
    is_now: bool
    let_in: int
    won: int


def threshold_picture(title: str, axis: str, values: Sequence[ThresholdValue]) -> Picture:
    """Draw whom each value of a threshold lets in, and how many of them were won.

    Args:
        title: What is drawn.
        axis: What the values are.
        values: The values in order, at least one.
    """
    most = max((one.let_in for one in values), default=0) or 1
    least, last = values[0].value, values[-1].value
    width, bottom = _WIDTH - _LEFT - _RIGHT, _TOP + _HEIGHT

    def x(value: float) -> float:
        return _LEFT + width * (value - least) / ((last - least) or 1)

    def y(count: float) -> float:
        return bottom - _HEIGHT * count / most

    parts = [_level(count, y(count)) for count in ticks(most) if count == int(count)]
    parts += [_mark(one, x(one.value), bottom) for one in values]
    for look, name, counts in (
        ("bar", "let in", [one.let_in for one in values]),
        ("won", "won among them", [one.won for one in values]),
    ):
        points = [(x(one.value), y(count)) for one, count in zip(values, counts, strict=True)]
        parts += _line(points, look)
        parts.append(write(points[-1][0] + 10, points[-1][1] + 4, name, look="small"))
    parts.append(write(_LEFT + width, bottom + 40, axis, look="small muted", anchor="end"))
    about = "; ".join(f"{v.label}: {v.let_in:,} let in, {v.won:,} of them won" for v in values)
    return draw("threshold", title, about, (_WIDTH, bottom + 52), parts)


def _level(count: float, y: float) -> Markup:
    return element(
        "g",
        element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, class_="grid"),
        write(_LEFT - 6, y + 4, f"{count:,.0f}", look="small muted", anchor="end"),
    )


def _mark(one: ThresholdValue, x: float, bottom: float) -> Markup:
    """Draw a value on the axis; that of the definition in use stands out."""
    look = "small strong" if one.is_now else "small muted"
    line = element(
        "line", x1=x, x2=x, y1=_TOP, y2=bottom, class_="back-line", stroke_dasharray="4 3"
    )
    tick = element("line", x1=x, x2=x, y1=bottom, y2=bottom + 5, class_="line")
    text = f"{one.label} (now)" if one.is_now else one.label
    return element(
        "g", line if one.is_now else tick, write(x, bottom + 20, text, look=look, anchor="middle")
    )


def _line(points: Sequence[tuple[float, float]], look: str) -> list[Markup]:
    """Draw a line through points, each with a dot."""
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dots = [element("circle", cx=x, cy=y, r=3.5, class_=look) for x, y in points]
    return [element("path", d=f"M{path}", class_=f"{look}-line", stroke_width=2), *dots]
