"""Mapping files: a mapping kept as TOML, to be used again and to be edited.

.. code-block:: toml

    timezone = "Europe/Berlin"
    decimal = ","
    date_formats = ["dd.MM.yyyy HH:mm", "epoch-ms"]
    separator = ";"                # between the items of a list in one cell
    match = "email"                # find contacts by this field
    missing = ["Select", "-"]

    [columns]                      # what it is here = what the column is called there
    contact = "Prospect ID"
    at = ["Created", "Create Date"]   # whichever the file has

    [fields]
    source = "Lead Source"
    name = {join = ["First Name", "Last Name"]}

    [history]                      # where a row tells one field and its value
    field = "name"
    value = "value"

    [constants]                    # the same in every row
    event = "form_submitted"
    at = "now"                     # the time at which a row is read, as in a column of times

    [events]                       # events: there = here; "" leaves the row out
    A_SUBMITTED = "submitted"
    "*" = ""                       # all others

    [values.source]                # what a field's values mean: there = here
    "Olark Chat" = "chat"

    [stages]                       # put by force: their stage, in the field crm_stage = ours
    Customer = "customer"

    [[rows]]                       # rows that say something in other columns; the first counts
    where = {Status = ["Canceled", "No show"], Deleted = {not = "true"}}
    leave_out = true               # or: event = "…", and fields under [rows.fields]
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from funnelflow.errors import ConfigurationError, UsageError, nearest
from funnelflow.ingest.mapping import (
    FIELD,
    HISTORY,
    TARGETS,
    Condition,
    FileMapping,
    Join,
    Rule,
    Source,
    field_target,
    read_target,
)
from funnelflow.ingest.text_formats import check_date_format, check_decimal
from funnelflow.toml_source import TomlSource, load_toml

_MAX_SIZE = 1 << 20
_KEYS = (
    *("columns", "fields", "history", "constants", "events", "facts", "values", "stages", "rows"),
    *("missing", "text_facts", "timezone", "decimal", "date_formats", "separator", "match"),
    *("encoding", "delimiter", "guess"),
)
_IN_RULES = ("where", "leave_out", "fields", *TARGETS)


def read_mapping(path: str | Path) -> FileMapping:
    """Read a mapping file.

    Raises:
        ConfigurationError: It cannot be read, or says what no mapping file says.
    """
    path = Path(path)
    if path.is_file() and path.stat().st_size > _MAX_SIZE:
        raise ConfigurationError("this is too large to be a mapping file", path=path)
    content, source = load_toml(path)
    reader = _Reader(content, source)
    reader.refuse_unknown(content, _KEYS, "a mapping file")
    return reader.mapping()


@frozen
class _Reader:
    """Reads the values of one file; what is wrong is said with where it stands.

    Attributes:
        content: What the file says.
        source: Where.
    """

    content: Mapping[str, Any]
    source: TomlSource

    def mapping(self) -> FileMapping:
        """Return what all of the file says."""
        history = {f"history.{name}": said for name, said in self.columns("history").items()}
        fields = {field_target(name): column for name, column in self.columns("fields").items()}
        columns = self.targets("columns", self.columns("columns"))
        return FileMapping(
            columns={**columns, **self.history(history), **fields},
            constants=self.targets("constants", self.texts("constants")),
            events=self.texts("events"),
            facts=self.texts("facts"),
            values={read_target(name): self.texts("values", name) for name in self.table("values")},
            stages=self.texts("stages"),
            rows=self.rules(),
            missing=self.text_list(self.content.get("missing", []), "missing"),
            text_facts=self.truth("text_facts", default=False),
            timezone=self.plain("timezone"),
            decimal=self.checked(check_decimal, self.plain("decimal"), "decimal"),
            date_formats=self.date_formats(),
            separator=self.plain("separator"),
            match=self.plain("match"),
            encoding=self.plain("encoding"),
            delimiter=self.plain("delimiter"),
            guess=self.truth("guess", default=True),
        )

    def refuse_unknown(self, found: Mapping[str, Any], known: Sequence[str], what: str) -> None:
        """Refuse keys that there are not."""
        for name in found:
            if name not in known:
                guess = nearest(name, known)
                hint = f"did you mean {guess!r}?" if guess else f"it may have: {', '.join(known)}"
                raise self.source.error(f"{what} has no {name!r}", name, hint=hint)

    def history(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return what is said of rows that tell one field; refuse half of it."""
        if found and set(found) != set(HISTORY):
            hint = 'write field = "…" and value = "…"'
            raise self.source.error("[history] must say field and value", "history", hint=hint)
        return found

    def columns(self, name: str) -> dict[str, Source | tuple[Source, ...]]:
        """Return targets with where they are read from, or with alternatives."""
        found: dict[str, Source | tuple[Source, ...]] = {}
        for target, said in self.table(name).items():
            if isinstance(said, list):
                sources = enumerate(said)
                found[target] = tuple(self.column(one, name, target, n) for n, one in sources)
            else:
                found[target] = self.column(said, name, target)
        return found

    def column(self, said: Any, *keys: str | int) -> Source:
        """Return where a target is read from."""
        if not isinstance(said, dict):
            return self.text(said, *keys)
        if "join" not in said or not {*said} <= {"join", "with", "prefix"}:
            hint = 'write {join = ["First Name", "Last Name"], with = " "}'
            raise self.mistake(keys, "a column, or columns to join", said, hint)
        joined = self.listed(said["join"], *keys, "join")
        names = tuple(
            self.text_list(one, *keys, "join", number)
            if isinstance(one, list)
            else (self.text(one, *keys, "join", number),)
            for number, one in enumerate(joined)
        )
        between = self.text(said.get("with", " "), *keys, "with")
        return Join(names, between, self.text(said.get("prefix", ""), *keys, "prefix"))

    def rules(self) -> tuple[Rule, ...]:
        """Return what is made of rows by other columns."""
        found = self.content.get("rows", [])
        if not (isinstance(found, list) and all(isinstance(one, dict) for one in found)):
            raise self.mistake(["rows"], "a list of tables", found, "write it as [[rows]]")
        return tuple(self.rule(one, number) for number, one in enumerate(found))

    def rule(self, said: Mapping[str, Any], number: int) -> Rule:
        """Return one rule."""
        keys = ("rows", number)
        inner = _Reader(said, self.source.table(*keys))
        inner.refuse_unknown(said, _IN_RULES, "a rule of [[rows]]")
        where = inner.table("where")
        if not where:
            hint = 'write where = {Column = "text"}'
            raise inner.source.error("a rule of [[rows]] must say where", hint=hint)
        fields = {field_target(name): text for name, text in inner.texts("fields").items()}
        sets = {name: inner.text(said[name], name) for name in said if name in TARGETS}
        return Rule(
            where=tuple(inner.condition(name, one) for name, one in where.items()),
            leave_out=inner.truth("leave_out", default=False),
            sets={**sets, **fields},
        )

    def condition(self, column: str, said: Any) -> Condition:
        """Return what a column must say."""
        keys: tuple[str, ...] = ("where", column)
        negated = isinstance(said, dict) and set(said) == {"not"}
        if negated:
            keys, said = (*keys, "not"), said["not"]
        texts = said if isinstance(said, list) else [said]
        return Condition(column, self.text_list(texts, *keys), negated)

    def targets(self, name: str, found: dict[str, Any]) -> dict[str, Any]:
        """Return what a table says of targets; refuse one that there is not."""
        for target in found:
            if target not in TARGETS and not target.startswith(FIELD):
                reason = f"`{target}` in [{name}] must be one of {', '.join(TARGETS)}"
                hint = "fields stand under [fields]"
                raise self.source.error(reason, name, target, hint=hint)
        return found

    def date_formats(self) -> tuple[str, ...]:
        """Return the patterns of times."""
        patterns = self.text_list(self.content.get("date_formats", []), "date_formats")
        for number, pattern in enumerate(patterns):
            self.checked(check_date_format, pattern, "date_formats", number)
        return patterns

    def checked(self, check: Callable[[str], str], text: str, *keys: str | int) -> str:
        """Return a text that something has checked; what is wrong is said with where it stands."""
        try:
            return check(text)
        except UsageError as error:
            raise self.source.error(error.message, *keys, hint=error.hint) from None

    def texts(self, *keys: str) -> dict[str, str]:
        """Return a table of texts."""
        return {name: self.text(said, *keys, name) for name, said in self.table(*keys).items()}

    def table(self, *keys: str) -> Mapping[str, Any]:
        """Return a table; an empty one where the file has none."""
        found: Any = self.content
        for key in keys:
            found = found.get(key, {})
        if isinstance(found, dict):
            return found
        name = ".".join(keys)
        raise self.mistake(keys, "a table", found, f'write it as [{name}], with here = "there"')

    def listed(self, found: Any, *keys: str | int) -> Sequence[Any]:
        """Return what stands under `keys`, which is a list."""
        if isinstance(found, list):
            return found
        raise self.mistake(keys, "a list of texts", found, f'write {keys[-1]} = ["…"]')

    def text_list(self, found: Any, *keys: str | int) -> tuple[str, ...]:
        """Return what stands under `keys` as texts."""
        texts = enumerate(self.listed(found, *keys))
        return tuple(self.text(text, *keys, number) for number, text in texts)

    def plain(self, name: str) -> str:
        """Return what a key says as text; empty where the file does not have it."""
        return self.text(self.content.get(name, ""), name)

    def text(self, found: Any, *keys: str | int) -> str:
        """Return what stands under `keys` as text."""
        if isinstance(found, str):
            return found
        raise self.mistake(keys, "text", found, "put it in quotes")

    def truth(self, name: str, *, default: bool) -> bool:
        """Return what is true or false."""
        found = self.content.get(name, default)
        if isinstance(found, bool):
            return found
        raise self.mistake([name], "true or false", found, "write it without quotes")

    def mistake(
        self, keys: Sequence[str | int], rule: str, found: Any, hint: str
    ) -> ConfigurationError:
        """Return the error that something is not what it must be."""
        name = ".".join(map(str, keys))
        kind = next(words for kinds, words in _KINDS if isinstance(found, kinds))
        reason = f"`{name}` must be {rule}, but this is {kind}"
        return self.source.error(reason, *keys, hint=hint)


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (str, "text"),
    (bool, "true or false"),
    ((int, float), "a number"),
    (list, "a list"),
    (dict, "a table"),
    ((dt.date, dt.time), "a date or time"),
)
"""What a value in TOML is, in words; the first that fits."""


