"""The words that definitions share: names of stages and aliases, and what each stands for."""

from collections.abc import Mapping, Sequence

from attrs import frozen

from funnelflow.definition import Linked


@frozen
class SharedWord:
    """A word that several definitions use for a stage.

    Attributes:
        word: The word, in lower case.
        others: More words that stand for the same stages.
        stages: The dotted name of the stage by the name of the definition.
    """

    word: str
    others: tuple[str, ...]
    stages: Mapping[str, str]


def words_of(linked: Linked) -> dict[str, str]:
    """Map every word for a stage, aliases included, in lower case to its dotted name.

    Of stages that share a word the outermost counts, and of those the first.
    """
    words: dict[str, str] = {}
    by_depth = sorted(linked.stages.items(), key=lambda item: item[0].count("."))
    for name, stage in by_depth:
        words.setdefault(stage.name.replace("_", " ").casefold(), name)
    for name, stage in by_depth:
        for alias in stage.aliases:
            words.setdefault(alias.replace("_", " ").casefold(), name)
    return words


def shared_words(definitions: Sequence[Linked]) -> tuple[SharedWord, ...]:
    """Find the words that at least two definitions use, in the order of the first's stages."""
    known = {linked.definition.name: words_of(linked) for linked in definitions}
    order = list(dict.fromkeys(word for one in definitions for word in _in_order(one, known)))
    same: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for word in order:
        users = tuple((name, named[word]) for name, named in known.items() if word in named)
        if len(users) > 1:
            same.setdefault(users, []).append(word)
    return tuple(
        SharedWord(found[0], tuple(found[1:]), dict(users)) for users, found in same.items()
    )


def _in_order(linked: Linked, known: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the words of a definition in the order of its stages, names before aliases."""
    place = {name: number for number, name in enumerate(linked.stages)}
    words = known[linked.definition.name]
    return sorted(words, key=lambda word: place[words[word]])


def is_within(leaf: str, stage: str) -> bool:
    """Whether a leaf is a stage or nested in it."""
    return leaf == stage or leaf.startswith(f"{stage}.")
