"""What plugins offer: called for, checked record by record, and no name offered twice."""

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_args

import attrs
from attrs import evolve, frozen

from funnelflow.criteria import Field, Type
from funnelflow.definition import CriterionProvider, Library
from funnelflow.errors import Error, FieldError
from funnelflow.plugins.custom_criteria import GuardedCriterion
from funnelflow.plugins.hookspecs import OFFERS, OfferKind
from funnelflow.plugins.isolation import Fault, attempt, describe_error
from funnelflow.plugins.loading import Hook, Plugin
from funnelflow.plugins.providers import (
    CommandProvider,
    FormatProvider,
    NotifierProvider,
    NumberProvider,
    NumberSummary,
    freeze,
)

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_TYPES: Final = {bool: "BOOLEAN", int: "INTEGER", float: "NUMBER", str: "TEXT"}
_MOST: Final = 60


def _misfits(record: Any) -> Iterator[str]:
    """Yield what is wrong with a record and what to write instead; nothing if it can be used."""
    check = _CHECKS.get(type(record))
    if check is not None:
        yield from _name(record.name)
        yield from check(record)


def _name(name: Any) -> Iterator[str]:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield f"its name is {_shown(name)}; write letters, digits, - and _, a letter first"


def _function(what: str, function: Any, takes: str) -> Iterator[str]:
    if not callable(function):
        yield f"its {what} is {_shown(function)}; give a function of {takes}"


def _text(what: str, text: Any) -> Iterator[str]:
    if not isinstance(text, str):
        yield f"its {what} is {_shown(text)}; give a text"


def _texts(what: str, texts: Any, example: str) -> Iterator[str]:
    if not isinstance(texts, list | tuple) or not all(isinstance(t, str) for t in texts):
        yield f"its {what} is {_shown(texts)}; write a tuple of texts: {example}"


def _criterion(record: Any) -> Iterator[str]:
    yield from _function("function", record.function, "one argument, the call")
    yield from _text("label", record.label)
    example = f'("{record.reads}",)' if isinstance(record.reads, str) else '("budget",)'
    yield from _texts("reads", record.reads, example)
    yield from _parameters(record.parameters)
    yield from _defaults(record.defaults, record.parameters)


def _parameters(parameters: Any) -> Iterator[str]:
    if not isinstance(parameters, Mapping):
        yield f'its parameters is {_shown(parameters)}; write {{"least": INTEGER}}'
        return
    for name, kind in parameters.items():
        if not isinstance(name, str) or not name.isidentifier():
            yield f"a parameter is called {_shown(name)}; write a name such as least"
        elif not isinstance(kind, Type):
            meant = _TYPES.get(kind) if isinstance(kind, type) else None
            better = f"write {meant}" if meant else "write a type such as INTEGER"
            said = f"its parameter {name!r} has the type {_shown(kind)}"
            yield f"{said}; {better}, from funnelflow.criteria"


def _defaults(defaults: Any, parameters: Mapping[str, Type]) -> Iterator[str]:
    if not isinstance(defaults, Mapping):
        yield f'its defaults is {_shown(defaults)}; write {{"least": 2}}'
        return
    for name, value in defaults.items():
        if name not in parameters:
            yield f"it has a default for {_shown(name)}, which is none of its parameters"
            continue
        try:
            fit = Field(name, parameters[name]).normalise(value)
        except FieldError as error:
            fit = None
            yield f"the default of {name!r} is of another type: {error.message}"
        if fit is None:
            yield f"the default of {name!r} is no value; leave it out"


def _notifier(record: Any) -> Iterator[str]:
    yield from _function("send", record.send, "two arguments, the message and its settings")
    cls = record.settings
    if cls is not None and not (isinstance(cls, type) and attrs.has(cls)):
        yield f"its settings is {_shown(cls)}; give an attrs class, or None"
    yield from _text("about", record.about)


def _command(record: Any) -> Iterator[str]:
    import click  # noqa: PLC0415  # slow, and only commands need it

    if not isinstance(record.command, click.Command):
        yield f"its command is {_shown(record.command)}; give a function with @click.command()"
    yield from _text("about", record.about)


def _format(record: Any) -> Iterator[str]:
    example = f'("{record.suffixes}",)' if isinstance(record.suffixes, str) else '(".pipes",)'
    yield from _texts("suffixes", record.suffixes, example)
    yield from (
        f"its suffix {suffix!r} does not begin with a dot; write {'.' + suffix!r}"
        for suffix in record.suffixes
        if not suffix.startswith(".")
    )
    yield from (
        f"its suffix {suffix!r} is of files that funnelflow reads itself; leave it out"
        for suffix in record.suffixes
        if suffix.lower() in OWN_SUFFIXES
    )
    yield from _function("read", record.read, "one argument, the path of a file")
    if record.write is not None:
        yield from _function("write", record.write, "a path, the names of columns, and the rows")
    yield from _text("about", record.about)


