"""Pictures of rows of bars: contacts per stage, the funnel, and what happened in each period."""

from collections.abc import Iterable, Sequence
from typing import Final

from attrs import evolve, frozen

from funnelflow.report.markup import Markup, element
from funnelflow.report.number_words import count_words, share_words, short_title
from funnelflow.report.records import ConversionStep, Number, StageCount
from funnelflow.report.sections import Blocker, TrendPeriod
from funnelflow.report.svg_writer import TYPE_MARKS, Picture, draw, width_of, write

WIDTH: Final = 440.0
"""How wide pictures are that need not be wider: they stay readable on a phone."""
MARGIN: Final = 12.0
MOST_ROWS: Final = 40
"""How many rows or columns a picture has; of more, it says how many are left out."""
_INDENT: Final = 16.0


@frozen
class Bar:
    """A row of a chart.

    Attributes:
        label: What it is.
        text: How much.
        share: How long the bar is, from 0 to 1.
        look: How it is filled.
        is_small: Whether it is of few: its bar is an outline then.
        depth: How far it is moved in.
        below: What stands below the bar; empty for nothing.
        more: How long a second part of the bar is that goes on from it.
    """

    label: str
    text: str
    share: float
    look: str = "bar"
    is_small: bool = False
    depth: int = 0
    below: str = ""
    more: float = 0.0


def bar_rows(name: str, title: str, about: str, bars: Sequence[Bar]) -> Picture:
    """Draw bars below each other, each with its label and number above it.

    Args:
        name: What its file is called.
        title: What it shows.
        about: The same in words.
        bars: The bars.
    """
    y, parts = MARGIN, []
    for bar in bars[:MOST_ROWS]:
        parts.append(_bar_row(bar, y))
        y += 64 if bar.below else 46
    if len(bars) > MOST_ROWS:
        parts.append(write(MARGIN, y + 14, left_out(len(bars) - MOST_ROWS), look="small muted"))
        y += 22
    return draw(name, title, about, (WIDTH, y + MARGIN / 2), parts)


def left_out(count: int) -> str:
    """Return that there is more than what is drawn."""
    return f"and {count:,} more, which are in the table"


def _bar_row(bar: Bar, y: float) -> Markup:
    x = MARGIN + _INDENT * bar.depth
    width = WIDTH - MARGIN - x
    room = width - width_of(bar.text) - 12
    look = "box" if bar.is_small else bar.look
    first, more = width * min(1, bar.share), width * min(1, bar.more)
    return element(
        "g",
        write(x, y + 14, bar.label, look="strong", width=room),
        write(x + width, y + 14, bar.text, anchor="end"),
        _part(x, y, width, "heat0"),
        _part(x, y, first, look),
        _part(x + first + (1.5 if first else 0), y, more, "box" if bar.is_small else "muted"),
        write(x, y + 52, bar.below, look="small muted", width=width) if bar.below else "",
    )


def _part(x: float, y: float, width: float, look: str) -> Markup:
    """Draw a part of a bar, at least as wide as can be seen; nothing for none."""
    if width <= 0:
        return Markup()
    return element("rect", x=x, y=y + 20, width=max(1.5, width), height=16, rx=3, class_=look)


def blocker_picture(name: str, blocker: Blocker) -> Picture:
    """Draw which criteria are in the way of the contacts that wait at a transition.

    Args:
        name: What its file is called.
        blocker: What is in the way of the transition.
    """
    bars = [
        Bar(
            one.label,
            share_words(evolve(one.unmet, value=one.unmet.value + one.unknown.value)),
            one.unmet.share or 0,
            "lost",
            blocker.waiting.is_small,
            below=f"{share_words(one.unmet)} not met, {share_words(one.unknown)} unknown",
            more=one.unknown.share or 0,
        )
        for one in blocker.criteria
    ]
    about = "; ".join(f"{bar.label}: {bar.below}" for bar in bars[:MOST_ROWS])
    waiting = blocker.waiting.value
    title = f"What is in the way of {waiting:,} who wait: {blocker.label}"
    return bar_rows(name, title, about, bars)


_STAGE_LOOKS: Final = {"open": "bar", "won": "won", "lost": "lost"}


def stages_picture(stages: Sequence[StageCount]) -> Picture:
    """Draw how many contacts are in each stage now."""
    bars = [
        Bar(
            _stage_label(stage),
            count_words(stage.now),
            stage.now.share or 0,
            _STAGE_LOOKS[stage.type],
            stage.now.is_small,
            stage.depth,
        )
        for stage in stages
    ]
    about = "; ".join(f"{stage.title}: {stage.now.value:,}" for stage in stages[:MOST_ROWS])
    return bar_rows("stages", "Contacts in each stage now", about, bars)


