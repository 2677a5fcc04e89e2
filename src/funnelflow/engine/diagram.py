"""A definition as a picture."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

from transitions.extensions.diagrams import HierarchicalGraphMachine, NestedGraphTransition
from transitions.extensions.nesting import NestedState

from funnelflow.definition import Criterion, Definition, Group, Linked, Stage, Transition
from funnelflow.definition.model import ANY, wait_words

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
    spelt = _identifiers(definition.stages)
    machine = _DiagramMachine(
        model=None,
        states=[_state(stage, stage.name, spelt, escape) for stage in definition.stages],
        transitions=_edges(definition, spelt, escape),
        initial=spelt[definition.initial],
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


def _state(stage: Stage, name: str, spelt: Mapping[str, str], escape: Escape) -> dict[str, Any]:
    """Describe a stage, and those nested in it, to the library."""
    state: dict[str, Any] = {
        "name": _last(spelt[name]),
        "label": escape(stage.title or stage.name),
        "final": stage.type != "open",
    }
    if stage.stages:
        inside = [(inner, f"{name}.{inner.name}") for inner in stage.stages]
        state["children"] = [_state(inner, path, spelt, escape) for inner, path in inside]
        state["initial"] = _last(spelt[inside[0][1]])
    return state


def _last(dotted: str) -> str:
    """Return the last part of a dotted name."""
    return dotted.rpartition(".")[2]


def _edges(
    definition: Definition, spelt: Mapping[str, str], escape: Escape
) -> list[dict[str, Any]]:
    """Describe the transitions, one arrow for each stage that is left."""
    return [
        {
            "trigger": f"t{index}",
            "source": spelt[source],
            "dest": spelt[to],
            "label": escape(_label(transition)),
        }
        for index, transition in enumerate(definition.transitions)
        for source, to in _ends(definition, transition)
    ]


def _ends(definition: Definition, transition: Transition) -> Iterator[tuple[str, str]]:
    """Yield what a transition leads from and to, each open outermost stage for any of them."""
    outermost = [stage.name for stage in definition.stages if stage.type == "open"]
    named = {name.split(".")[0] for name in (*transition.sources, transition.to)}
    others = [stage for stage in outermost if stage not in named]
    for written in transition.sources:
        for source in others if written == ANY else (written,):
            for to in others if transition.to == ANY else (transition.to,):
                yield source, to


def _label(transition: Transition) -> str:
    """Return in a few words what takes a transition."""
    takes = list(transition.on)
    if transition.after is not None:
        takes.append(wait_words(transition))
    label = " or ".join(takes) or "automatically"
    label += " (back to where it was)" if transition.resume else ""
    count = _count(transition.require) if transition.require else 0
    return f"{label} [{count} {'criterion' if count == 1 else 'criteria'}]" if count else label


def _count(requirement: Criterion | Group) -> int:
    """Count the criteria of a requirement."""
    return sum(map(_count, requirement.items)) if isinstance(requirement, Group) else 1


def _identifiers(stages: Iterable[Stage], around: str = "", within: str = "") -> dict[str, str]:
    """Return how each stage is spelt, by its dotted name, so that Mermaid reads one identifier.

    A hyphen would end it, and a word of Mermaid's own, in any case, would be read as that; what
    stands instead is told apart from the names of other stages.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for stage in sorted(stages, key=lambda one: "-" in one.name or one.name.lower() in _WORDS):
        spelt = stage.name.replace("-", "_")
        while spelt.lower() in _WORDS or spelt in taken:
            spelt += "_"
        taken.add(spelt)
        name, identifier = f"{around}{stage.name}", f"{within}{spelt}"
        found[name] = identifier
        found |= _identifiers(stage.stages, f"{name}.", f"{identifier}.")
    return found


_WORDS = frozenset(
    (
        *("accdescr", "acctitle", "as", "choice", "class", "classdef", "click", "default"),
        *("direction", "end", "fork", "hide", "href", "join", "note", "scale", "state"),
        *("statediagram", "style"),
    )
)
"""Words that Mermaid's grammar of state diagrams keeps."""


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
