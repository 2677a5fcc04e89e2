"""What a transition requires, as kinds of value: criteria, groups of them, and named blocks."""

from collections.abc import Callable
from typing import Any

from attrs import evolve, frozen

from funnelflow.definition.kinds import (
    EXPRESSION,
    LABEL,
    NAME_TEXT,
    PLAIN,
    Describe,
    Json,
    ValueKind,
    is_nothing,
    items_of,
    name_check,
    whole_number,
    words_for,
)
from funnelflow.definition.model import NAME, Criterion, Group, Requirement
from funnelflow.definition.problems import Place, suggest
from funnelflow.definition.record_kinds import Key, ListKind, MappingKind, RecordKind
from funnelflow.definition.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from funnelflow.errors import nearest


@frozen
class Use(Criterion):
    """Stands where the criteria of a named block go, until the vocabulary is known."""

    block: str = ""


@frozen
class CriterionKind(ValueKind):
    """An item of a list of criteria: one with its label, a plugin's, a use of a block, a group."""

    def take(self, here: Place, value: Any, what: str) -> Requirement | None:
        """Return the criterion or group; None, after a report, when it is neither."""
        if not isinstance(value, Node):
            return self.built(here, value, what)
        if isinstance(value, ScalarNode):
            here.report("F104", "no_label", source=value.text[:60])
            return None
        if isinstance(value, SequenceNode):
            here.report("F105", "list")
            return None
        found: Requirement | None
        if "criterion" in value.values:
            found = PROVIDED.read(here.of_node(value), value)
        elif "use" in value.values:
            found = USE.read(here.of_node(value), value)
        elif any(word in value.values for word in GROUP_WORDS):
            found = _group(here, value)
        else:
            found = None if _is_misspelt(here, value) else _labelled(here, value)
        return found

    def built(
        self, here: Place, value: Any, what: str, about: str = "criterion"
    ) -> Requirement | None:
        """Return what was built in Python; None, after a report, if it is something else."""
        if not isinstance(value, Criterion | Group):
            if isinstance(value, str | bool | int | float):
                here.report("F104", "built")
            else:
                _no_group(here, value, what, "a criterion or a group")
            return None
        inside = here.inside(value, f"{about} {value.label!r}" if value.label else about)
        if isinstance(value, Criterion):
            found: Requirement | None = BUILT.check(inside, value)
            return found
        kind: Any = value.kind
        if not isinstance(kind, str) or kind not in GROUPS:
            known = suggest(str(kind), GROUPS)
            inside.report("F101", "unknown", known, what=_A_GROUP, key=str(kind))
            return None
        group = AT_LEAST.check(inside, value)
        return None if group is None else _checked(inside, group, len(value.items))


@frozen
class RequirementKind(CriterionKind):
    """What a transition requires: a list of criteria that must all be met, or a group."""

    def take(self, here: Place, value: Any, what: str) -> Requirement | None:
        """Return what is required; None when that is nothing, or cannot be read."""
        if isinstance(value, Criterion | Group):
            return self.built(here, value, what)
        if isinstance(value, SequenceNode):
            place = here.of_node(value)
            items = CRITERIA.take(place, value, what)
            if value.items and not items:
                return None
            return _checked(place, Group("all", items, position=place.position), 0)
        if isinstance(value, MappingNode):
            if any(word in value.values for word in GROUP_WORDS):
                return CriterionKind.take(self, here, value, what)
            if _is_misspelt(here, value):
                return None
        if isinstance(value, Node):
            here.report("F105", "kind", lambda: _as_list(value), found=words_for(value))
        else:
            _no_group(here, value, what, "a list of criteria, or a group")
        return None


@frozen
class BlockKind(RequirementKind):
    """A block of criteria that has a name; it uses no other, so that no file is endless."""

    def take(self, here: Place, value: Any, what: str) -> Group | None:
        """Return the group; None, after a report, when it is none."""
        if is_nothing(value):
            here.report("F105", "empty_block", name=what)
            return None
        if not isinstance(value, Node | Group):
            _no_group(here, value, what, _A_GROUP)
            return None
        if isinstance(value, Group):
            found = self.built(here, value, what, f"block of criteria {what!r}")
        else:
            found = RequirementKind.take(self, here, value, "'require'")
        if found is None:
            return None
        return _without_uses(here, found if isinstance(found, Group) else Group("all", (found,)))


def _check_criterion(here: Place, criterion: Criterion) -> Criterion:
    """Report a criterion with an expression and a function, or with neither, or without a label."""
    if bool(criterion.expression) == bool(criterion.function):
        here.report("F105", "both")
    elif not criterion.label and not criterion.function:
        here.report("F107")
    return criterion


def _any_of(*kinds: ValueKind) -> Callable[[Describe], Json]:
    """Return what describes criteria: of some kinds, a plugin's, or those of a block."""

    def describe_all(describe: Describe) -> Json:
        named = (PROVIDED.schema(describe), USE.schema(describe))
        return {"anyOf": [*map(describe, kinds), *named]}

    return describe_all


