"""Stages below each other and arrows beside them: forward on the right, backward on the left.

Boxes stand in the order of the definition. Arrows that enter a stage on one side share one line,
its track, that ends in one arrowhead; each arrow has a row of its own at the stage that it leaves,
where its text stands. So neither texts nor boxes meet, however many arrows there are.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from attrs import define, field, frozen

from funnelflow.report.markup import Markup, element
from funnelflow.report.svg_writer import (
    SMALL_SIZE,
    TYPE_MARKS,
    Picture,
    draw,
    width_of,
    wrapped,
    write,
)

ArrowLook: TypeAlias = Literal["bar", "back", "lost"]
_Side: TypeAlias = Literal["left", "right"]

_ROW: Final = 26.0
_TALL_ROW: Final = 42.0
_BOX: Final = 168
_TWO_LINES: Final = 60.0
"""From which height on a box has room for a title of two lines."""
_INDENT: Final = 14
_GAP: Final = 14
_TRACK: Final = 13
_MARGIN: Final = 12
_CORNER: Final = 6
_THINNEST: Final = 1.2
_USUAL: Final = 2.0
_THICKEST: Final = 8.0
_LONGEST_TEXT: Final = 220.0
_DASHES: Final[Mapping[ArrowLook, tuple[float, float] | None]] = {
    "bar": None,
    "back": (3.0, 1.5),
    "lost": (1.0, 1.5),
}
"""How long dashes and what is between them are, in thicknesses of the line."""


@frozen
class StageBox:
    """A stage of a map.

    Attributes:
        name: Its dotted name.
        title: What people read.
        text: What stands below the title; empty for nothing.
        look: How it is filled: ``box``, or ``soft`` where something is particular about it.
        type: ``open``, ``won`` or ``lost``.
        holds: Whether others are nested in it.
    """

    name: str
    title: str
    text: str
    look: str
    type: str
    holds: bool

    @property
    def depth(self) -> int:
        """How many stages it is nested in."""
        return self.name.count(".")


@frozen
class StageArrow:
    """An arrow of a map.

    Attributes:
        source: The stage that it leaves.
        to: The stage that it enters.
        text: What stands above it.
        below: What stands below it; empty for nothing.
        tip: What it says when it is pointed at.
        look: How it is drawn.
        weight: How thick it is: from 0, which is thin, to 1; None for neither.
    """

    source: str
    to: str
    text: str
    below: str
    tip: str
    look: ArrowLook
    weight: float | None = None


@define(eq=False)
class _Place:
    """Where a stage stands, and the rows at its sides."""

    box: StageBox
    row_height: float
    top: float = 0
    height: float = 0
    rows: dict[_Side, int] = field(factory=lambda: {"left": 0, "right": 0})

    @property
    def x(self) -> float:
        return _INDENT * self.box.depth

    @property
    def width(self) -> float:
        return _BOX - self.x

    def row(self, side: _Side) -> int:
        """Take the next row at a side."""
        self.rows[side] += 1
        return self.rows[side] - 1

    def y(self, row: int) -> float:
        """Return the height of a row's line."""
        return self.top + 2 + self.row_height * (row + 0.5) + (4 if self.row_height == _ROW else 0)


@define(eq=False)
class _Track:
    """What arrows into one stage share at one side."""

    to: str
    side: _Side
    arrows: list[tuple[StageArrow, int]]
    row: int
    lane: int = 0


def stage_map(  # what a picture says, and what is drawn
    name: str,
    title: str,
    about: str,
    boxes: Sequence[StageBox],
    arrows: Iterable[StageArrow],
    below: str = "",
) -> Picture:
    """Draw stages and the arrows between them.

    Args:
        name: What its file is called.
        title: What it shows.
        about: The same in words.
        boxes: The stages in order, outer ones before those nested in them.
        arrows: The arrows, in any order; those whose stages are not in `boxes` are left out.
        below: What stands below it all; empty for nothing.
    """
    listed = list(arrows)
    row_height = _TALL_ROW if any(arrow.below for arrow in listed) else _ROW
    places = {box.name: _Place(box, row_height) for box in boxes}
    tracks = _tracks(places, listed)
    bottom = _stack(places)
    lanes = {
        side: _lanes([t for t in tracks if t.side == side], places) for side in ("left", "right")
    }
    texts = {side: _text_width(tracks, side) for side in ("left", "right")}
    left = _MARGIN + texts["left"] + _TRACK * lanes["left"]
    parts = [
        *(_group(places, place) for place in places.values() if place.box.holds),
        *(_drawn_track(track, places, texts[track.side]) for track in tracks),
        *(_drawn_box(place) for place in places.values()),
        *(_texts(track, places, texts[track.side]) for track in tracks),
    ]
    width = left + _BOX + texts["right"] + _TRACK * lanes["right"] + _MARGIN
    moved = element("g", *parts, transform=f"translate({left:.0f} {_MARGIN})")
    height = bottom + 2 * _MARGIN + (20 if below else 0)
    note = write(_MARGIN, height - _MARGIN, below, look="small muted") if below else Markup()
    size = (max(width, 2 * _MARGIN + width_of(below, SMALL_SIZE)), height)
    return draw(name, title, about, size, [moved, note])


