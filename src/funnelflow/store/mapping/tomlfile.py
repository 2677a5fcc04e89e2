"""Mapping files: a mapping kept as TOML, to be used again and to be edited.

.. code-block:: toml

    timezone = "Europe/Berlin"
    missing = ["Select", "-"]

    [columns]                      # what it is here = what the column is called there
    contact = "Prospect ID"
    at = ["Created", "Create Date"]   # whichever the file has

    [fields]
    source = "Lead Source"

    [constants]                    # the same in every row
    event = "form_submitted"

    [events]                       # events: there = here
    A_SUBMITTED = "submitted"

    [values.source]                # what a field's values mean: there = here
    "Olark Chat" = "chat"
"""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from funnelflow.errors import ConfigurationError, nearest
from funnelflow.store.mapping.record import (
    FIELD,
    TARGETS,
    FileMapping,
    field_target,
    read_target,
)

__all__ = ["mapping_text", "read_mapping", "write_mapping"]

T = TypeVar("T")

_MAX_SIZE = 1 << 20


def read_mapping(path: str | Path) -> FileMapping:
    """Read a mapping file.

    Raises:
        ConfigurationError: It cannot be read, or says what no mapping file says.
    """
    return _Reading(str(path)).mapping(_load(Path(path)))


def write_mapping(path: str | Path, mapping: FileMapping) -> None:
    """Keep a mapping in a file, which `read_mapping` reads back as it was.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    try:
        Path(path).write_text(mapping_text(mapping), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from error


def mapping_text(mapping: FileMapping) -> str:
    """Write a mapping as TOML."""
    plain = {t: c for t, c in mapping.columns.items() if not t.startswith(FIELD)}
    fields = {t.removeprefix(FIELD): c for t, c in mapping.columns.items() if t.startswith(FIELD)}
    head = [
        *([f"timezone = {_quoted(mapping.timezone)}"] if mapping.timezone else []),
        *([f"missing = {_value(mapping.missing)}"] if mapping.missing else []),
        *(["text_facts = true"] if mapping.text_facts else []),
        *([] if mapping.guess else ["guess = false"]),
    ]
    tables: dict[str, Mapping[str, Any]] = {
        "columns": plain,
        "fields": fields,
        "constants": mapping.constants,
        "events": mapping.events,
        "facts": mapping.facts,
        **{f"values.{_quoted(t)}": texts for t, texts in mapping.values.items()},
    }
    shown = [_table(name, pairs) for name, pairs in tables.items() if pairs]
    return "\n\n".join(["\n".join(head), *shown] if head else shown) + "\n"


def _table(name: str, pairs: Mapping[str, str | tuple[str, ...]]) -> str:
    return "\n".join([f"[{name}]", *(f"{_quoted(k)} = {_value(v)}" for k, v in pairs.items())])


def _value(value: str | tuple[str, ...]) -> str:
    return _quoted(value) if isinstance(value, str) else f"[{', '.join(map(_quoted, value))}]"


def _quoted(text: str) -> str:
    """Write a basic string."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _load(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_SIZE + 1)
        if len(content) > _MAX_SIZE:
            raise ConfigurationError(f"{path}: this is too large to be a mapping file")
        return tomllib.loads(content.decode())
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: a mapping file is UTF-8 text") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path}: this is no TOML: {error}") from None


class _Reading:
    """Turns the content of one file into a mapping, and names the file in what is wrong."""

    def __init__(self, path: str) -> None:
        self._path = path

    def mapping(self, content: dict[str, Any]) -> FileMapping:
        readers: dict[str, Callable[[str, Any], Any]] = {
            "columns": self._columns,
            "fields": self._fields,
            "constants": self._constants,
            "events": self._texts,
            "facts": self._texts,
            "values": self._values,
            "missing": self._list,
            "text_facts": self._truth,
            "timezone": self._text,
            "guess": self._truth,
        }
        said: dict[str, Any] = {}
        for name, raw in content.items():
            if name not in readers:
                raise self._unknown(name, readers)
            said[name] = readers[name](name, raw)
        fields = said.pop("fields", {})
        said["columns"] = {**said.get("columns", {}), **fields}
        return FileMapping(**said)

    def _columns(self, name: str, raw: Any) -> dict[str, str | tuple[str, ...]]:
        """Read targets with their column, or with alternatives."""
        if not isinstance(raw, dict):
            raise self._error(f'[{name}] must be a table of texts: here = "there"')
        several = {t: self._list(f"{name}.{t}", c) for t, c in raw.items() if isinstance(c, list)}
        one = self._texts(name, {t: c for t, c in raw.items() if t not in several})
        return self._targets(name, {t: several[t] if t in several else one[t] for t in raw})

    def _constants(self, name: str, raw: Any) -> dict[str, str]:
        return self._targets(name, self._texts(name, raw))

    def _targets(self, name: str, found: dict[str, T]) -> dict[str, T]:
        """Refuse a target that there is not."""
        for target in found:
            if target not in TARGETS and not target.startswith(FIELD):
                raise self._error(
                    f"[{name}] has {target!r}, which is none of {', '.join(TARGETS)}",
                    "fields stand under [fields]",
                )
        return found

    def _fields(self, name: str, raw: Any) -> dict[str, str | tuple[str, ...]]:
        if not isinstance(raw, dict):
            raise self._error(f'[{name}] must be a table of texts: here = "there"')
        return self._columns(name, {field_target(field): said for field, said in raw.items()})

    def _values(self, name: str, raw: Any) -> dict[str, dict[str, str]]:
        if not isinstance(raw, dict):
            raise self._error(f"{name} must be tables, such as [values.source]")
        return {read_target(k): self._texts(f"{name}.{k}", texts) for k, texts in raw.items()}

    def _texts(self, name: str, raw: Any) -> dict[str, str]:
        if not isinstance(raw, dict) or not all(isinstance(text, str) for text in raw.values()):
            raise self._error(f'[{name}] must be a table of texts: here = "there"')
        return dict(raw)

    def _list(self, name: str, raw: Any) -> tuple[str, ...]:
        if not isinstance(raw, list) or not all(isinstance(text, str) for text in raw):
            raise self._error(f'{name} must be a list of texts: {name} = ["Select"]')
        return tuple(raw)

    def _text(self, name: str, raw: Any) -> str:
        if not isinstance(raw, str):
            raise self._error(f"{name} must be a text")
        return raw

    def _truth(self, name: str, raw: Any) -> bool:
        if not isinstance(raw, bool):
            raise self._error(f"{name} must be true or false")
        return raw

    def _unknown(self, name: str, known: Mapping[str, Any]) -> ConfigurationError:
        guess = nearest(name, known)
        hint = f"did you mean {guess!r}?" if guess else f"it may have: {', '.join(known)}"
        return self._error(f"a mapping file has no {name!r}", hint)

    def _error(self, message: str, hint: str = "") -> ConfigurationError:
        return ConfigurationError(f"{self._path}: {message}", hint=hint)
