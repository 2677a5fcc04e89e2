"""The source of an expression, from its node."""

from funnelflow.definition.decoding.shape import Shape
from funnelflow.definition.written.nodes import Mapping, Node, Scalar, Sequence

__all__ = ["expression"]


def expression(shape: Shape, node: Node, what: str) -> str:
    """Read the source of an expression: the text as it stands, whatever YAML makes of it."""
    if isinstance(node, Scalar) and (node.text or not node.is_plain):
        return node.text
    if isinstance(node, Sequence | Mapping):
        message = f"{what} is an expression: put it in quotes"
        shape.problem("F005", node, message, "YAML reads [ and { in its own way")
    else:
        shape.problem("F103", node, f"{what} is an expression, and there is none")
    return ""
