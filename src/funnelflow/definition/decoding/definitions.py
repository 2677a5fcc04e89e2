"""A definition file, from its nodes."""

from typing import Any

from funnelflow.definition.decoding.drafts import Draft
from funnelflow.definition.decoding.invariants import invariants
from funnelflow.definition.decoding.requirements import blocks, requirement
from funnelflow.definition.decoding.scenarios import scenario
from funnelflow.definition.decoding.shape import Shape
from funnelflow.definition.decoding.vocabularies import events, fields
from funnelflow.definition.records import Stage, Transition
from funnelflow.definition.written.nodes import Mapping, Node, Scalar, Sequence

__all__ = ["DEFINITION_KEYS", "STAGE_KEYS", "TRANSITION_KEYS", "definition"]

DEFINITION_KEYS = (
    "funnel",
    "version",
    "title",
    "about",
    "vocabulary",
    "fields",
    "events",
    "criteria",
    "initial",
    "extends",
    "without",
    "stages",
    "transitions",
    "always",
    "scenarios",
    "force",
)
STAGE_KEYS = ("title", "about", "aliases", "owner", "playbook", "type", "stages", "optional")
TRANSITION_KEYS = ("from", "to", "on", "after", "since", "require", "by", "about")

_TYPES = ("open", "won", "lost")
_SINCE = ("stage", "activity")


def definition(shape: Shape, node: Node) -> Draft:
    """Read a whole definition file; what cannot be read is reported and left out."""
    keys = shape.mapping(node, "a definition", DEFINITION_KEYS)
    wanted = shape.items(keys.get("transitions"), "'transitions'")
    transitions = [_transition(shape, item) for item in wanted]
    scenarios = shape.items(keys.get("scenarios"), "'scenarios'")
    stages = keys.get("stages")
    return Draft(
        name=shape.text(keys.get("funnel"), "'funnel'"),
        path=shape.path,
        position=shape.place(node),
        version=shape.whole(keys["version"], "'version'", 1) if "version" in keys else None,
        title=shape.text(keys.get("title"), "'title'"),
        about=shape.text(keys.get("about"), "'about'"),
        vocabulary=shape.name(keys.get("vocabulary"), "'vocabulary'"),
        fields=fields(shape, keys.get("fields")),
        events=events(shape, keys.get("events")),
        criteria=blocks(shape, keys.get("criteria")),
        initial=shape.name(keys.get("initial"), "'initial'"),
        extends=shape.name(keys.get("extends"), "'extends'"),
        without=shape.texts(keys.get("without"), "'without'"),
        stages=_stages(shape, stages, "'stages'"),
        transitions=tuple(item for item in transitions if item is not None),
        always=invariants(shape, keys.get("always")),
        scenarios=tuple(scenario(shape, item) for item in scenarios),
        force=shape.texts(keys.get("force"), "'force'"),
        is_partial=None in transitions or not _are_whole(stages, keys.get("transitions")),
    )


def _stages(shape: Shape, node: Node | None, what: str) -> tuple[Stage, ...]:
    return tuple(shape.each(node, what, lambda *pair: _stage(shape, *pair)))


def _stage(shape: Shape, name: str, node: Node, key: Scalar) -> Stage:
    keys = shape.mapping(node, f"the stage {name!r}", STAGE_KEYS)
    kind: Any = shape.choice(keys.get("type"), "'type'", _TYPES)
    return Stage(
        name,
        title=shape.text(keys.get("title"), "'title'"),
        about=shape.text(keys.get("about"), "'about'"),
        type=kind,
        aliases=shape.texts(keys.get("aliases"), "'aliases'"),
        owner=shape.text(keys.get("owner"), "'owner'"),
        playbook=shape.texts(keys.get("playbook"), "'playbook'"),
        stages=_stages(shape, keys.get("stages"), "'stages'"),
        optional=shape.flag(keys.get("optional"), "'optional'"),
        position=shape.place(node, key),
    )


def _transition(shape: Shape, node: Node) -> Transition | None:
    """Read a transition; None if it does not say from where or to where."""
    keys = shape.mapping(node, "a transition", TRANSITION_KEYS, ["from", "to"])
    since: Any = shape.choice(keys.get("since"), "'since'", _SINCE)
    read = Transition(
        sources=shape.texts(keys.get("from"), "'from'"),
        to=shape.name(keys.get("to"), "'to'"),
        on=shape.texts(keys.get("on"), "'on'"),
        after=shape.duration(keys.get("after"), "'after'"),
        since=since,
        require=requirement(shape, keys.get("require")),
        by=shape.texts(keys.get("by"), "'by'"),
        about=shape.text(keys.get("about"), "'about'"),
        position=shape.place(node),
    )
    if read.sources and read.to:
        return read
    listed = keys.get("from")
    if isinstance(listed, Sequence) and not listed.items:
        shape.problem("F102", listed, "'from' names no stage")
    return None


def _are_whole(stages: Node | None, transitions: Node | None) -> bool:
    """Tell whether stages and transitions are what they should be, as far as they are there."""
    return isinstance(stages, Mapping | None) and isinstance(transitions, Sequence | None)
