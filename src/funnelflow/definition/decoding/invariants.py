"""What a definition says is always true of it, from its nodes."""

from funnelflow.definition.decoding.shape import Shape, words_for
from funnelflow.definition.decoding.sources import expression
from funnelflow.definition.records import Invariant
from funnelflow.definition.written.nodes import Mapping, Node, Scalar

__all__ = ["INVARIANT_KEYS", "invariants"]

INVARIANT_KEYS = ("stage", "after", "never_after", "inside", "needs")

_HOW = "write `- Every prospect was a lead before: {stage: prospect, after: lead}`"


def invariants(shape: Shape, node: Node | None) -> tuple[Invariant, ...]:
    """Read the list under ``always``."""
    found = (_invariant(shape, item) for item in shape.items(node, "'always'"))
    return tuple(item for item in found if item is not None)


def _invariant(shape: Shape, node: Node) -> Invariant | None:
    """Read ``Label: {stage: …, after: …}``."""
    if not isinstance(node, Mapping) or len(node.values) != 1:
        what = "several things in one" if isinstance(node, Mapping) else words_for(node)
        shape.problem("F108", node, f"what is always true has a label, and is not {what}", _HOW)
        return None
    ((label, value),) = node.items()
    keys = shape.mapping(value, f"the statement {label!r}", INVARIANT_KEYS, ["stage"])
    if not isinstance(value, Mapping) or not keys.get("stage"):
        return None
    needs = keys.get("needs")
    return Invariant(
        label,
        shape.name(keys["stage"], "'stage'"),
        after=shape.texts(keys.get("after"), "'after'"),
        never_after=shape.texts(keys.get("never_after"), "'never_after'"),
        inside=shape.name(keys.get("inside"), "'inside'"),
        needs=expression(shape, needs, f"what {label!r} needs") if needs else "",
        position=shape.place(value, node.keys[label]),
        needs_position=shape.text_place(needs) if isinstance(needs, Scalar) else None,
    )
