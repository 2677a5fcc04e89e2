"""Pictures of lengths of time: how long in each stage, and how long until won."""

import math
from collections.abc import Sequence
from typing import Final

from funnelflow.report.bar_charts import MARGIN, MOST_ROWS, WIDTH, left_out
from funnelflow.report.markup import Markup, element
from funnelflow.report.number_words import days_words, percent, short_title
from funnelflow.report.records import SMALL, Lengths, StageTime, Survival, SurvivalPoint
from funnelflow.report.svg_writer import Picture, draw, write

_PLOT_HEIGHT: Final = 220.0
_AXIS: Final = 46.0
"""The room for the numbers at the left of a curve."""
_LEAST_TOP: Final = 0.05
_WHOLE_DAYS: Final = 5.0
"""From how many days on an axis is marked at whole ones."""


def ticks(most: float, count: int = 5) -> list[float]:
    """Return round values from 0 up to `most`, about `count` of them."""
    if most <= 0:
        return [0.0]
    raw = most / count
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw * 0.999)
    return [step * place for place in range(int(most / step + 1e-9) + 1)]


class _Scale:
    """Where values of an axis stand."""

    def __init__(self, first: float, last: float, values: tuple[float, float]) -> None:
        self.first, self.span = first, last - first
        self.least, self.most = values

    def __call__(self, value: float) -> float:
        inner = min(max(value, self.least), self.most)
        return self.first + self.span * (inner - self.least) / ((self.most - self.least) or 1)


def survival_picture(survival: Survival) -> Picture:
    """Draw the share that is won within so many days, as steps with their interval of 95 %."""
    points = survival.points
    top = _top(max((point.high for point in points), default=0.0))
    days = survival.longest_days or 1.0
    x = _Scale(MARGIN + _AXIS, WIDTH - MARGIN, (0, days))
    y = _Scale(MARGIN + _PLOT_HEIGHT, MARGIN + 8, (0, top))
    bottom = y(0)
    parts = [
        *(_level(share, y(share)) for share in ticks(top, 4)),
        *(_day(value, x(value), bottom, days) for value in ticks(days)),
        _band(points, x, y, days),
        _curve(points, x, y, days),
        *_median(survival, x, y, bottom),
        _axis_name("days since entering the funnel", bottom),
    ]
    last = points[-1] if points else SurvivalPoint(0, 0, 0, 0, 0, 0)
    median = (
        f"half are won after {days_words(survival.median_days)}"
        if survival.median_days is not None
        else "half of them are not won in the time that is seen"
    )
    about = (
        f"{survival.won:,} were won and {survival.censored:,} not, or not yet. After "
        f"{days_words(survival.longest_days)} {percent(last.share)} are won "
        f"(95 % interval: {percent(last.low)} to {percent(last.high)}); {median}."
    )
    size = (WIDTH, bottom + 50)
    return draw("survival", "How long it takes until a contact is won", about, size, parts)


def _top(highest: float) -> float:
    """Return up to which share an axis reaches: the round one above the highest."""
    if not highest:
        return _LEAST_TOP
    step = ticks(highest)[-1] / max(1, len(ticks(highest)) - 1)
    return min(1.0, max(_LEAST_TOP, step * math.ceil(highest / step)))


def _axis_name(text: str, bottom: float) -> Markup:
    return write(WIDTH - MARGIN, bottom + 38, text, look="small muted", anchor="end")


def _level(share: float, y: float) -> Markup:
    return element(
        "g",
        element("line", x1=MARGIN + _AXIS, x2=WIDTH - MARGIN, y1=y, y2=y, class_="grid"),
        write(
            MARGIN + _AXIS - 6,
            y + 4,
            f"{round(share * 100, 3):g} %",
            look="small muted",
            anchor="end",
        ),
    )


def _day(value: float, x: float, bottom: float, most: float) -> Markup:
    text = f"{value:,.0f}" if most >= _WHOLE_DAYS else f"{value:.2g}"
    return element(
        "g",
        element("line", x1=x, x2=x, y1=bottom, y2=bottom + 5, class_="line"),
        write(x, bottom + 19, text, look="small muted", anchor="middle" if value else "start"),
    )


def _steps(points: Sequence[tuple[float, float]], end: float) -> str:
    """Return the path along points that keeps its height between them, up to `end`."""
    (x, y), *rest = points
    path = [f"M{x:.1f} {y:.1f}"]
    path += [f"H{one:.1f}V{other:.1f}" for one, other in rest]
    return "".join([*path, f"H{end:.1f}"])


