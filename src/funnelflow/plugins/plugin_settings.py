"""Settings as attrs classes: read from TOML and the environment, checked, secrets masked.

A class of settings is an attrs class whose attributes are text, numbers, booleans, durations,
paths, lists of these, or one of several literals. In text, ``${NAME}`` stands for a variable
of the environment, so that a secret need not stand in a file.
"""

import datetime as dt
import os
import re
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias

import attrs
from attrs import frozen

from funnelflow.criteria import duration_words, parse_duration
from funnelflow.errors import ConfigurationError, nearest
from funnelflow.toml_source import FilePlace

MASK: Final = "***"

Origin: TypeAlias = Literal["environment", "file", "default"]

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_TRUTHS: Final = {
    "true": True, "yes": True, "on": True, "1": True,
    "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip


class Where(Protocol):
    """Returns where a name of a table stands."""

    def __call__(self, name: str, /) -> FilePlace | str:
        """Return a place such as ``funnelflow.toml:12``; for "" that of the table."""


@frozen
class SettingShown:
    """A setting as it may be shown.

    Attributes:
        name: What it is called.
        shown: Its value in words; a secret is masked.
        origin: Where it came from.
    """

    name: str
    shown: str
    origin: Origin


@frozen
class Settings:
    """Settings that are in order.

    Attributes:
        value: The instance of the class.
        origins: Where each of them came from, by name.
    """

    value: Any
    origins: Mapping[str, Origin]

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that must not be shown anywhere."""
        found: list[Any] = []
        for attribute in attrs.fields(type(self.value)):
            if _hidden(attribute):
                value = getattr(self.value, attribute.name)
                found += value if isinstance(value, list | tuple) else [value]
        return tuple(text for text in map(str, found) if text)


@frozen
class SettingFault:
    """One thing that is wrong with settings.

    Attributes:
        name: The setting; empty for one that is missing.
        place: Where it stands: a line of a file, or the name of a variable.
        message: What is wrong with it, without its value where that may be a secret.
        variable: The variable of the environment that it names and that is not set.
    """

    name: str
    place: FilePlace | str
    message: str
    variable: str = ""

    @property
    def advice(self) -> str:
        """What is wrong, and how to set a variable that is missing."""
        cure = f"; export {self.variable}=… sets it" if self.variable else ""
        return self.message + cure


class SettingsError(ConfigurationError):
    """Settings that cannot be used.

    Attributes:
        faults: Everything that is wrong with them.
    """

    def __init__(self, faults: Iterable[SettingFault]) -> None:
        self.faults = tuple(faults)
        said = "\n".join(f"{fault.place}: {fault.message}" for fault in self.faults)
        super().__init__(said, hint="funnelflow plugins show NAME lists them")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the faults, from which the message is made again."""
        return type(self), (self.faults,)


class _Unfit(ValueError):  # noqa: N818  # an answer that its caller puts into words
    """A value that is not one of its setting's; its text says why."""

    variable = ""


class _Absent(_Unfit):
    """A value that names a variable of the environment which is not set."""

    def __init__(self, variable: str) -> None:
        self.variable = variable
        said = f"names ${{{variable}}}, and the environment has no variable of that name"
        super().__init__(said)


def read_settings(
    cls: type,
    table: Mapping[str, Any],
    where: Where,
    *,
    prefix: str = "",
    environment: Mapping[str, str] | None = None,
    root: Path | None = None,
) -> Settings:
    """Make settings of a table of the configuration and the environment, which wins.

    Args:
        cls: Their attrs class.
        table: What the configuration says.
        where: Says where a name of the table stands.
        prefix: How the variables of the environment begin (``FUNNELFLOW_WEBHOOK_``); empty
            to read none.
        environment: The environment; None for that of this process.
        root: Where relative paths start, wherever they are said; None to leave them relative.

    Raises:
        SettingsError: Something is unknown, missing or unfit; all of it is said.
    """
    surroundings = os.environ if environment is None else environment
    attrs.resolve_types(cls)
    known = {a.alias: a for a in attrs.fields(cls) if a.init}
    faults = [_unknown(name, known, where) for name in table if name not in known]
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    places: dict[str, FilePlace | str] = {}
    hidden: set[str] = set()
    for name, attribute in known.items():
        variable = f"{prefix}{name.upper()}"
        said = surroundings.get(variable) if prefix else None
        origins[name] = "environment" if said else "file" if name in table else "default"
        if origins[name] == "default":
            if attribute.default is attrs.NOTHING:
                faults.append(_missing(name, where, variable if prefix else ""))
            continue
        raw = said or table[name]
        places[name] = variable if said else where(name)
        hidden |= _texts_to_hide(attribute, raw, surroundings)
        try:
            values[name] = _value(attribute.type, raw, surroundings, typed=bool(said))
        except _Unfit as unfit:
            message = _masked(f"{name} {unfit}", hidden)
            faults.append(SettingFault(name, places[name], message, unfit.variable))
    if faults:
        raise SettingsError(faults)
    values |= {} if root is None else _rooted({**_defaults(known), **values}, root)
    try:
        return Settings(cls(**values), origins)
    except Exception as error:  # noqa: BLE001  # a validator of a plugin may raise anything
        refused = _refused(cls, values) or {"": error}
    raise SettingsError(
        SettingFault(name, places.get(name, where("")), _masked(_message(error), hidden))
        for name, error in refused.items()
    )


def shown_settings(settings: Settings) -> tuple[SettingShown, ...]:
    """List settings as they may be shown, in the order of their class."""
    return tuple(
        SettingShown(a.alias, _shown(a, getattr(settings.value, a.name)), settings.origins[a.alias])
        for a in attrs.fields(type(settings.value))
        if a.init
    )


def expand(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Put variables of the environment in the place of ``${NAME}``.

    Raises:
        ValueError: There is no such variable; its text names it.
    """
    surroundings = os.environ if environment is None else environment

    def variable(found: re.Match[str]) -> str:
        if found[1] not in surroundings:
            raise _Absent(found[1])
        return surroundings[found[1]]

    return _VARIABLE.sub(variable, text)


def environment_texts(value: Any, environment: Mapping[str, str] | None = None) -> set[str]:
    """Collect the values of the variables that settings name: none of them may be shown."""
    surroundings = os.environ if environment is None else environment
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        return set().union(*(environment_texts(item, surroundings) for item in value))
    names = _VARIABLE.findall(value) if isinstance(value, str) else []
    return {surroundings[name] for name in names if surroundings.get(name)}


def _texts_to_hide(attribute: Any, raw: Any, environment: Mapping[str, str]) -> set[str]:
    """Collect the texts of a setting that no message may show."""
    items = [str(item) for item in (raw if isinstance(raw, list) else [raw])]
    own = {item for item in items if not _VARIABLE.fullmatch(item)}  # its name is no secret
    return environment_texts(raw, environment) | (own if _hidden(attribute) else set()) - {""}


def _masked(text: str, hidden: Iterable[str]) -> str:
    for secret in sorted(hidden, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def _defaults(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of attributes that have one which depends on no other."""
    return {
        name: attribute.default
        for name, attribute in known.items()
        if not _is_factory(attribute.default)
    }


def _rooted(values: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Return the values that hold paths, with relative ones beginning at a directory."""

    def rooted(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(map(rooted, value))
        return root / value if isinstance(value, Path) else value

    return {name: new for name, old in values.items() if (new := rooted(old)) != old}


def _refused(cls: type, values: Mapping[str, Any]) -> dict[str, Exception]:
    """Find the settings that converters and validators refuse, each asked by itself.

    What `cls` raised does not say whose value it was about.
    """
    trial: Any = object.__new__(cls)
    refused: dict[str, Exception] = {}
    for attribute in attrs.fields(cls):
        try:
            object.__setattr__(trial, attribute.name, _converted(attribute, values, trial))
        except Exception as error:  # noqa: BLE001  # code of a plugin may raise anything
            if attribute.alias in values:  # a default may fail because it depends on one of these
                refused[attribute.alias] = error
    for attribute in attrs.fields(cls) if not refused else ():
        try:
            if attribute.validator is not None:
                attribute.validator(trial, attribute, getattr(trial, attribute.name))
        except Exception as error:  # noqa: BLE001  # as above
            refused[attribute.alias] = error
    return refused


def _converted(attribute: Any, values: Mapping[str, Any], trial: Any) -> Any:
    """Return what an attribute of an instance is set to, as attrs does it."""
    value = values.get(attribute.alias, attribute.default)
    if _is_factory(value):
        value = value.factory(trial) if value.takes_self else value.factory()
    convert = attribute.converter
    if convert is None:
        return value
    is_record = isinstance(convert, attrs.Converter)
    return getattr(convert, "__call__")(value, trial, attribute) if is_record else convert(value)  # noqa: B004,B009


def _is_factory(default: Any) -> bool:
    return isinstance(default, attrs.Factory)  # type: ignore[arg-type]  # its stub is a function


def _message(error: Exception) -> str:
    return str(error.args[0]) if error.args else type(error).__name__


def _unknown(name: str, known: Mapping[str, Any], where: Where) -> SettingFault:
    guess = nearest(name, known)
    more = f"did you mean {guess!r}?" if guess else f"known: {', '.join(known) or 'none'}"
    return SettingFault(name, where(name), f"there is no setting {name!r}; {more}")


def _missing(name: str, where: Where, variable: str) -> SettingFault:
    also = f" (or the variable {variable})" if variable else ""
    return SettingFault("", where(""), f"the setting {name!r}{also} is missing")


def _value(kind: Any, raw: Any, environment: Mapping[str, str], *, typed: bool) -> Any:  # noqa: PLR0911  # a table of types
    """Read a value by its type.

    Args:
        kind: The type.
        raw: What was said.
        environment: Where ``${NAME}`` is looked up.
        typed: It is text, as in a variable of the environment, whatever its type.
    """
    kind = _without_none(kind)
    if typing.get_origin(kind) is Literal:
        return _literal(typing.get_args(kind), raw)
    if typing.get_origin(kind) in (list, tuple):
        return _list(kind, raw, environment, typed=typed)
    if kind is bool:
        return _boolean(raw, typed=typed)
    if kind in (int, float):
        return _number(kind, raw, typed=typed)
    if not isinstance(raw, str):
        if kind in (str, Path, dt.timedelta):
            raise _Unfit(f"must be text, but this is {_kind_of(raw)}")
        return raw
    text = expand(raw, environment)
    if kind is dt.timedelta:
        return _duration(text)
    return Path(text) if kind is Path else text


def _without_none(kind: Any) -> Any:
    """Return the type of ``X | None`` that a value can have."""
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        return next(option for option in typing.get_args(kind) if option is not type(None))
    return kind


def _literal(options: tuple[Any, ...], raw: Any) -> Any:
    found = next((option for option in options if str(option) == str(raw)), None)
    if found is None:
        guess = nearest(str(raw), map(str, options))
        listed = ", ".join(map(str, options))
        raise _Unfit(
            f"must be one of {listed}, but this is {raw!r}"
            + (f"; did you mean {guess!r}?" if guess else "")
        )
    return found


def _list(kind: Any, raw: Any, environment: Mapping[str, str], *, typed: bool) -> Any:
    """Read a list; in a variable of the environment its items are separated by commas."""
    if typed and isinstance(raw, str):
        raw = [item.strip() for item in raw.split(",") if item.strip()]
    if not isinstance(raw, list):
        raise _Unfit(f"must be a list, but this is {_kind_of(raw)}")
    inner = (typing.get_args(kind) or (str,))[0]
    items = (_value(inner, item, environment, typed=typed) for item in raw)
    return typing.get_origin(kind)(items)


def _boolean(raw: Any, *, typed: bool) -> bool:
    if typed and str(raw).lower() in _TRUTHS:
        return _TRUTHS[str(raw).lower()]
    if isinstance(raw, bool):
        return raw
    raise _Unfit(f"must be true or false, but this is {raw!r}")


def _number(kind: type, raw: Any, *, typed: bool) -> Any:
    """Read a number; one that loses something by it is none."""
    what = "a whole number" if kind is int else "a number"
    if not typed and (isinstance(raw, bool) or not isinstance(raw, int | float)):
        quotes = ": write it without quotes" if isinstance(raw, str) else ""
        raise _Unfit(f"must be {what}, but this is {raw!r}{quotes}")
    try:
        number = kind(raw)
    except (ValueError, OverflowError):
        raise _Unfit(f"must be {what}, but this is {raw!r}") from None
    if not typed and number != raw:
        raise _Unfit(f"must be {what}, but this is {raw!r}")
    return number


def _duration(text: str) -> dt.timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise _Unfit(f"is no duration: {error}") from None


def _kind_of(raw: Any) -> str:
    kinds = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a table",
        str: "text",
    }
    return kinds.get(type(raw), f"a {type(raw).__name__}")


def _hidden(attribute: Any) -> bool:
    return bool(attribute.metadata.get("funnelflow_secret"))


def _shown(attribute: Any, value: Any) -> str:
    """Return a value in words."""
    if _hidden(attribute):
        return MASK if value else ""
    if isinstance(value, dt.timedelta):
        return duration_words(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