def write_mapping(path: str | Path, mapping: FileMapping) -> None:
    """Write a mapping to a file, which `read_mapping` reads back as it was.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    try:
        Path(path).write_text(mapping_text(mapping), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot be written: {error.strerror}", path=Path(path)) from error


def mapping_text(mapping: FileMapping) -> str:
    """Return a mapping as TOML."""
    tables: dict[str, Mapping[str, Any]] = {
        "columns": {t: c for t, c in mapping.columns.items() if t in TARGETS},
        "fields": _fields(mapping.columns),
        "history": {t.removeprefix("history."): mapping.columns[t] for t in _history(mapping)},
        "constants": mapping.constants,
        "events": mapping.events,
        "facts": mapping.facts,
        **{f"values.{_quoted(t)}": texts for t, texts in mapping.values.items()},
        "stages": mapping.stages,
    }
    shown = [_table(f"[{name}]", pairs) for name, pairs in tables.items() if pairs]
    shown += [_rule(rule) for rule in mapping.rows]
    head = [
        f"{name} = {_value(said)}"
        for name, said in {
            "timezone": mapping.timezone,
            "decimal": mapping.decimal,
            "date_formats": mapping.date_formats,
            "separator": mapping.separator,
            "match": mapping.match,
            "encoding": mapping.encoding,
            "delimiter": mapping.delimiter,
            "missing": mapping.missing,
            "text_facts": mapping.text_facts,
        }.items()
        if said
    ]
    head += [] if mapping.guess else ["guess = false"]
    return "\n\n".join(["\n".join(head), *shown] if head else shown) + "\n"


def _history(mapping: FileMapping) -> Sequence[str]:
    return [target for target in HISTORY if target in mapping.columns]


def _fields(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said of fields, by their bare names."""
    return {t.removeprefix(FIELD): one for t, one in said.items() if t.startswith(FIELD)}


