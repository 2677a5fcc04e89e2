"""A definition as a picture."""

from typing import Literal, TypeAlias

from funnelflow.definition import Linked

__all__ = ["DiagramFormat", "diagram"]

DiagramFormat: TypeAlias = Literal["mermaid", "dot"]


def diagram(linked: Linked, format: DiagramFormat = "mermaid") -> str:  # noqa: A002
    """Draw a definition as a state diagram.

    Args:
        linked: The definition.
        format: ``mermaid`` (stateDiagram-v2) or ``dot`` (Graphviz).

    Returns:
        The source text of the diagram; nothing is rendered and no program is run.
    """
    from funnelflow.engine.drawing import draw  # noqa: PLC0415  # loads the graph support

    return draw(linked, format)