def _number(record: Any) -> Iterator[str]:
    yield from _function("function", record.function, "two arguments, the stays and the decisions")
    yield from _text("definition", record.definition)
    if not record.definition:
        yield "its definition is empty; say what is counted"
    if record.summary not in get_args(NumberSummary):
        yield f"its summary is {_shown(record.summary)}; write count, sum, mean or median"
    yield from _text("title", record.title)
    yield from _text("unit", record.unit)


_CHECKS: Final[Mapping[type, Callable[[Any], Iterator[str]]]] = {
    CriterionProvider: _criterion,
    NotifierProvider: _notifier,
    CommandProvider: _command,
    FormatProvider: _format,
    NumberProvider: _number,
}


def _shown(value: Any) -> str:
    """Show a value in a few characters, whatever it makes of being shown."""
    if isinstance(value, type):
        return value.__name__
    try:
        text = " ".join(repr(value).split())
    except Exception:  # noqa: BLE001  # an object of a plugin may raise anything
        return f"a {type(value).__name__}"
    return text if len(text) <= _MOST else f"a {type(value).__name__}"


SINGULAR: Final[dict[OfferKind, str]] = {
    "definitions": "definition",
    "vocabularies": "vocabulary",
    "criteria": "criterion",
    "notifiers": "notifier",
    "commands": "command",
    "formats": "format",
    "numbers": "number",
}
RESERVED: Final[dict[OfferKind, frozenset[str]]] = {
    "commands": frozenset(
        {
            *("init", "demo", "doctor", "check", "test", "show", "compare", "story", "glossary"),
            *("adopt", "add", "import", "list", "history", "why", "translate", "record", "move"),
            *("enter", "leave", "void", "runs", "undo", "merge", "unmerge"),
            *("set", "apply", "tick", "deliver", "outbox", "verify", "plugins", "config", "db"),
            "trust",
            *("erase", "report", "todo", "export", "whatif"),
        }
    ),
    "formats": frozenset({"csv", "jsonl", "parquet"}),
    "notifiers": frozenset({"command", "log"}),
}
"""Names that are funnelflow's own."""

OWN_SUFFIXES: Final = frozenset({".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json", ".parquet"})
"""How the names of files end that funnelflow reads by itself."""

Report = Callable[[str, Fault], None]


class PluginCommandError(Error):
    """A command of a plugin that failed in a way that it did not foresee."""

    code = "plugin"


@frozen
class Offer:
    """Something that a plugin offers under a name."""

    name: str
    record: Any
    plugin: Plugin


@frozen
class RefusedOffer:
    """An offer that is left out.

    Attributes:
        plugins: Who offers it; one plugin may offer a name twice, or one that is reserved.
        said: Why, as a sentence.
    """

    plugins: tuple[Plugin, ...]
    said: str


def _conflict(kind: str, offers: list[Offer]) -> RefusedOffer:
    """Return that a name is offered more than once, or is reserved, so that nobody's is used."""
    plugins = tuple(offer.plugin for offer in offers)
    titles, name = list(dict.fromkeys(plugin.title for plugin in plugins)), offers[0].name
    if len(titles) > 1:
        said = f"plugins {' and '.join(titles)} both offer the {kind} {name!r}"
        return RefusedOffer(plugins, f"{said}, so neither's is used")
    twice = "twice" if len(plugins) > 1 else "which is the name of funnelflow's own"
    return RefusedOffer(
        plugins, f"plugin {titles[0]} offers the {kind} {name!r} {twice}: it is not used"
    )


def collect(
    kind: OfferKind, hooks: Iterable[Hook], report: Report
) -> tuple[dict[str, Offer], list[RefusedOffer]]:
    """Call a registration hook of every plugin and put together what they offer.

    Args:
        kind: What is asked for.
        hooks: The implementations, in order.
        report: Called with a plugin whose hook fails; the offers of that hook are left out.

    Returns:
        The offers by name, and what is left out: names that are offered more than once, and
        records that cannot be used.
    """
    found: dict[str, list[Offer]] = {}
    refused: list[RefusedOffer] = []
    for hook in hooks:
        try:
            offered = _offered(kind, hook, report)
        except Fault as fault:
            report(hook.plugin.name, fault)
            continue
        for offer in offered:
            if isinstance(offer, RefusedOffer):
                refused.append(offer)
            else:
                found.setdefault(offer.name, []).append(offer)
    reserved = RESERVED.get(kind, frozenset())
    clear = {n: o[0] for n, o in found.items() if len(o) == 1 and n not in reserved}
    refused += [
        _conflict(SINGULAR[kind], offers) for name, offers in found.items() if name not in clear
    ]
    return clear, refused


