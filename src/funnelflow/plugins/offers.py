"""What plugins offer: called for, checked record by record, and no name offered twice."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import evolve, frozen

from funnelflow.definition import CriterionProvider, Library
from funnelflow.plugins.asking import GuardedCriterion
from funnelflow.plugins.guard import Call, Fault, attempt
from funnelflow.plugins.hookspecs import OFFERS, OfferKind
from funnelflow.plugins.loading import Hook, Plugin
from funnelflow.plugins.records import freeze

__all__ = ["Conflict", "Offer", "collect", "into_library"]

SINGULAR: Final[dict[OfferKind, str]] = {
    "definitions": "definition",
    "vocabularies": "vocabulary",
    "criteria": "criterion",
    "notifiers": "notifier",
    "commands": "command",
    "formats": "format",
}
RESERVED: Final[dict[OfferKind, frozenset[str]]] = {
    "formats": frozenset({"csv", "jsonl"}),
    "notifiers": frozenset({"command", "log"}),
}
"""Names that are funnelflow's own."""

Report = Callable[[str, Fault], None]


@frozen
class Offer:
    """Something that a plugin offers under a name."""

    name: str
    record: Any
    plugin: Plugin


@frozen
class Conflict:
    """A name that is offered more than once, so that nobody's offer is used.

    Attributes:
        kind: What is offered.
        name: The name.
        plugins: Who offers it; one plugin may offer a name twice, or one that is reserved.
    """

    kind: str
    name: str
    plugins: tuple[Plugin, ...]

    def __str__(self) -> str:
        """Say it in a sentence."""
        names = list(dict.fromkeys(plugin.title for plugin in self.plugins))
        if len(names) > 1:
            return (
                f"plugins {' and '.join(names)} both offer the {self.kind} {self.name!r}, "
                "so neither's is used"
            )
        twice = "twice" if len(self.plugins) > 1 else "which is the name of funnelflow's own"
        return f"plugin {names[0]} offers the {self.kind} {self.name!r} {twice}: it is not used"


def collect(
    kind: OfferKind, hooks: Iterable[Hook], report: Report
) -> tuple[dict[str, Offer], list[Conflict]]:
    """Call a registration hook of every plugin and put together what they offer.

    Args:
        kind: What is asked for.
        hooks: The implementations, in order.
        report: Told of a plugin whose hook fails; the offers of that hook are left out.

    Returns:
        The offers by name, and the names that are offered more than once.
    """
    found: dict[str, list[Offer]] = {}
    for hook in hooks:
        try:
            for offer in _offered(kind, hook, report):
                found.setdefault(offer.name, []).append(offer)
        except Fault as fault:
            report(hook.plugin.name, fault)
    reserved = RESERVED.get(kind, frozenset())
    clear = {n: o[0] for n, o in found.items() if len(o) == 1 and n not in reserved}
    conflicts = [
        Conflict(SINGULAR[kind], name, tuple(offer.plugin for offer in offers))
        for name, offers in found.items()
        if name not in clear
    ]
    return clear, conflicts


def into_library(
    library: Library,
    definitions: Mapping[str, Any],
    vocabularies: Mapping[str, Any],
    criteria: Mapping[str, CriterionProvider],
) -> Library:
    """Give a library that also knows what plugins offer."""
    return evolve(
        library,
        definitions={**library.definitions, **_records(definitions)},
        vocabularies={**library.vocabularies, **_records(vocabularies)},
        criteria={**library.criteria, **criteria},
        files={**library.files, **_files(definitions)},
        vocabulary_files={**library.vocabulary_files, **_files(vocabularies)},
    )


def _offered(kind: OfferKind, hook: Hook, report: Report) -> list[Offer]:
    """Call one plugin's hook and check what it gives."""
    # A hook may be a generator: what it yields is computed while it is being listed.
    given = attempt(hook.plugin.name, hook.name, lambda: _listed(hook.call()))
    for record in given:
        if not isinstance(record, OFFERS[kind]):
            wanted = " or ".join(cls.__name__ for cls in OFFERS[kind])
            raise _unfit(hook, f"gave {type(record).__name__}, not {wanted}")
    return [Offer(n, r, hook.plugin) for given_ in given for n, r in _named(given_, hook, report)]


def _listed(answer: Any) -> list[Any]:
    if answer is None:
        return []
    if isinstance(answer, str) or not isinstance(answer, Iterable):
        raise TypeError(f"it gave {type(answer).__name__}; give a list of records")
    return list(answer)


def _named(record: Any, hook: Hook, report: Report) -> Iterator[tuple[str, Any]]:
    """Yield what a record offers by name; a directory offers the files in it."""
    if isinstance(record, Path):
        for path in _yaml_files(record, hook):
            yield path.stem, path
    elif isinstance(record, CriterionProvider):
        plugin = hook.plugin.name
        function = GuardedCriterion(plugin, record.name, record.function, report)
        parameters, defaults = freeze(record.parameters), freeze(record.defaults)
        yield (
            record.name,
            evolve(
                record, function=function, provider=plugin, parameters=parameters, defaults=defaults
            ),
        )
    elif hasattr(record, "provider"):
        yield record.name, evolve(record, provider=hook.plugin.name)
    else:
        yield record.name, record


def _yaml_files(path: Path, hook: Hook) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.suffix in (".yaml", ".yml"))
    if path.is_file():
        return [path]
    raise _unfit(hook, f"gave {path}, and there is no such file")


def _unfit(hook: Hook, said: str) -> Fault:
    return Fault(Call(hook.plugin.name, hook.name), TypeError(said))


def _records(offered: Mapping[str, Any]) -> dict[str, Any]:
    return {name: record for name, record in offered.items() if not isinstance(record, Path)}


def _files(offered: Mapping[str, Any]) -> dict[str, Path]:
    return {name: record for name, record in offered.items() if isinstance(record, Path)}
