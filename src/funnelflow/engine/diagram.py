"""A definition as a picture."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from transitions.extensions.diagrams import HierarchicalGraphMachine, NestedGraphTransition
from transitions.extensions.nesting import NestedState

from funnelflow.criteria import duration_words
from funnelflow.definition import Criterion, Definition, Group, Linked, Stage, Transition

DiagramFormat: TypeAlias = Literal["mermaid", "dot"]

Escape: TypeAlias = Callable[[str], str]

_ENGINES: dict[DiagramFormat, Literal["mermaid", "graphviz"]] = {
    "mermaid": "mermaid",
    "dot": "graphviz",
}


def draw(linked: Linked, format: DiagramFormat) -> str:  # noqa: A002
    """Draw a definition; see `funnelflow.engine.diagram`."""
    definition = linked.definition
    escape = _entities if format == "mermaid" else _plain
    machine = _DiagramMachine(
        model=None,
        states=[_state(stage, escape) for stage in definition.stages],
        transitions=_edges(definition, escape),
        initial=_identifier(definition.initial),
        auto_transitions=False,
        graph_engine=_ENGINES[format],
        show_conditions=False,
    )
    title = escape(definition.title or definition.name)
    heading = f'title: "{title}"' if format == "mermaid" else title
    graph: Any = machine.graph_cls(machine).get_graph(title=heading)
    return str(graph.source)


class _DiagramState(NestedState):
    """A stage with the text that stands in its box."""

    separator = "."

    def __init__(self, *args: Any, label: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label = label


class _DiagramTransition(NestedGraphTransition):
    """A transition with the text that stands at its arrow."""

    def __init__(self, *args: Any, label: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label = label


class _DiagramMachine(HierarchicalGraphMachine):
    """A machine that is only looked at."""

    state_cls = _DiagramState
    transition_cls = _DiagramTransition


def _state(stage: Stage, escape: Escape) -> dict[str, Any]:
    """Describe a stage, and those nested in it, to the library."""
    state: dict[str, Any] = {
        "name": _identifier(stage.name),
        "label": escape(stage.title or stage.name),
        "final": stage.type != "open",
    }
    if stage.stages:
        state["children"] = [_state(inner, escape) for inner in stage.stages]
        state["initial"] = _identifier(stage.stages[0].name)
    return state


def _edges(definition: Definition, escape: Escape) -> list[dict[str, Any]]:
    """Describe the transitions, one arrow for each stage that is left."""
    return [
        {
            "trigger": f"t{index}",
            "source": _identifier(source),
            "dest": _identifier(transition.to),
            "label": escape(_label(transition)),
        }
        for index, transition in enumerate(definition.transitions)
        for source in transition.sources
    ]


def _label(transition: Transition) -> str:
    """Return in a few words what takes a transition."""
    takes = list(transition.on)
    if transition.after is not None:
        takes.append(f"after {duration_words(transition.after)}")
    label = " or ".join(takes) or "automatically"
    count = _count(transition.require) if transition.require else 0
    return f"{label} [{count} {'criterion' if count == 1 else 'criteria'}]" if count else label


def _count(requirement: Criterion | Group) -> int:
    """Count the criteria of a requirement."""
    return sum(map(_count, requirement.items)) if isinstance(requirement, Group) else 1


def _identifier(name: str) -> str:
    """Spell a dotted stage name so that Mermaid reads it as one identifier.

    A hyphen would end it; it becomes a letter that no stage name can contain.
    """
    return name.replace("-", "\u2010")


def _entities(text: str) -> str:
    """Write everything but letters, digits, spaces and harmless marks as a Mermaid entity."""
    return "".join(c if c.isalnum() or c in " _.,'()[]/" else f"#{ord(c)};" for c in text)


def _plain(text: str) -> str:
    """Leave a text to the Graphviz library, which quotes it; a backslash would be read there."""
    return text.replace("\\", "\\\\")


def diagram(linked: Linked, format: DiagramFormat = "mermaid") -> str:  # noqa: A002
    """Draw a definition as a state diagram.

    Args:
        linked: The definition.
        format: ``mermaid`` (stateDiagram-v2) or ``dot`` (Graphviz).

    Returns:
        The source text of the diagram; nothing is rendered and no program is run.
    """
    return draw(linked, format)