_LABELLED = ValueKind(
    described=lambda describe: {
        "type": "object",
        "description": "Label: expression",
        "minProperties": 1,
        "maxProperties": 1,
        "propertyNames": {"minLength": 1, "not": {"enum": list(GROUP_WORDS)}},
        "additionalProperties": describe(EXPRESSION),
    }
)
GROUP = ValueKind(
    defined_as="group",
    described=lambda describe: {"anyOf": [shape.schema(describe) for shape in GROUPS.values()]},
)
"""A mapping with ``all``, ``any``, or ``at_least`` and ``of``, for editors."""
CRITERION = CriterionKind(defined_as="item", described=_any_of(_LABELLED, GROUP))
CRITERIA = ListKind(
    defined_as="criteria",
    about="Criteria, each `Label: expression` or a group.",
    of=CRITERION,
    least=1,
)
REQUIREMENT = RequirementKind(
    defined_as="requirement",
    about="What must be met: a list of criteria, or a group.",
    described=_any_of(CRITERIA, GROUP),
)
BLOCKS = MappingKind(
    defined_as="blocks",
    about="Blocks of criteria by the name under which transitions use them.",
    of=BlockKind(
        defined_as="block",
        about="A list of criteria, or a group.",
        described=lambda describe: {"anyOf": [describe(CRITERIA), describe(GROUP)]},
    ),
    each="{}",
    names=NAME.pattern,
    check_name=name_check("block of criteria"),
)
"""Criteria by name, in a vocabulary or a definition."""

_LABEL = Key("label", LABEL)


def _group_kind(key: str, about: str, *more: Key) -> RecordKind:
    items = Key(key, CRITERIA, about, "items", is_required=True)
    return RecordKind("group of criteria", Group, (*more, items, _LABEL), needs=("items",))


_COUNT = Key("at_least", whole_number(1), "How many must be met.", "count", is_required=True)
AT_LEAST = _group_kind("of", "The criteria of which so many must be met.", _COUNT)
GROUPS: dict[str, RecordKind] = {
    "all": _group_kind("all", "All of these must be met."),
    "any": _group_kind("any", "One of these must be met."),
    "at_least": AT_LEAST,
}
_PROVIDED = Key(
    "criterion", NAME_TEXT, "The name under which a plugin offers it.", "function", is_required=True
)
PROVIDED = RecordKind(
    "criterion", Criterion, (_PROVIDED, _LABEL), needs=("function",), rest="arguments"
)
BUILT = RecordKind(
    "criterion",
    Criterion,
    (_PROVIDED, _LABEL, Key("expression", EXPRESSION), Key("arguments", MappingKind(of=PLAIN))),
    further=_check_criterion,
    needs=("expression", "function"),
)
"""A criterion that was built in Python."""
_BLOCK = Key(
    "use",
    NAME_TEXT,
    "A block of criteria of the vocabulary or of this file.",
    "block",
    is_required=True,
)
USE = RecordKind("use of criteria", Use, (_BLOCK, _LABEL), needs=("block",))
GROUP_WORDS: tuple[str, ...] = (*GROUPS, "of", "criterion", "use")
"""Keys that make a mapping something else than a criterion with its label."""

_A_GROUP = "a group of criteria"


def _no_group(here: Place, value: Any, what: str, rule: str) -> None:
    """Report what was built in Python where criteria belong."""
    here.report("F105", "built", what=what, rule=rule, found=words_for(value))


def _labelled(here: Place, node: MappingNode) -> Criterion | None:
    """Return the criterion of ``Label: expression``."""
    if not node.values:
        here.report("F105", "empty")
        return None
    if len(node.values) > 1:
        here.part(list(node.keys)[1]).key().report("F105", "several")
        return None
    ((label, value),) = node.items()
    part = here.part(label)
    source = EXPRESSION.take(part, value, f"the criterion {label!r}")
    if not label:
        here.report("F104", "no_label")
    LABEL.take(part.key(), label, "a label")
    position = part.of_node(node, is_named=True).position
    return Criterion(label, source, position=position) if source else None


def _is_misspelt(here: Place, node: MappingNode) -> bool:
    """Report the first key that is nearly a word of groups; whether there was one.

    A lone key may be a label, unless a list stands under it.
    """
    is_label = len(node.values) == 1 and items_of(next(iter(node.values.values()))) is None
    for key in () if is_label else node.values:
        guess = nearest(key, GROUP_WORDS)
        if guess and key not in GROUP_WORDS:
            here.part(key).key().report("F101", "unknown", what=_A_GROUP, key=key, guess=guess)
            return True
    return False


def _group(here: Place, node: MappingNode) -> Group | None:
    """Return the group of ``all``, ``any``, or ``at_least`` with ``of``."""
    kinds = [kind for kind in GROUPS if kind in node.values]
    if not kinds and _is_misspelt(here, node):
        return None
    if len(kinds) != 1:
        here.report("F105", "no_group", what=" and ".join(kinds) or "'of' alone")
        return None
    kind, place = kinds[0], here.of_node(node)
    values = GROUPS[kind].values(place, node)
    written = items_of(node.values.get("of" if kind == "at_least" else kind))
    if not values["items"] and written != []:
        return None
    group = Group(kind=kind, position=place.position, **values)  # type: ignore[arg-type]
    return _checked(place, group, len(written or ()))


def _checked(here: Place, group: Group, written: int) -> Group:
    """Return a group that asks for no more than could be read, unless more than was written."""
    if not group.items and not written:
        here.report("F105", "empty_group")
    elif group.kind == "at_least" and not 1 <= group.count <= max(written, len(group.items)):
        here.part("at_least").report("F209", "count", count=group.count, size=len(group.items))
    elif len(group.items) < group.count:
        return evolve(group, count=len(group.items))
    return group


def _without_uses(here: Place, group: Group) -> Group:
    """Return the group of a block without what would use another."""
    kept: list[Requirement] = []
    for item in group.items:
        if isinstance(item, Use):
            here.report("F105", "nested_block", name=item.block)
        else:
            kept.append(_without_uses(here, item) if isinstance(item, Group) else item)
    return evolve(group, items=tuple(kept))


def _as_list(node: Node) -> dict[str, Any]:
    """Return how the first criterion of a mapping would stand in a list."""
    if not isinstance(node, MappingNode) or not node.values:
        return {}
    label, value = next(iter(node.items()))
    source = value.text[:60] if isinstance(value, ScalarNode) else "expression"
    return {"label": label, "source": source}