def _tracks(places: Mapping[str, _Place], arrows: Iterable[StageArrow]) -> list[_Track]:
    """Give every arrow its track and its rows: what enters a stage above what leaves it."""
    order = {name: at for at, name in enumerate(places)}
    found: dict[tuple[str, _Side], list[StageArrow]] = {}
    for arrow in arrows:
        if arrow.source in order and arrow.to in order:
            side: _Side = "right" if order[arrow.to] > order[arrow.source] else "left"
            found.setdefault((arrow.to, side), []).append(arrow)
    tracks = [_Track(to, side, [], places[to].row(side)) for to, side in found]
    by_side = {(track.to, track.side): track for track in tracks}
    leaving = [(key, arrow) for key, arrows in found.items() for arrow in arrows]
    leaving.sort(key=lambda pair: -order[pair[1].to])
    for key, arrow in leaving:
        by_side[key].arrows.append((arrow, places[arrow.source].row(key[1])))
    return tracks


def _stack(places: Mapping[str, _Place]) -> float:
    """Put the stages below each other; returns how far down they reach."""
    y = 0.0
    for place in places.values():
        rows = max(*place.rows.values(), 1)
        least = 26 if place.box.holds else 40 if place.box.text else 28
        place.top, place.height = y, max(least, place.row_height * rows + 6)
        y += place.height + _GAP
    return y - _GAP


def _span(track: _Track, places: Mapping[str, _Place]) -> tuple[float, float]:
    """Return from where to where a track goes down."""
    ends = [places[arrow.source].y(row) for arrow, row in track.arrows]
    ends.append(places[track.to].y(track.row))
    return min(ends), max(ends)


def _lanes(tracks: Sequence[_Track], places: Mapping[str, _Place]) -> int:
    """Give each track the innermost lane that is free, short ones first; returns how many."""
    taken: list[list[tuple[float, float]]] = []
    spans = {id(track): _span(track, places) for track in tracks}
    for track in sorted(tracks, key=lambda t: spans[id(t)][1] - spans[id(t)][0]):
        low, high = spans[id(track)]
        free = (
            lane
            for lane, used in enumerate(taken)
            if all(high < one or low > other for one, other in used)
        )
        track.lane = next(free, len(taken))
        if track.lane == len(taken):
            taken.append([])
        taken[track.lane].append((low, high))
    return len(taken)


def _text_width(tracks: Iterable[_Track], side: _Side) -> float:
    """Return how much room the texts of a side take."""
    texts = [
        text
        for track in tracks
        if track.side == side
        for arrow, _ in track.arrows
        for text in (arrow.text, arrow.below)
    ]
    if not texts:
        return 0
    return min(_LONGEST_TEXT, max(width_of(text, SMALL_SIZE) for text in texts)) + 16


def _edge(place: _Place, side: _Side) -> float:
    """Return where a stage's box ends at a side."""
    return _BOX if side == "right" else place.x


def _thickness(arrows: Iterable[StageArrow]) -> float:
    """Return how thick the line is that arrows share: what they carry adds up."""
    weights = [arrow.weight for arrow in arrows]
    known = [weight for weight in weights if weight is not None]
    if len(known) < len(weights):
        return _USUAL
    return min(_THICKEST, _THINNEST + sum(known) * (_THICKEST - _THINNEST))


