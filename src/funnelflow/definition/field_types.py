"""One type for each field: what two definitions say of a field is said of the same contacts."""

from collections.abc import Iterable, Iterator

from funnelflow.criteria import Field
from funnelflow.definition.model import Definition, Vocabulary
from funnelflow.definition.problems import Problem
from funnelflow.definition.yaml.nodes import Span


def shared_fields(ours: Vocabulary, theirs: Vocabulary) -> Iterator[tuple[Field, Field]]:
    """Yield the fields of two vocabularies that one fact may be about.

    An event is read for all funnels of a contact at once: what it brings of its own is held to
    the fields of the other definition too, and to those of the same event there.
    """
    for one, other, turned in ((ours, theirs, False), (theirs, ours, True)):
        for name, field in one.fields.items():
            if name in other.fields and not turned:
                yield field, other.fields[name]
            for event in other.events.values():
                if name in event.fields:
                    pair = field, event.fields[name]
                    yield pair[::-1] if turned else pair
    for name, event in ours.events.items():
        same = theirs.events.get(name)
        for called, field in event.fields.items() if same is not None else ():
            if same is not None and called in same.fields:
                yield field, same.fields[called]


def type_conflicts(
    checked: Iterable[Definition], in_use: Iterable[Definition] = ()
) -> Iterator[Problem]:
    """Yield where definitions of several funnels give one field several types.

    Args:
        checked: The definitions of files, of which each is held to those before it.
        in_use: Those that a workspace uses: a definition that gives a field another type than the
            one of another funnel in use cannot be taken into use.
    """
    used, before = list(in_use), list[Definition]()
    for definition in checked:
        for code, others in (("F710", used), ("F709", before)):
            for other in others:
                if other.name != definition.name:
                    yield from _conflicts(code, definition, other)
        before.append(definition)


def _conflicts(code: str, ours: Definition, theirs: Definition) -> Iterator[Problem]:
    """Yield the fields to which two definitions give two types, each once."""
    found = shared_fields(ours.vocabulary, theirs.vocabulary)
    differing = {one.name: (one, other) for one, other in found if one.type != other.type}
    for name, (one, other) in differing.items():
        said = {"name": name, "type": one.type, "other": other.type, "funnel": theirs.name}
        yield Problem(code, Span(one.position), {**said, "version": theirs.version}, name=ours.name)
