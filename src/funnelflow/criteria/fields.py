"""A field: a typed fact about a contact or an event, and what its values may be.

Facts are normalised here, on every path by which they come in.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, NoReturn

from attrs import field, frozen

from funnelflow.criteria.expression_problems import Position
from funnelflow.criteria.read_text import read_text
from funnelflow.criteria.types import Type, Value
from funnelflow.criteria.value_forms import (
    Loader,
    Normaliser,
    dump_value,
    listed,
    loader,
    normaliser,
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
    """

    name: str
    type: Type
    title: str = ""
    about: str = ""
    unit: str = ""
    choices: tuple[Value, ...] = ()
    ask: str = ""
    default: Value | None = None
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
        return _field, (*declared, self.ask, self.default, self.position)

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
