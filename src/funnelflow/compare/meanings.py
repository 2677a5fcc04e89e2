"""The words of several definitions side by side, from the files themselves."""

from collections.abc import Sequence

from attrs import frozen

from funnelflow.criteria import Rule
from funnelflow.definition import Linked


@frozen
class Way:
    """One transition that leads into a stage.

    Attributes:
        source: The stages it leaves, as written.
        on: The events that take it.
        rule: What must be met; None when nothing must.
    """

    source: tuple[str, ...]
    on: tuple[str, ...]
    rule: Rule | None


@frozen
class Meaning:
    """What one definition means by a word.

    Attributes:
        definition: The name of the definition.
        stage: The dotted name of the stage that the word stands for.
        about: What the stage is.
        owner: Who looks after a contact in it.
        playbook: What to do for a contact in it.
        ways: The transitions that lead into it.
    """

    definition: str
    stage: str
    about: str
    owner: str
    playbook: tuple[str, ...]
    ways: tuple[Way, ...]


@frozen
class GlossaryEntry:
    """A word, with what each definition that uses it means by it."""

    word: str
    meanings: tuple[Meaning, ...]


def glossary(definitions: Sequence[Linked]) -> tuple[GlossaryEntry, ...]:
    """Collect the words for stages, aliases included, with their meanings.

    Args:
        definitions: The definitions, linked.

    Returns:
        The entries by word; those that more definitions use come first.
    """
    meanings: dict[str, list[Meaning]] = {}
    for linked in definitions:
        for name, stage in linked.stages.items():
            meaning = _meaning(linked, name)
            for word in dict.fromkeys((stage.name.replace("_", " "), *stage.aliases)):
                meanings.setdefault(word.casefold(), []).append(meaning)
    ordered = sorted(meanings.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(GlossaryEntry(word, tuple(found)) for word, found in ordered)


def _meaning(linked: Linked, name: str) -> Meaning:
    stage = linked.stages[name]
    inside = set(linked.leaves_of(name))
    leading = [
        t for t in linked.transitions if t.to in inside and not {s for s, _ in t.sources} <= inside
    ]
    return Meaning(
        definition=linked.definition.name,
        stage=name,
        about=stage.about,
        owner=stage.owner,
        playbook=stage.playbook,
        ways=tuple(Way(t.transition.sources, t.transition.on, t.rule) for t in leading),
    )