def _rule(rule: Rule) -> str:
    """Return a rule as TOML."""
    where = [f"{_quoted(one.column)} = {_condition(one)}" for one in rule.where]
    plain = {target: text for target, text in rule.sets.items() if not target.startswith(FIELD)}
    fields = _fields(rule.sets)
    lines = [
        "[[rows]]",
        f"where = {{{', '.join(where)}}}",
        *(["leave_out = true"] if rule.leave_out else []),
        *(f"{name} = {_value(text)}" for name, text in plain.items()),
    ]
    return "\n".join(lines + ([_table("[rows.fields]", fields)] if fields else []))


def _condition(condition: Condition) -> str:
    texts = _value(condition.texts)
    return f"{{not = {texts}}}" if condition.negated else texts


def _table(head: str, pairs: Mapping[str, Any]) -> str:
    return "\n".join([head, *(f"{_quoted(k)} = {_value(v)}" for k, v in pairs.items())])


def _value(value: Any) -> str:
    """Return a value as TOML."""
    if isinstance(value, Join):
        names = [names[0] if len(names) == 1 else names for names in value.columns]
        before = f", prefix = {_quoted(value.prefix)}" if value.prefix else ""
        return f"{{join = {_value(tuple(names))}, with = {_quoted(value.separator)}{before}}}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _quoted(value) if isinstance(value, str) else f"[{', '.join(map(_value, value))}]"


def _quoted(text: str) -> str:
    """Return a basic string of TOML."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"
