"""What a transition requires, from its nodes: criteria, and all, any or at least N of them."""

from typing import Any

from attrs import evolve

from funnelflow.definition.decoder import Shape, Use, expression, words_for
from funnelflow.definition.model import Criterion, Group, Requirement
from funnelflow.definition.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from funnelflow.errors import nearest

GROUP_WORDS = ("all", "any", "at_least", "of", "criterion", "use")
"""Keys that make a mapping something else than a criterion with its label."""

_HOW = "write a list of criteria, or one of all:, any:, at_least: N with of:"


def requirement(shape: Shape, node: Node | None) -> Requirement | None:
    """Read the value of ``require``; None when it requires nothing, or cannot be read."""
    if node is None:
        return None
    if isinstance(node, SequenceNode):
        items = _items(shape, node)
        is_lost = bool(node.items) and not items
        return None if is_lost else Group("all", items, position=shape.place(node))
    if isinstance(node, MappingNode) and any(word in node.values for word in GROUP_WORDS):
        return _one(shape, node)
    help_text = _list_help(node) or _HOW
    shape.problem("F105", node, f"'require' is a list, not {words_for(node)}", help_text)
    return None


def blocks(shape: Shape, node: Node | None) -> dict[str, Group]:
    """Read a mapping of named blocks of criteria; none of them uses another."""
    found: dict[str, Group] = {}
    for name, value in shape.anything(node, "'criteria'").items():
        read = requirement(shape, value)
        if read is not None:
            group = read if isinstance(read, Group) else Group("all", (read,))
            found[name] = _without_uses(shape, group, value)
        elif value.line and isinstance(value, ScalarNode) and not value.text:
            shape.problem("F105", value, f"the block {name!r} is empty", _HOW)
    return found


def _without_uses(shape: Shape, group: Group, node: Node) -> Group:
    """Take out of a block what would use another: a short file could stand for an endless one."""
    kept: list[Requirement] = []
    for item in group.items:
        if isinstance(item, Use):
            message = f"a block of criteria uses no other, such as {item.block!r}"
            shape.problem("F105", node, message, "write its criteria out")
        else:
            kept.append(_without_uses(shape, item, node) if isinstance(item, Group) else item)
    return evolve(group, items=tuple(kept))


def _items(shape: Shape, node: Node | None) -> tuple[Requirement, ...]:
    """Read the items of a list of criteria, without those that cannot be read."""
    found = (_one(shape, item) for item in shape.items(node, "a list of criteria"))
    return tuple(item for item in found if item is not None)


def _one(shape: Shape, node: Node) -> Requirement | None:
    """Read one item: a criterion with its label, a plugin's, or a group."""
    if isinstance(node, ScalarNode):
        help_text = f"give it a label: `- What must be true: {node.text[:60]}`"
        shape.problem("F104", node, "this criterion has no label", help_text)
        return None
    if isinstance(node, SequenceNode):
        message = "a criterion is written `Label: expression`, not as a list"
        shape.problem(
            "F105", node, message, "put the expression in quotes; groups need all: or any:"
        )
        return None
    if "criterion" in node.values:
        return _provided(shape, node)
    if "use" in node.values:
        return _use(shape, node)
    if any(word in node.values for word in GROUP_WORDS):
        return _group(shape, node)
    return _labelled(shape, node)


def _labelled(shape: Shape, node: MappingNode) -> Criterion | None:
    """Read ``Label: expression``."""
    if len(node.values) != 1:
        _several(shape, node)
        return None
    ((label, value),) = node.items()
    if not label:
        shape.problem("F104", node, "this criterion has no label")
    source = expression(shape, value, f"the criterion {label!r}")
    if not source or not isinstance(value, ScalarNode):
        return None
    place = shape.place(node, node.keys[label])
    return Criterion(label, source, position=place, expression_position=shape.text_place(value))


def _several(shape: Shape, node: MappingNode) -> None:
    """Say that an item holds one criterion; a misspelt word of a group is told by its name."""
    if _misspelt(shape, node):
        return
    if not node.values:
        shape.problem("F105", node, "this criterion is empty", "write `Label: expression`")
        return
    second = list(node.keys.values())[1]
    shape.problem("F105", second, "each item holds one criterion", "begin a new item with '- '")


def _misspelt(shape: Shape, node: MappingNode) -> bool:
    """Report the first key that is nearly a word of groups; tell whether there was one."""
    for key in node.values:
        guess = nearest(key, GROUP_WORDS)
        if guess and key not in GROUP_WORDS:
            message = f"a group of criteria has no key {key!r}"
            shape.problem("F101", node.keys[key], message, f"did you mean {guess!r}?")
            return True
    return False


def _provided(shape: Shape, node: MappingNode) -> Criterion:
    """Read ``{criterion: name, …arguments}``."""
    arguments = {
        key: shape.plain(value) for key, value in node.items() if key not in ("criterion", "label")
    }
    return Criterion(
        shape.text(node.values.get("label"), "'label'"),
        function=shape.name(node.values["criterion"], "'criterion'"),
        arguments=arguments,
        position=shape.place(node),
    )


def _use(shape: Shape, node: MappingNode) -> Use | None:
    """Read ``{use: block}``, perhaps with a label of its own."""
    keys = shape.mapping(node, "a use of criteria", ("use", "label"))
    block = shape.name(keys["use"], "'use'")
    label = shape.text(keys.get("label"), "'label'")
    return Use(label, block=block, position=shape.place(node)) if block else None


def _group(shape: Shape, node: MappingNode) -> Group | None:
    """Read ``all``, ``any``, or ``at_least`` with ``of``; each may have a label."""
    kinds = [kind for kind in ("all", "any", "at_least") if kind in node.values]
    if not kinds and _misspelt(shape, node):
        return None
    if len(kinds) != 1:
        what = " and ".join(kinds) or "'of' alone"
        shape.problem("F105", node, f"{what} is not a group of criteria", _HOW)
        return None
    kind: Any = kinds[0]
    listed = "of" if kind == "at_least" else kind
    known = ("at_least", "of", "label") if kind == "at_least" else (kind, "label")
    keys = shape.mapping(node, "a group of criteria", known, [listed])
    items = _items(shape, keys.get(listed))
    if not items and not _is_empty(keys.get(listed)):
        return None
    return Group(
        kind,
        items,
        count=_count(shape, keys, len(items)) if kind == "at_least" else 0,
        label=shape.text(keys.get("label"), "'label'"),
        position=shape.place(node),
    )


def _is_empty(node: Node | None) -> bool:
    """Tell whether a list of criteria was written without any."""
    return isinstance(node, SequenceNode) and not node.items


def _count(shape: Shape, keys: dict[str, Node], read: int) -> int:
    """Read how many criteria must be met; those that cannot be read make no new fault."""
    count = shape.whole(keys["at_least"], "'at_least'", 1)
    listed = keys.get("of")
    written = len(listed.items) if isinstance(listed, SequenceNode) else 0
    return min(count, read) if count <= written else count


def _list_help(node: Node) -> str:
    """Show how the first criterion of a mapping would stand in a list."""
    if not isinstance(node, MappingNode) or not node.values:
        return ""
    label, value = next(iter(node.items()))
    source = value.text[:60] if isinstance(value, ScalarNode) else "expression"
    return f"write it as a list: `- {label}: {source}`"