def into_library(
    library: Library,
    definitions: Mapping[str, Any],
    vocabularies: Mapping[str, Any],
    criteria: Mapping[str, CriterionProvider],
) -> Library:
    """Return a library that also knows what plugins offer."""
    return evolve(
        library,
        definitions={**library.definitions, **_records(definitions)},
        vocabularies={**library.vocabularies, **_records(vocabularies)},
        criteria={**library.criteria, **criteria},
        files={**library.files, **_files(definitions)},
        vocabulary_files={**library.vocabulary_files, **_files(vocabularies)},
    )


def _offered(kind: OfferKind, hook: Hook, report: Report) -> list[Offer | RefusedOffer]:
    """Call one plugin's hook and check what it gives."""
    # A hook may be a generator: what it yields is computed while it is being listed.
    given = attempt(hook.plugin.name, hook.name, lambda: _listed(hook.call()))
    return [found for record in given for found in _taken_in(kind, record, hook, report)]


def _taken_in(
    kind: OfferKind, record: Any, hook: Hook, report: Report
) -> Iterator[Offer | RefusedOffer]:
    """Yield what one record offers by name, or why it cannot."""
    wanted = " or ".join(cls.__name__ for cls in OFFERS[kind])
    if isinstance(record, Path) and hook.plugin.directory is not None:
        record = hook.plugin.directory / record
    named = getattr(record, "name", "")
    what = f"the {SINGULAR[kind]}{f' {named!r}' if isinstance(named, str) and named else ''}"
    if not isinstance(record, OFFERS[kind]):
        said = f"{hook.name} gave {type(record).__name__}, not {wanted}"
    elif isinstance(record, Path) and not record.exists():
        said = f"{hook.name} gave {record}, and there is no such file"
    else:
        said = next(_misfits(record), "")
    if said:
        what = what if isinstance(record, OFFERS[kind]) else "something"
        said = f"plugin {hook.plugin.title} offers {what}, which is left out: {said}"
        yield RefusedOffer((hook.plugin,), said)
        return
    yield from (Offer(name, r, hook.plugin) for name, r in _named(record, hook, report))


def _listed(answer: Any) -> list[Any]:
    if answer is None:
        return []
    if isinstance(answer, str) or not isinstance(answer, Iterable):
        raise TypeError(f"it gave {type(answer).__name__}; give a list of records")
    return list(answer)


def _named(record: Any, hook: Hook, report: Report) -> Iterator[tuple[str, Any]]:
    """Yield what a record offers by name; a directory offers the files in it."""
    if isinstance(record, Path):
        for path in _yaml_files(record):
            yield path.stem, path
    elif isinstance(record, CriterionProvider):
        yield record.name, _guarded(record, hook.plugin, report)
    elif isinstance(record, CommandProvider):
        yield record.name, _guarded_command(record, hook.plugin.name)
    elif hasattr(record, "provider"):
        yield record.name, evolve(record, provider=hook.plugin.name)
    else:
        yield record.name, record


def _guarded(record: CriterionProvider, plugin: Plugin, report: Report) -> CriterionProvider:
    """Return a criterion that cannot do harm, and whose lists nobody can change."""
    defaults = {
        name: Field(name, record.parameters[name]).normalise(value)
        for name, value in record.defaults.items()
    }
    return evolve(
        record,
        function=GuardedCriterion(plugin.name, record.name, record.function, report),
        provider=plugin.name,
        version=plugin.candidate.version,
        parameters=freeze(record.parameters),
        defaults=freeze(defaults),
        reads=tuple(record.reads),
    )


def _guarded_command(record: CommandProvider, plugin: str) -> CommandProvider:
    """Return a command whose unforeseen failure is reported as its plugin's."""
    import click  # noqa: PLC0415  # slow, and only commands need it

    command = copy.copy(record.command)
    passes = (Error, click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError)

    def invoke(context: click.Context) -> Any:
        try:
            return record.command.invoke(context)
        except passes:
            raise
        except Exception as error:
            raise PluginCommandError(
                f"plugin {plugin} failed in its command {record.name}: {describe_error(error)}",
                hint="the same command with --debug shows where",
            ) from error

    setattr(command, "invoke", invoke)  # noqa: B010  # a copy of our own, which mypy cannot know
    return evolve(record, command=command, provider=plugin)


def _yaml_files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.suffix in (".yaml", ".yml"))
    return [path]


def _records(offered: Mapping[str, Any]) -> dict[str, Any]:
    return {name: record for name, record in offered.items() if not isinstance(record, Path)}


def _files(offered: Mapping[str, Any]) -> dict[str, Path]:
    return {name: record for name, record in offered.items() if isinstance(record, Path)}
