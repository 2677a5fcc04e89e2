"""A definition as a picture, and the ways that contacts took through it."""

from collections.abc import Collection, Mapping
from typing import Final

from attrs import frozen

from funnelflow.definition import Linked, LinkedTransition, takes
from funnelflow.report.number_words import count_words, short_title
from funnelflow.report.records import Number, StageCount
from funnelflow.report.sections import Flow
from funnelflow.report.stage_map import ArrowLook, StageArrow, StageBox, stage_map
from funnelflow.report.svg_writer import Picture

MOST_ARROWS: Final = 60
"""How many arrows a picture has; of more, those that were taken, and of those the most taken."""


@frozen
class _Way:
    """A way from one leaf stage to another."""

    source: str
    to: str
    texts: tuple[str, ...] = ()
    moves: Number | None = None
    is_backward: bool = False


def definition_picture(
    linked: Linked, stages: Mapping[str, StageCount] | None = None, flow: Flow | None = None
) -> Picture:
    """Draw a definition: its stages, and what leads from each to which.

    Args:
        linked: The definition.
        stages: How many contacts are in each stage; None to draw no counts.
        flow: How often contacts went from one stage to another.
    """
    ways = _permitted(linked)
    for move in flow.moves if flow else ():
        if not {move.source, move.to} <= linked.stages.keys():
            continue  # of another version of the definition
        pair = (move.source, move.to)
        known = ways.get(pair, _Way(*pair, ("forced, or by another version",)))
        ways[pair] = _Way(*pair, known.texts, move.moves)
    titles = {name: stage.title or name.rpartition(".")[2] for name, stage in linked.stages.items()}
    boxes = [
        StageBox(
            name,
            titles[name],
            _standing(linked, name, stages),
            "soft" if name == linked.initial else "box",
            linked.type_of(name),
            holds=name not in linked.leaves,
        )
        for name in linked.stages
    ]
    order = {name: place for place, name in enumerate(linked.stages)}
    arrows = [
        StageArrow(
            way.source,
            way.to,
            f"to {titles[way.to]}: {'; '.join(way.texts)}",
            _taken(way, is_counted=flow is not None),
            f"{way.source} to {way.to}: {'; '.join(way.texts)}",
            _look(linked, way.to, is_backward=order[way.to] <= order[way.source]),
            0 if flow is not None and not way.moves else None,
        )
        for way in _most(ways.values())
    ]
    title = linked.definition.title or linked.definition.name
    return stage_map(
        "definition",
        title,
        _about(linked, is_counted=flow is not None),
        boxes,
        arrows,
        _left_out(len(ways), len(arrows)),
    )


def _about(linked: Linked, *, is_counted: bool) -> str:
    """Return in words what a picture of a definition shows."""
    counted = (
        " At each stage stands how many contacts are in it now, at each arrow how often it was "
        "taken, of all times that the stage was left."
        if is_counted
        else ""
    )
    return (
        f"The {len(linked.stages)} stages of {linked.definition.name}, and the ways between them: "
        f"forward on the right, back on the left.{counted}"
    )


def leaf_pairs(transition: LinkedTransition) -> list[tuple[str, str]]:
    """Return from which leaf stage to which a transition leads."""
    return [(source, to) for source, _ in transition.sources for to in transition.targets]


def _permitted(linked: Linked) -> dict[tuple[str, str], _Way]:
    """Return the ways that the transitions permit, with what takes each."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for transition in linked.transitions:
        words = takes(transition.transition)
        for pair in leaf_pairs(transition):
            if words not in found.get(pair, ()):
                found[pair] = (*found.get(pair, ()), words)
    return {pair: _Way(*pair, texts) for pair, texts in found.items()}


def _most(ways: Collection[_Way]) -> Collection[_Way]:
    """Return the ways that are drawn; of too many only those that were taken, if any were."""
    if len(ways) <= MOST_ARROWS:
        return ways
    taken = [(way.moves.value, way) for way in ways if way.moves]
    taken.sort(key=lambda pair: -pair[0])
    return ([way for _, way in taken] or list(ways))[:MOST_ARROWS]


def _left_out(ways: int, drawn: int) -> str:
    """Return that not all ways are drawn; empty where they are."""
    return f"{drawn:,} of {ways:,} ways are drawn, those taken most" if drawn < ways else ""


def _taken(way: _Way, *, is_counted: bool) -> str:
    if not is_counted:
        return ""
    return count_words(way.moves) if way.moves else "not taken"


def _standing(linked: Linked, name: str, stages: Mapping[str, StageCount] | None) -> str:
    """Return what stands below the title of a stage."""
    if stages is None or name not in stages:
        type_ = linked.type_of(name)
        return type_ if type_ != "open" else "begins here" if name == linked.initial else ""
    return f"{stages[name].now.value:,} now"


def _look(linked: Linked, to: str, *, is_backward: bool) -> ArrowLook:
    if linked.type_of(to) == "lost":
        return "lost"
    return "back" if is_backward else "bar"


def flow_picture(stages: tuple[StageCount, ...], flow: Flow) -> Picture:
    """Draw the ways that contacts took; the more took one, the thicker it is.

    Args:
        stages: The stages of the report.
        flow: The transitions that were taken.
    """
    types = {stage.stage: stage.type for stage in stages}
    titles = {stage.stage: short_title(stage.stage, stage.title) for stage in stages}
    moves = sorted(flow.moves, key=lambda move: -move.moves.value)[:MOST_ARROWS]
    most = max((move.moves.value for move in moves), default=1)
    boxes = [
        StageBox(
            stage.stage,
            titles[stage.stage],
            f"{stage.now.value:,} now",
            "box",
            stage.type,
            not stage.is_leaf,
        )
        for stage in stages
    ]
    arrows = [
        StageArrow(
            move.source,
            move.to,
            f"{count_words(move.moves)} {'back to' if move.is_backward else 'to'} "
            f"{titles[move.to]}",
            "",
            f"{move.source} to {move.to}: {move.moves.value:,} of {move.moves.of or 0:,} "
            "times that it was left",
            "back" if move.is_backward else "lost" if types[move.to] == "lost" else "bar",
            move.moves.value / most,
        )
        for move in moves
    ]
    backward = sum(move.moves.value for move in flow.moves if move.is_backward)
    total = sum(move.moves.value for move in flow.moves)
    about = (
        f"{flow.begun.value:,} contacts made {total:,} moves between stages, {backward:,} of them "
        "back. The more took a way, the thicker it is; ways back are dashed and stand on the left, "
        "ways to a lost stage are dotted."
    )
    less = _left_out(len(flow.moves), len(moves))
    return stage_map("flow", "The ways that contacts took", about, boxes, arrows, less)
