"""A field: a typed fact about a contact or an event, and what its values may be.

Facts are normalised here, on every path by which they come in: as values, and as people type
them, in a terminal or in a cell of a table.
"""

import csv
import datetime as dt
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NoReturn

from attrs import field, frozen

from funnelflow.criteria.expression_problems import Position
from funnelflow.criteria.value_forms import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    TEXT,
    Loader,
    Normaliser,
    Type,
    Value,
    dump_value,
    listed,
    loader,
    normaliser,
    refuse,
    says_nothing,
    shown,
)
from funnelflow.errors import FieldError, nearest


@frozen
class Field:
    """A typed fact, and what a person should know about it.

    Attributes:
        name: What criteria call it (``budget`` in ``contact.budget``).
        type: The type of its values.
        title: What a person reads; its name with spaces when empty.
        about: What it means, at length.
        unit: What its numbers count (``EUR``, ``days``).
        choices: The only values it may have; for a list, its items. Empty for any.
        ask: The question that finds it out.
        default: What a new contact has; None for unknown.
        identifying: Whether a value names one person or company, as an email address does.
    """

    name: str
    type: Type
    title: str = ""
    about: str = ""
    unit: str = ""
    choices: tuple[Value, ...] = ()
    ask: str = ""
    default: Value | None = None
    identifying: bool = False
    position: Position | None = field(default=None, eq=False, repr=False, kw_only=True)
    _normal: Normaliser = field(init=False, eq=False, repr=False)
    _load: Loader = field(init=False, eq=False, repr=False)

    @_normal.default
    def _choose_normaliser(self) -> Normaliser:
        return normaliser(self.type) if _is_type(self.type) else _no_type

    @_load.default
    def _choose_loader(self) -> Loader:
        return loader(self.type) if _is_type(self.type) else _no_type

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as what was declared; the functions are chosen again."""
        declared = (self.name, self.type, self.title, self.about, self.unit, self.choices)
        return _field, (*declared, self.ask, self.default, self.identifying, self.position)

    @property
    def label(self) -> str:
        """Return what a person reads: the title, or the name with spaces."""
        return self.title or self.name.replace("_", " ")

    def normalise(self, raw: Any, timezone: dt.tzinfo | None = None) -> Value | None:
        """Return the canonical value of a typed JSON or Python value; None removes the fact.

        Args:
            raw: What came in.
            timezone: The zone in which a time without an offset is read; None refuses it.

        Raises:
            FieldError: It is no value of this field.
        """
        if raw is None:
            return None
        try:
            value = self._normal(raw, timezone)
        except FieldError as error:
            raise self._refusing(error.message, error.hint) from None
        if self.choices:
            self._check_choice(value)
        return value

    def parse(self, text: str, timezone: dt.tzinfo | None = None) -> Value | None:
        """Return the value that a typed text or a CSV cell means; None, for a blank, removes it.

        Raises:
            FieldError: It is no value of this field.
        """
        try:
            raw = read_text(self.type, text)
        except FieldError as error:
            raise self._refusing(error.message, error.hint) from None
        return self.normalise(raw, timezone)

    def to_json(self, value: Value) -> Any:
        """Return the storage form of a canonical value."""
        return dump_value(value)

    def from_json(self, raw: Any) -> Value:
        """Read a storage form back, trusting that `to_json` wrote it."""
        value: Value = self._load(raw)
        return value

    def words(self, value: Value) -> str:
        """Show a value as a person writes it, with the unit: ``3,000 EUR``, ``yes``."""
        return shown(value, self.unit)

    def _check_choice(self, value: Value) -> None:
        """Refuse a value that is none of the choices."""
        for item in value if isinstance(value, tuple) else (value,):
            if item not in self.choices:
                names = [shown(choice) for choice in self.choices]
                guess = nearest(shown(item), names)
                hint = f"did you mean {guess}?" if guess else f"known values: {listed(names)}"
                raise self._refusing(f"{shown(item)} is none of its values", hint)

    def _refusing(self, message: str, hint: str) -> FieldError:
        return FieldError(f"{self.name}: {message}", hint=hint, field=self.name)


@frozen
class Scope:
    """The fields that an expression may read; ``now`` is always there beside them.

    Attributes:
        contact: What ``contact.x`` may be, by field name.
        event: What ``event.x`` may be, by field name.
    """

    contact: Mapping[str, Field]
    event: Mapping[str, Field] = field(factory=dict)

    def fields(self, root: str) -> Mapping[str, Field]:
        """Return the fields behind ``contact`` or ``event``."""
        return self.contact if root == "contact" else self.event


def _is_type(kind: object) -> bool:
    """Whether what was given as a type is one; a check of the definition reports what is not."""
    return isinstance(kind, Type)


def _no_type(raw: Any, timezone: dt.tzinfo | None = None) -> NoReturn:  # noqa: ARG001
    """Refuse every value."""
    raise FieldError("the field has no type", hint="give it one, such as funnelflow.criteria.TEXT")


def _field(*declared: Any) -> Field:
    """Make a field from what was declared, the position last."""
    *values, position = declared
    return Field(*values, position=position)


_MARKS: Final = {"": "", ",": "comma", ".": "point"}
_GROUPING: Final = (",", ".", "'", "\u2019", " ", "\u00a0", "\u2009", "\u202f", "_")
_SCALES: Final = {"": 1, "k": 1_000, "m": 1_000_000}
_CURRENCIES: Final = "AUD BRL CAD CHF CNY CZK DKK EUR GBP HUF INR JPY MXN NOK PLN SEK USD ZAR"
_WRITTEN: Final = re.compile(
    rf"(?:{_CURRENCIES.replace(' ', '|')})?\s*(?P<sign>[+\u2212-]?)\s*"
    r"(?P<body>\d(?:.*\d)?|[.,]\d+)\s?(?P<scale>[kKmM]?)"
    rf"\s*(?:{_CURRENCIES.replace(' ', '|')})?",
    re.ASCII,
)
_CAP: Final = 400


def advice(text: str, *, whole: bool = False) -> str:
    """Return how to write the number in a text plainly; empty where nobody can know."""
    found = readings(text, whole=whole)
    mark = next((mark for mark, _ in found if mark), "")
    plain = list(dict.fromkeys(number for _, number in found))
    if len(plain) > 1:
        return f"write {plain[0]}, or {plain[1]} if the {_MARKS[mark]} is decimal"
    if not plain:
        return ""
    has_one_mark = mark == "," and not any(group in text for group in _GROUPING if group != ",")
    return f"write {plain[0]}{', with a point' if has_one_mark else ''}"


def readings(text: str, *, whole: bool = False) -> list[tuple[str, str]]:
    """Return each way in which a text is a number: the decimal mark, and the number with a point.

    As `whole` only whole numbers are meant.
    """
    found = _WRITTEN.fullmatch(_without_symbols(text)) if len(text) <= _CAP else None
    if found is None:
        return []
    sign = "-" if found["sign"] in ("-", "\u2212") else ""
    scale = _SCALES[found["scale"].lower()]
    bodies = list(_bodies(found["body"]))
    several = len(bodies) > 1
    plain = [(mark, sign + _scaled(body, scale, short=several)) for mark, body in bodies]
    if not whole:
        return plain
    return [(m, _short(n)) for m, n in plain if Decimal(n) == Decimal(n).to_integral_value()]


def _bodies(body: str) -> Iterator[tuple[str, str]]:
    """Return the readings of digits and marks, the one without decimals first."""
    for decimal in _MARKS:
        for group in ("", *_GROUPING):
            if group != decimal or not group:
                digits = _ungrouped(body, group, decimal)
                if digits:
                    yield decimal, digits


def _ungrouped(body: str, group: str, decimal: str) -> str:
    """Return a number with a point for its decimal mark; empty if the marks do not fit."""
    head, mark, tail = body.rpartition(decimal) if decimal else (body, "", "")
    if decimal and not (mark and tail.isdigit()):
        return ""
    digits = re.escape(group)
    thousands = rf"[1-9]\d{{0,2}}(?:{digits}\d{{3}})+"
    lakhs = rf"[1-9]\d?(?:{digits}\d{{2}})+{digits}\d{{3}}"
    form = rf"{thousands}|{lakhs}" if group else r"\d*" if decimal else r"\d+"
    if not re.fullmatch(form, head, re.ASCII):
        return ""
    whole = head.replace(group, "") if group else head or "0"
    return f"{whole}.{tail}" if mark else whole


def _scaled(number: str, scale: int, *, short: bool) -> str:
    """Write a number times its scale; one of several keeps decimals of its own."""
    if scale == 1:
        return _shorter(number) if short else number
    return _short(f"{Decimal(number) * scale:f}")


def _short(number: str) -> str:
    """Leave out decimals that say nothing."""
    return number.rstrip("0").rstrip(".") if "." in number else number


def _shorter(number: str) -> str:
    """Leave out decimals that say nothing, but for one that shows that it has decimals."""
    short = _short(number)
    return f"{short}.0" if "." in number and "." not in short else short


def _without_symbols(text: str) -> str:
    """Leave out currency symbols, and the space around what is left."""
    return "".join(char for char in text if unicodedata.category(char) != "Sc").strip()


_INTEGER: Final = re.compile(r"[+-]?\d{1,40}", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_NUMBER_CAP = 400
_HINT: Final = "write it like 5000 or 12.5"
_TRUTH: Final = {"yes": True, "true": True, "no": False, "false": False}


def read_text(kind: Type, text: str) -> Any:
    """Read a text as a raw value of a type, still to be normalised; None for a blank one.

    Raises:
        FieldError: The text cannot be meant as a value of that type.
    """
    if says_nothing(text):
        return None
    if kind.item is not None:
        return [_read(kind.item, part) for part in _parts(text.strip())]
    return _read(kind, text)


def _read(kind: Type, text: str) -> Any:
    """Read a single value; timestamps and durations are read by the normaliser."""
    if kind == TEXT:
        return text
    text = text.strip()
    if kind == BOOLEAN:
        return _boolean(text)
    if kind == INTEGER:
        return _whole(text)
    return _number(text) if kind == NUMBER else text


def _boolean(text: str) -> bool:
    """Read yes or no."""
    truth = _TRUTH.get(text.lower())
    if truth is None:
        raise refuse(text, "yes or no", "write yes or no")
    return truth


def _whole(text: str) -> int | float:
    """Read a whole number; decimals are kept for the normaliser to judge."""
    return int(text) if _INTEGER.fullmatch(text) else _number(text, whole=True)


def _number(text: str, *, whole: bool = False) -> float:
    """Read a number."""
    if len(text) <= _NUMBER_CAP and _NUMBER.fullmatch(text):
        return float(text)
    wanted = "a whole number" if whole else "a number"
    raise refuse(text, wanted, advice(text, whole=whole) or _HINT)


def _parts(text: str) -> list[Any]:
    """Split the text of a list: a JSON array, or items with commas between, quotes allowed."""
    try:
        if text.startswith("["):
            parts = json.loads(text)
            return [part if isinstance(part, str) else json.dumps(part) for part in parts]
        return [
            part.strip() for part in next(csv.reader([text], strict=True, skipinitialspace=True))
        ]
    except (ValueError, RecursionError, csv.Error, StopIteration):
        raise FieldError(f"{text[:60]!r} is not a list", hint="write a, b, c") from None
