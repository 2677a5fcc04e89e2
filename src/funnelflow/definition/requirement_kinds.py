"""What a transition requires, as kinds of value: criteria, groups of them, and named blocks."""

from collections.abc import Iterator
from typing import Any

from attrs import evolve, frozen

from funnelflow.definition.kinds import (
    EXPRESSION,
    LABEL,
    NAME_TEXT,
    PLAIN,
    TEXT,
    Describe,
    Json,
    NodeReader,
    RecordChecker,
    Steps,
    ValueKind,
    is_nothing,
    whole_number,
    words_for,
)
from funnelflow.definition.model import Criterion, Group, Requirement
from funnelflow.definition.problems import suggest
from funnelflow.definition.record_kinds import Key, ListKind, MappingKind, Shape, check_keys
from funnelflow.definition.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from funnelflow.errors import nearest


@frozen
class Use(Criterion):
    """Stands where the criteria of a named block go, until the vocabulary is known."""

    block: str = ""


@frozen
class CriterionKind(ValueKind):
    """An item of a list of criteria: one with its label, a plugin's, a use of a block, a group."""

    def read(self, reader: NodeReader, node: Node, what: str) -> Requirement | None:  # noqa: ARG002
        """Return the criterion or group of a node; None, after a report, when it is neither."""
        if isinstance(node, ScalarNode):
            reader.problem("F104", node, "no_label", source=node.text[:60])
            return None
        if isinstance(node, SequenceNode):
            reader.problem("F105", node, "list")
            return None
        if "criterion" in node.values:
            provided: Criterion = PROVIDED.read(reader, node)
            return provided
        if "use" in node.values:
            use: Use = USE.read(reader, node)
            return use if use.block else None
        if any(word in node.values for word in GROUP_WORDS):
            return _group(reader, node)
        return None if _is_misspelt(reader, node) else _labelled(reader, node)

    def check(self, checker: RecordChecker, value: Any, at: Steps, what: str) -> Any:
        """Return a criterion or group built in Python; None, after a report, for anything else."""
        here = checker.inside(value, "criterion", getattr(value, "label", ""))
        if isinstance(value, Criterion):
            return check_keys(here, PROVIDED.attributes, value)
        kind, items = getattr(value, "kind", None), getattr(value, "items", None)
        if isinstance(value, Group) and isinstance(kind, str) and kind in GROUPS:
            written = len(items) if isinstance(items, tuple | list) else 0
            return _with_count(check_keys(here, AT_LEAST.keys, value), written)
        if isinstance(value, Group):
            found = suggest(str(kind), GROUPS)
            here.problem("F101", (), "unknown", found, what=_A_GROUP, key=str(kind))
        elif isinstance(value, str | bool | int | float):
            checker.problem("F104", at, "built")
        else:
            _no_group(checker, at, value, what, "a criterion or a group")
        return None

    def schema(self, describe: Describe) -> Json:
        """Return the JSON Schema of the kind."""
        labelled = {
            "type": "object",
            "description": "Label: expression",
            "minProperties": 1,
            "maxProperties": 1,
            "propertyNames": {"minLength": 1, "not": {"enum": list(GROUP_WORDS)}},
            "additionalProperties": describe(EXPRESSION),
        }
        return {"anyOf": [labelled, describe(GROUP), *_named(describe)]}


@frozen
class GroupKind(ValueKind):
    """A mapping with ``all``, ``any``, or ``at_least`` and ``of``; for editors alone."""

    def schema(self, describe: Describe) -> Json:
        """Return the JSON Schema of the kind."""
        return {"anyOf": [shape.schema(describe) for shape in GROUPS.values()]}


