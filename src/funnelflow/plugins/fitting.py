"""Whether a record that a plugin offers can be used, and if not, what to write instead.

Records are plain: nothing of them is checked where they are made. They are checked here, at
the door, so that a mistake is said with its plugin, and not met as a bug much later.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from funnelflow.criteria import Field, Type
from funnelflow.definition import CriterionProvider
from funnelflow.errors import FieldError
from funnelflow.plugins.records import CommandProvider, FormatProvider, NotifierProvider

__all__ = ["misfit_of"]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_TYPES: Final = {bool: "BOOLEAN", int: "INTEGER", float: "NUMBER", str: "TEXT"}
_MOST: Final = 60


def misfit_of(record: Any) -> str:
    """Say what is wrong with a record and what to write instead; empty if it can be used."""
    return next(_misfits(record), "")


def _misfits(record: Any) -> Iterator[str]:
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
    yield from _function("read", record.read, "one argument, the path of a file")
    yield from _text("about", record.about)


_CHECKS: Final[Mapping[type, Callable[[Any], Iterator[str]]]] = {
    CriterionProvider: _criterion,
    NotifierProvider: _notifier,
    CommandProvider: _command,
    FormatProvider: _format,
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
