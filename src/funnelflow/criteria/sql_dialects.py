"""How two databases read facts out of a JSON text, and compare them.

Facts stand in one text column as canonical JSON, in the storage forms of `value_forms`. Texts
compare by code point in both (BINARY, ``COLLATE "C"``), and so do timestamps, whose
storage form sorts as they do. PostgreSQL raises where a cast fails, so every cast stands
behind a look at the type.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, TypeAlias

from attrs import frozen

from funnelflow.criteria.value_forms import (
    BOOLEAN,
    DURATION,
    INTEGER,
    NUMBER,
    TEXT,
    TIMESTAMP,
    Type,
)

DialectName: TypeAlias = Literal["sqlite", "postgresql"]

_AS_TEXT: Final = (TEXT, TIMESTAMP, DURATION)


@frozen
class SqlFilter:
    """What goes behind WHERE.

    Attributes:
        text: SQL with named parameters, as in ``:where_0``.
        parameters: Their values.
        exact: Whether it selects exactly the rows for which the criterion is true. If not,
            it selects all of those and others, and each row must still be asked.
    """

    text: str
    parameters: Mapping[str, Any]
    exact: bool


@frozen
class Dialect:
    """How a database says it; here as SQLite 3.38 or newer, whose values carry their types.

    Every method returns text.

    Attributes:
        fields: The SQL of the text that holds the facts.
    """

    fields: str
    letters: ClassVar[Mapping[str, str]] = {"lowerAscii": "lower", "upperAscii": "upper"}

    def value(self, name: str, kind: Type) -> str:  # noqa: ARG002  # the value knows it
        """Return the value of a fact; NULL where it is unknown."""
        return f"json_extract({self.fields}, '$.\"{name}\"')"

    def known(self, name: str) -> str:
        """Whether a fact is known."""
        return f"(json_type({self.fields}, '$.\"{name}\"') IS NOT NULL)"

    def column(self, sql: str, kind: Type) -> str:  # noqa: ARG002  # the value knows it
        """Return a column so that it compares as a fact of its type does."""
        return sql

    def real(self, sql: str) -> str:
        """Return an integer as the nearest number."""
        return f"CAST({sql} AS REAL)"

    def parameter(self, name: str, kind: Type) -> str:  # noqa: ARG002  # the value knows it
        """Refer to a parameter whose type is that of a fact."""
        return f":{name}"

    def unknown(self, kind: Type) -> str:  # noqa: ARG002  # a NULL is of every type
        """Return a NULL of a type."""
        return "NULL"

    def within(self, time: str, first: str, last: str, test: str) -> str:
        """Compare a time where it lies in a range; NULL elsewhere.

        `test` is what follows the time: a sign and a limit.
        """
        return f"(CASE WHEN {time} BETWEEN {first} AND {last} THEN {time} {test} END)"

    def starts(self, text: str, part: str, length: int) -> str:
        """Whether a text starts with a part of so many characters."""
        return f"(substr({text}, 1, {length}) = {part})"

    def ends(self, text: str, part: str, length: int) -> str:
        """Whether a text ends with a part of so many characters."""
        start = f"-{length}, {length}" if length else "1, 0"
        return f"(substr({text}, {start}) = {part})"

    def contains(self, text: str, part: str) -> str:
        """Whether a text contains a part."""
        return f"(instr({text}, {part}) > 0)"

    def lettered(self, function: str, text: str) -> str:
        """Return a text in small letters or in capitals, those of ASCII alone."""
        return f"{self.letters[function]}({text})"

    def items(self, name: str) -> str:
        """Count the items of a list; NULL where it is unknown."""
        return f"json_array_length({self.fields}, '$.\"{name}\"')"

    def among(self, item: str, name: str, kind: Type) -> str:
        """Whether a value, which is not NULL, is in a list; NULL where that is unknown."""
        value = "CAST(value AS REAL)" if kind == NUMBER else "value"
        listed = f"json_each({self.fields}, '$.\"{name}\"')"
        look = f"SELECT 1 FROM {listed} WHERE {value} = {item}"  # noqa: S608  # names, no values
        return f"(CASE WHEN {self.known(name)} THEN EXISTS ({look}) END)"


class _Postgresql(Dialect):
    """As PostgreSQL 13 or newer says it."""

    @property
    def _json(self) -> str:
        return f"CAST({self.fields} AS json)"

    def value(self, name: str, kind: Type) -> str:
        text = f"({self._json} ->> '{name}')"
        if kind in _AS_TEXT:
            return f'({text} COLLATE "C")'
        if kind == BOOLEAN:
            return f"(CASE {text} WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END)"
        number = (
            f"CASE json_typeof(v) WHEN 'number' THEN CAST(v #>> '{{}}' AS {_NUMERIC[kind]}) END"
        )
        return _once(number, f"{self._json} -> '{name}'")

    def known(self, name: str) -> str:
        return f"(({self._json} -> '{name}') IS NOT NULL)"

    def column(self, sql: str, kind: Type) -> str:
        return f'({sql} COLLATE "C")' if kind in _AS_TEXT else sql

    def real(self, sql: str) -> str:
        return f"CAST({sql} AS double precision)"

    def parameter(self, name: str, kind: Type) -> str:
        return f"CAST(:{name} AS {_NUMERIC.get(kind, 'text')})"

    def unknown(self, kind: Type) -> str:
        return f"CAST(NULL AS {_CASTS.get(kind, 'text')})"

    def within(self, time: str, first: str, last: str, test: str) -> str:
        inside = f'v COLLATE "C" BETWEEN {first} AND {last}'
        return _once(f'CASE WHEN {inside} THEN v COLLATE "C" {test} END', time)

    def starts(self, text: str, part: str, length: int) -> str:
        return f"(left({text}, {length}) = {part})"

    def ends(self, text: str, part: str, length: int) -> str:
        return f"(right({text}, {length}) = {part})"

    def contains(self, text: str, part: str) -> str:
        return f"(strpos({text}, {part}) > 0)"

    def lettered(self, function: str, text: str) -> str:
        return f'({self.letters[function]}({text} COLLATE "C") COLLATE "C")'

    def items(self, name: str) -> str:
        items = f"({self._json} -> '{name}')"
        return f"(CASE json_typeof({items}) WHEN 'array' THEN json_array_length({items}) END)"

    def among(self, item: str, name: str, kind: Type) -> str:
        items = f"({self._json} -> '{name}')"
        value = 'item COLLATE "C"' if kind in _AS_TEXT else f"CAST(item AS {_CASTS[kind]})"
        listed = f"json_array_elements_text({items}) AS _(item)"
        look = f"SELECT 1 FROM {listed} WHERE {value} = {item}"  # noqa: S608  # names, no values
        return f"(CASE json_typeof({items}) WHEN 'array' THEN EXISTS ({look}) END)"


def _once(expression: str, value: str) -> str:
    """Return an expression of ``v`` that PostgreSQL computes only once: reading JSON is dear."""
    return f"(SELECT {expression} FROM (SELECT {value} OFFSET 0) AS _(v))"  # noqa: S608


_NUMERIC: Final = {INTEGER: "numeric", NUMBER: "double precision"}
_CASTS: Final = {**_NUMERIC, BOOLEAN: "boolean"}

DIALECTS: Final = {"sqlite": Dialect, "postgresql": _Postgresql}
