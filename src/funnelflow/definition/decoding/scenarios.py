"""Scenarios, from their nodes."""

from typing import Any

from funnelflow.definition.decoding.shape import Shape, words_for
from funnelflow.definition.records import Scenario, ScenarioStep
from funnelflow.definition.written.nodes import Mapping, Node, Scalar, Sequence
from funnelflow.errors import nearest

__all__ = ["SCENARIO_KEYS", "STEP_WORDS", "given", "scenario", "steps"]

SCENARIO_KEYS = ("story", "given", "when", "then")
STEP_WORDS = ("move", "set", "wait")
"""Keys of a step that are no events."""

_HOW = "write an event, {event: {facts}}, {move: stage}, {set: {facts}} or {wait: 30d}"


def scenario(shape: Shape, node: Node) -> Scenario:
    """Read one scenario."""
    keys = shape.mapping(node, "a scenario", SCENARIO_KEYS, ["story"])
    return Scenario(
        story=shape.text(keys.get("story"), "'story'"),
        then=shape.name(keys.get("then"), "'then'"),
        when=steps(shape, keys.get("when")),
        given=given(shape, keys.get("given")),
        position=shape.place(node),
    )


def given(shape: Shape, node: Node | None) -> dict[str, Any]:
    """Read the facts that are known before a story begins."""
    return _facts(shape, node, "'given'")


def steps(shape: Shape, node: Node | None) -> tuple[ScenarioStep, ...]:
    """Read the steps of a story; a lone step is a list of one."""
    nodes = [node] if isinstance(node, Scalar | Mapping) else shape.items(node, "'when'")
    found = (_step(shape, item) for item in nodes)
    return tuple(step for step in found if step is not None)


def _step(shape: Shape, node: Node) -> ScenarioStep | None:
    """Read one step, or say how steps are written."""
    if isinstance(node, Scalar):
        event = shape.name(node, "a step")
        return ScenarioStep(event, position=shape.place(node)) if event else None
    kinds = [key for key in node.values if key != "as"] if isinstance(node, Mapping) else []
    if len(kinds) != 1 or not isinstance(node, Mapping):
        _misread(shape, node, kinds)
        return None
    return _of_kind(shape, node, kinds[0])


def _misread(shape: Shape, node: Node, kinds: list[str]) -> None:
    """Say what a step should be; a misspelt `as` is told by its name."""
    guess = next((kind for kind in kinds if nearest(kind, ["as"])), None)
    what = f"{len(kinds)} things in one" if kinds else words_for(node)
    if isinstance(node, Sequence) or guess is None:
        shape.problem("F106", node, f"a step is one thing that happens, not {what}", _HOW)
    else:
        shape.problem("F106", node, f"a step has no key {guess!r}", "did you mean 'as'?")


def _of_kind(shape: Shape, node: Mapping, kind: str) -> ScenarioStep | None:
    """Read a step by the one key that says what happens."""
    value = node.values[kind]
    roles = shape.texts(node.values.get("as"), "'as'")
    about: dict[str, Any] = {"roles": roles, "position": shape.place(node)}
    if kind == "move":
        to = shape.name(value, "'move'")
        return ScenarioStep(to=to, **about) if to else None
    if kind == "wait":
        wait = shape.duration(value, "'wait'")
        return ScenarioStep(wait=wait, **about) if wait is not None else None
    event = "" if kind == "set" else kind
    return ScenarioStep(event, facts=_facts(shape, value, f"{kind!r}"), **about)


def _facts(shape: Shape, node: Node | None, what: str) -> dict[str, Any]:
    """Read facts as plain data; their types are checked against the vocabulary later."""
    found = shape.anything(node, f"the facts of {what}")
    return {name: shape.plain(value) for name, value in found.items()}