@frozen
class RequirementKind(CriterionKind):
    """What a transition requires: a list of criteria that must all be met, or a group."""

    def read(self, reader: NodeReader, node: Node, what: str) -> Requirement | None:
        """Return what a node requires; None when that is nothing, or cannot be read."""
        if isinstance(node, SequenceNode):
            items = CRITERIA.read(reader, node, what)
            is_lost = bool(node.items) and not items
            return None if is_lost else Group("all", items, position=reader.position(node))
        if isinstance(node, MappingNode):
            if any(word in node.values for word in GROUP_WORDS):
                return CriterionKind.read(self, reader, node, what)
            if _is_misspelt(reader, node):
                return None
        reader.problem("F105", node, "kind", lambda: _as_list(node), found=words_for(node))
        return None

    def check(self, checker: RecordChecker, value: Any, at: Steps, what: str) -> Any:
        """Return what a transition built in Python requires; None, after a report, otherwise."""
        if isinstance(value, Criterion | Group):
            return CriterionKind.check(self, checker, value, at, what)
        _no_group(checker, at, value, what, "a list of criteria, or a group")
        return None

    def schema(self, describe: Describe) -> Json:
        """Return the JSON Schema of the kind."""
        return {"anyOf": [describe(CRITERIA), describe(GROUP), *_named(describe)]}


@frozen
class BlockKind(RequirementKind):
    """A block of criteria that has a name; it uses no other, so that no file is endless."""

    def read(self, reader: NodeReader, node: Node, what: str) -> Group | None:
        """Return the group of a node; None, after a report, when it is none."""
        if is_nothing(node):
            reader.problem("F105", node, "empty_block", name=what)
            return None
        read = RequirementKind.read(self, reader, node, "'require'")
        if read is None:
            return None
        return _without_uses(
            reader, read if isinstance(read, Group) else Group("all", (read,)), node
        )

    def check(self, checker: RecordChecker, value: Any, at: Steps, what: str) -> Any:
        """Return a block that was built in Python; None, after a report, for anything else."""
        if isinstance(value, Group):
            return CriterionKind.check(self, checker, value, at, what)
        _no_group(checker, at, value, what, _A_GROUP)
        return None

    def schema(self, describe: Describe) -> Json:
        """Return the JSON Schema of the kind."""
        return {"anyOf": [describe(CRITERIA), describe(GROUP)]}


CRITERION = CriterionKind("item")
CRITERIA = ListKind(
    "criteria", "Criteria, each `Label: expression` or a group.", of=CRITERION, least=1
)
GROUP = GroupKind("group")
REQUIREMENT = RequirementKind("requirement", "What must be met: a list of criteria, or a group.")
BLOCKS = MappingKind(
    "blocks",
    "Blocks of criteria by the name under which transitions use them.",
    of=BlockKind("block", "A list of criteria, or a group."),
    each="{}",
    names=NAME_TEXT.described["pattern"][1:-1],
)
"""Criteria by name, in a vocabulary or a definition."""

_LABEL = Key("label", LABEL)


def _items(name: str, about: str) -> Key:
    return Key(name, CRITERIA, about, "items", is_required=True)


AT_LEAST = Shape(
    "group of criteria",
    Group,
    (
        Key(
            "at_least", whole_number(1, empty=1), "How many must be met.", "count", is_required=True
        ),
        _items("of", "The criteria of which so many must be met."),
        _LABEL,
    ),
)
GROUPS = {
    "all": Shape("group of criteria", Group, (_items("all", "All of these must be met."), _LABEL)),
    "any": Shape("group of criteria", Group, (_items("any", "One of these must be met."), _LABEL)),
    "at_least": AT_LEAST,
}
PROVIDED = Shape(
    "criterion",
    Criterion,
    (
        Key(
            "criterion",
            NAME_TEXT,
            "The name under which a plugin offers it.",
            "function",
            is_required=True,
        ),
        _LABEL,
    ),
    rest="arguments",
    others=(Key("expression", TEXT, is_required=True), Key("arguments", MappingKind(of=PLAIN))),
)
USE = Shape(
    "use of criteria",
    Use,
    (
        Key(
            "use",
            NAME_TEXT,
            "A block of criteria of the vocabulary or of this file.",
            "block",
            is_required=True,
        ),
        _LABEL,
    ),
)
GROUP_WORDS = (*GROUPS, "of", "criterion", "use")
"""Keys that make a mapping something else than a criterion with its label."""