def _stage_label(stage: StageCount) -> str:
    """Return what a stage is called, with a mark where it is won or lost."""
    return TYPE_MARKS[stage.type] + short_title(stage.stage, stage.title)


def funnel_picture(steps: Sequence[ConversionStep]) -> Picture:
    """Draw the funnel: who passed each step, and which share of those who passed the one before."""
    bars = [
        Bar(
            step.title,
            count_words(step.passed),
            step.passed.share or 0,
            is_small=step.passed.is_small,
            below=_going_on(steps, place),
        )
        for place, step in enumerate(steps)
    ]
    about = "; ".join(
        f"{step.title}: {step.passed.value:,} of {step.passed.of or 0:,}"
        for step in steps[:MOST_ROWS]
    )
    return bar_rows("funnel", "Who passed each step of the funnel", about, bars)


def _going_on(steps: Sequence[ConversionStep], place: int) -> str:
    """Return which share goes on from a step to the next."""
    if place + 1 >= len(steps):
        return ""
    later = steps[place + 1].from_before
    return f"↓ {share_words(later)} went on to {steps[place + 1].title}"


@frozen
class _Series:
    """What is counted by period, in a row of columns."""

    label: str
    look: str
    numbers: tuple[Number, ...]


_COLUMN_HEIGHT: Final = 64.0


def trend_picture(periods: Sequence[TrendPeriod]) -> Picture:
    """Draw by period who entered, was won and was lost; what is not over as an outline."""
    shown = periods[-MOST_ROWS:]
    series = [
        _Series("Entered", "bar", tuple(one.entered for one in shown)),
        _Series("Won", "won", tuple(one.won for one in shown)),
        _Series("Lost", "lost", tuple(one.lost for one in shown)),
    ]
    y, parts = MARGIN, []
    for one in series:
        parts.append(_columns(one, shown, y))
        y += _COLUMN_HEIGHT + 38
    parts.append(_period_labels(shown, y + 6))
    about = "; ".join(
        f"{one.label}: {sum(n.value for n in one.numbers):,} in {len(shown):,} periods"
        for one in series
    )
    return draw("trend", "Entered, won and lost by period", about, (WIDTH, y + 18), parts)


def _columns(series: _Series, periods: Sequence[TrendPeriod], y: float) -> Markup:
    """Draw a series as columns on one line, with the most and the latest in words."""
    most = max((number.value for number in series.numbers), default=0)
    step = (WIDTH - 2 * MARGIN) / max(1, len(periods))
    base = y + 26 + _COLUMN_HEIGHT
    columns = [
        _column(number, period, (MARGIN + step * place, base, step), most, series.look)
        for place, (number, period) in enumerate(zip(series.numbers, periods, strict=True))
    ]
    latest = series.numbers[-1].value if series.numbers else 0
    said = f"most {most:,}, latest {latest:,}"
    return element(
        "g",
        write(MARGIN, y + 14, series.label, look="strong"),
        write(WIDTH - MARGIN, y + 14, said, look="small muted", anchor="end"),
        *columns,
        element("line", x1=MARGIN, x2=WIDTH - MARGIN, y1=base, y2=base, class_="line"),
    )


def _column(
    number: Number,
    period: TrendPeriod,
    place: tuple[float, float, float],
    most: int,
    look: str,
) -> Markup:
    x, base, step = place
    if not number.value:
        return Markup()
    height = _COLUMN_HEIGHT * number.value / most
    return element(
        "g",
        element(
            "title", f"{period.label}: {number.value:,}{'' if period.is_complete else ' so far'}"
        ),
        element(
            "rect",
            x=x + step * 0.08,
            y=base - height,
            width=step * 0.84,
            height=height,
            class_=look if period.is_complete else f"{look}-line",
        ),
    )


def _period_labels(periods: Sequence[TrendPeriod], y: float) -> Markup:
    """Write the first and the last period, and one between where there is room."""
    if not periods:
        return Markup()
    last = periods[-1]
    ends = [write(MARGIN, y, periods[0].label, look="small muted")]
    if len(periods) > 1:
        label = last.label if last.is_complete else f"{last.label}, not over"
        ends.append(write(WIDTH - MARGIN, y, label, look="small muted", anchor="end"))
    return element("g", *ends)


def shares_picture(name: str, title: str, rows: Iterable[tuple[str, Number, str]]) -> Picture:
    """Draw shares of everybody as bars.

    Args:
        name: What its file is called.
        title: What it shows.
        rows: What each is, how many, and how it is filled.
    """
    bars = [
        Bar(label, count_words(number), number.share or 0, look, number.is_small)
        for label, number, look in rows
    ]
    about = "; ".join(f"{bar.label}: {bar.text}" for bar in bars[:MOST_ROWS])
    return bar_rows(name, title, about, bars)