def _curve(points: Sequence[SurvivalPoint], x: _Scale, y: _Scale, days: float) -> Markup:
    if not points:
        return Markup()
    path = _steps([(x(p.days), y(p.share)) for p in points], x(days))
    return element("path", d=path, class_="bar-line", stroke_width=2)


def _band(points: Sequence[SurvivalPoint], x: _Scale, y: _Scale, days: float) -> Markup:
    """Draw the interval: along its upper end, and back along its lower one."""
    if not points:
        return Markup()
    upper = _steps([(x(p.days), y(p.high)) for p in points], x(days))
    corners = [f"L{x(days):.1f} {y(points[-1].low):.1f}"]
    for before, point in zip(reversed(points[:-1]), reversed(points[1:]), strict=True):
        corners.append(f"H{x(point.days):.1f}V{y(before.low):.1f}")
    return element(
        "path", d="".join([upper, *corners, f"H{x(points[0].days):.1f}z"]), class_="soft"
    )


def _median(survival: Survival, x: _Scale, y: _Scale, bottom: float) -> list[Markup]:
    """Draw when half are won, where that is known."""
    days = survival.median_days
    if days is None:
        return []
    at, half = x(days), y(0.5)
    is_right = at > WIDTH / 2
    return [
        element(
            "path",
            d=f"M{MARGIN + _AXIS:.1f} {half:.1f}H{at:.1f}V{bottom:.1f}",
            class_="back-line",
            stroke_dasharray="4 3",
        ),
        write(
            at + (-6 if is_right else 6),
            bottom - 8,
            f"half: {days_words(days)}",
            look="small strong",
            anchor="end" if is_right else "start",
        ),
    ]


def times_picture(stages: Sequence[StageTime]) -> Picture:
    """Draw how long contacts were in each stage: the middle half, the median and nine of ten."""
    known = [stage for stage in stages if stage.latest.count]
    shown = known[:MOST_ROWS]
    least = min([0.0, *(stage.latest.quartile_1_days or 0.0 for stage in shown)])
    most = max((stage.latest.p90_days or 0.0 for stage in shown), default=0.0) or 1.0
    x = _Scale(MARGIN, WIDTH - MARGIN, (least, most))
    y, parts = MARGIN, []
    for stage in shown:
        parts.append(_box_row(stage, x, y))
        y += 48
    if len(known) > len(shown):
        parts.append(write(MARGIN, y + 12, left_out(len(known) - len(shown)), look="small muted"))
        y += 20
    parts += [_day(value, x(value), y, most) for value in ticks(most)]
    parts.append(_axis_name("days", y))
    about = "; ".join(f"{s.title}: {_lengths_words(s.latest)}" for s in shown)
    title = "How long contacts were in each stage, the last time"
    return draw("time-in-stage", title, about, (WIDTH, y + 50), parts)


def _lengths_words(lengths: Lengths) -> str:
    if lengths.count == 1:
        return f"1 time, {days_words(lengths.median_days)}"
    return f"median {days_words(lengths.median_days)} of {lengths.count:,} times"


def _box_row(stage: StageTime, x: _Scale, y: float) -> Markup:
    """Draw a stage: a box for the middle half, a mark for the median, a line up to nine of ten."""
    times = stage.latest
    low, middle, high, far = (
        x(days or 0.0)
        for days in (
            times.quartile_1_days,
            times.median_days,
            times.quartile_3_days,
            times.p90_days,
        )
    )
    line = y + 28
    said = _lengths_words(times)
    title = short_title(stage.stage, stage.title)
    tip = (
        f"{stage.title}: a quarter up to {days_words(times.quartile_1_days)}, half up to "
        f"{days_words(times.median_days)}, three quarters up to "
        f"{days_words(times.quartile_3_days)}, nine of ten up to {days_words(times.p90_days)}"
    )
    box = "box" if times.count < SMALL else "soft"
    return element(
        "g",
        element("title", tip),
        write(MARGIN, y + 14, title, look="strong", width=190),
        write(WIDTH - MARGIN, y + 14, said, look="small muted", anchor="end"),
        element("line", x1=MARGIN, x2=WIDTH - MARGIN, y1=line, y2=line, class_="grid"),
        element("line", x1=high, x2=far, y1=line, y2=line, class_="line", stroke_width=2),
        element("line", x1=far, x2=far, y1=line - 5, y2=line + 5, class_="line", stroke_width=2),
        element("rect", x=low, y=line - 8, width=max(2.0, high - low), height=16, class_=box),
        element("rect", x=middle - 2, y=line - 10, width=4, height=20, class_="bar"),
    )