def _drawn_track(track: _Track, places: Mapping[str, _Place], texts: float) -> Markup:
    """Draw the arrows of a track: those from further away join first, and end in one head."""
    sign = 1 if track.side == "right" else -1
    lane = (_BOX if sign > 0 else 0) + sign * (texts + _TRACK * (track.lane + 0.5))
    target = places[track.to]
    end_x, end_y = _edge(target, track.side), target.y(track.row)
    starts = [
        (places[arrow.source].y(row), _edge(places[arrow.source], track.side), arrow)
        for arrow, row in track.arrows
    ]
    starts.sort(key=lambda start: -abs(start[0] - end_y))
    step = _CORNER * sign  # on the right all come from above, on the left all from below
    turn = _CORNER * sign
    lines = [
        _line((arrow,), f"M{x:.0f} {y:.1f}H{lane - turn:.1f}q{turn} 0 {turn} {step}")
        for y, x, arrow in starts
    ]
    stops = [*(y for y, _, _ in starts[1:]), end_y - 2 * step]
    for count, ((y, _, _), stop) in enumerate(zip(starts, stops, strict=True), 1):
        joined_here = [arrow for _, _, arrow in starts[:count]]
        lines.append(_line(joined_here, f"M{lane:.1f} {y + step:.1f}V{stop + step:.1f}"))
    everybody = [arrow for arrow, _ in track.arrows]
    out = f"M{lane:.1f} {end_y - step:.1f}q0 {step} {-turn} {step}H{end_x + sign * 7:.0f}"
    lines.append(_line(everybody, out))
    half = 4 + _thickness(everybody) / 2
    head = f"M{end_x:.0f} {end_y:.1f}l{sign * 9} {-half:.1f}v{2 * half:.1f}z"
    return element("g", *lines, element("path", d=head, class_=everybody[0].look))


def _line(arrows: Sequence[StageArrow], path: str) -> Markup:
    """Draw a line that arrows share."""
    look, thickness = arrows[0].look, _thickness(arrows)
    dashes = [f"{length * max(2.0, thickness):.1f}" for length in _DASHES[look] or ()]
    return element(
        "path",
        d=path,
        class_=f"{look}-line",
        stroke_width=f"{thickness:.1f}",
        stroke_dasharray=" ".join(dashes) or None,
    )


def _texts(track: _Track, places: Mapping[str, _Place], room: float) -> Markup:
    """Write what the arrows of a track say, each in its row."""
    sign = 1 if track.side == "right" else -1
    anchor = "start" if track.side == "right" else "end"
    written: list[Markup] = []
    for arrow, row in track.arrows:
        place = places[arrow.source]
        x, y = _edge(place, track.side) + 8 * sign, place.y(row)
        lift = 4 + _thickness((arrow,)) / 2
        width = room - 12 + (place.x if track.side == "left" else 0)
        lines = [element("title", arrow.tip)] if arrow.tip else []
        lines.append(write(x, y - lift, arrow.text, look="small", anchor=anchor, width=width))
        if arrow.below:
            look = "small muted" if arrow.weight == 0 else "small strong"
            lines.append(write(x, y + 13, arrow.below, look=look, anchor=anchor, width=width))
        written.append(element("g", *lines))
    return element("g", *written)


def _group(places: Mapping[str, _Place], outer: _Place) -> Markup:
    """Draw the frame around a stage and those nested in it."""
    inner = [p for n, p in places.items() if n.startswith(f"{outer.box.name}.")]
    last = inner[-1] if inner else outer
    return element(
        "rect",
        x=outer.x,
        y=outer.top,
        width=outer.width,
        height=last.top + last.height - outer.top + 6 / (1 + outer.box.depth),
        rx=6,
        class_="group",
    )


def _drawn_box(place: _Place) -> Markup:
    """Draw a stage's box with its title, on two lines where there is room, and its text."""
    box, x, room = place.box, place.x + 10, place.width - 18
    mark = TYPE_MARKS[box.type]
    most = 2 if place.height >= _TWO_LINES and not box.holds else 1
    titles = wrapped(mark + box.title, room * 0.92, most)
    base = place.top + 19
    if not box.holds:
        lines = len(titles) + (1 if box.text else 0)
        base = place.top + place.height / 2 + 5 - 9 * (lines - 1)
    look = f"strong {box.type}" if mark else "strong"
    texts = [write(x, base + 17 * at, text, look=look) for at, text in enumerate(titles)]
    if box.text:
        below = base + 17 * len(titles)
        texts.append(write(x, below, box.text, look="small muted", width=room))
    tip = element("title", f"{box.title}: {box.name}" + (f" ({box.type})" if mark else ""))
    return element("g", tip, "" if box.holds else _frame(place), *texts)


def _frame(place: _Place) -> Markup:
    return element(
        "rect",
        x=place.x,
        y=place.top,
        width=place.width,
        height=place.height,
        rx=6,
        class_=place.box.look,
    )