_A_GROUP = "a group of criteria"


def _no_group(checker: RecordChecker, at: Steps, value: Any, what: str, rule: str) -> None:
    """Report what was built in Python where criteria belong."""
    checker.problem("F105", at, "built", what=what, rule=rule, found=words_for(value))


def _named(describe: Describe) -> Iterator[Json]:
    """Yield the schemas of a plugin's criterion with its arguments, and of the use of a block."""
    yield PROVIDED.schema(describe)
    yield USE.schema(describe)


def _labelled(reader: NodeReader, node: MappingNode) -> Criterion | None:
    """Return the criterion of ``Label: expression``."""
    if not node.values:
        reader.problem("F105", node, "empty")
        return None
    if len(node.values) > 1:
        reader.problem("F105", list(node.keys.values())[1], "several")
        return None
    ((label, value),) = node.items()
    if not label:
        reader.problem("F104", node, "no_label")
    source = EXPRESSION.read(reader, value, f"the criterion {label!r}")
    if not source:
        return None
    return Criterion(
        label,
        source,
        position=reader.position(node, node.keys[label]),
        expression_position=reader.text_position(value),
    )


def _is_misspelt(reader: NodeReader, node: MappingNode) -> bool:
    """Report the first key that is nearly a word of groups; whether there was one.

    A lone key may be a label, unless a list stands under it.
    """
    is_label = len(node.values) == 1 and not isinstance(
        next(iter(node.values.values())), SequenceNode
    )
    for key in () if is_label else node.values:
        guess = nearest(key, GROUP_WORDS)
        if guess and key not in GROUP_WORDS:
            reader.problem("F101", node.keys[key], "unknown", what=_A_GROUP, key=key, guess=guess)
            return True
    return False


def _group(reader: NodeReader, node: MappingNode) -> Group | None:
    """Return the group of ``all``, ``any``, or ``at_least`` with ``of``."""
    kinds = [kind for kind in GROUPS if kind in node.values]
    if not kinds and _is_misspelt(reader, node):
        return None
    if len(kinds) != 1:
        what = " and ".join(kinds) or "'of' alone"
        reader.problem("F105", node, "no_group", what=what)
        return None
    kind = kinds[0]
    values = GROUPS[kind].values(reader, node)
    listed = node.values.get("of" if kind == "at_least" else kind)
    written = len(listed.items) if isinstance(listed, SequenceNode) else None
    if not values["items"] and written != 0:
        return None
    group = Group(kind=kind, position=reader.position(node), **values)  # type: ignore[arg-type]
    return _with_count(group, written or 0)


def _with_count(group: Group | None, written: int) -> Group | None:
    """Return a group that asks for no more than could be read, unless more than was written."""
    if group is None or not len(group.items) < group.count <= written:
        return group
    return evolve(group, count=len(group.items))


def _without_uses(reader: NodeReader, group: Group, node: Node) -> Group:
    """Return the group of a block without what would use another."""
    kept: list[Requirement] = []
    for item in group.items:
        if isinstance(item, Use):
            reader.problem("F105", node, "nested_block", name=item.block)
        else:
            kept.append(_without_uses(reader, item, node) if isinstance(item, Group) else item)
    return evolve(group, items=tuple(kept))


def _as_list(node: Node) -> dict[str, Any]:
    """Return how the first criterion of a mapping would stand in a list."""
    if not isinstance(node, MappingNode) or not node.values:
        return {}
    label, value = next(iter(node.items()))
    source = value.text[:60] if isinstance(value, ScalarNode) else "expression"
    return {"label": label, "source": source}
