"""Lists, mappings and records of a definition, each described by one table of its keys.

A `RecordKind` has that table. From it come the reading of a record from a file, the check of a
record that was built in Python, the help for a misspelt key, and the JSON Schema for editors.
What may be wrong with a record by itself, beyond the kinds of its values, its `further` reports.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, TypeAlias

from attrs import NOTHING, Factory, evolve, field, fields_dict, frozen

from funnelflow.definition.kinds import (
    FIELD_NAME,
    PLAIN,
    Describe,
    Further,
    Json,
    ValueKind,
    entries_of,
    is_nothing,
    items_of,
    misfit,
    plain,
)
from funnelflow.definition.problems import Place, Suggestion
from funnelflow.definition.yaml.nodes import Node, ScalarNode
from funnelflow.errors import nearest


@frozen(kw_only=True)
class ListKind(ValueKind):
    """A list of values of one kind.

    Attributes:
        of: The kind of the items.
        is_lone_allowed: Whether a lone item of a file stands for a list of one.
        least: How many items editors ask for.
        key: The key under which no item may stand twice; empty where that is no problem.
    """

    of: ValueKind
    is_lone_allowed: bool = False
    least: int = 0
    key: str = ""
    empty: Any = ()

    def take(self, here: Place, value: Any, what: str) -> Any:
        """Return the items, without those that are of another kind."""
        listed = items_of(value)
        if listed is None and self.is_lone_allowed and isinstance(value, Node):
            return self._kept([self.of.take(here, value, what)])
        if listed is None:
            misfit(here, value, what, "a list")
            here.problems.is_partial |= self.of.is_vital
            return ()
        each = f"each item of {what}"
        found = [self.of.take(here.part(n), item, each) for n, item in enumerate(listed)]
        if self.key:
            self._check_once(here, found)
        same = all(new is old for new, old in zip(found, listed, strict=True))
        return value if same and listed is value else self._kept(found)

    def _kept(self, found: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(item for item in found if item is not self.of.empty)

    def _check_once(self, here: Place, items: list[Any]) -> None:
        seen = {self.of.empty}
        for number, item in enumerate(items):
            if item in seen and item != self.of.empty:
                here.part(number).report("F213", name=item, key=self.key)
            seen.add(item)

    def schema(self, describe: Describe) -> Json:
        """Return the JSON Schema of the kind."""
        item = describe(self.of)
        least = {"minItems": self.least} if self.least else {}
        whole = {"type": "array", "items": item, **least}
        return {"anyOf": [item, whole]} if self.is_lone_allowed else whole


@frozen(kw_only=True)
class MappingKind(ValueKind):
    """Values of one kind by name; nothing stands for none of them.

    Attributes:
        of: The kind of the values.
        names: What the names look like, for editors.
        reserved: Names that are none, for editors.
        check_name: Reports a name that is none.
        whole: What the mapping is in messages, around what it is for.
        each: What a value is in messages, around its name.
    """

    of: ValueKind
    names: str = FIELD_NAME.pattern
    reserved: tuple[str, ...] = ()
    check_name: Further = lambda *_: None
    whole: str = "{}"
    each: str = "{!r}"
    empty: Any = field(factory=dict)

    def take(self, here: Place, value: Any, what: str) -> Any:
        """Return the values by name, without those that are of another kind."""
        named = take_entries(here, value, self.whole.format(what))
        if named is None:
            here.problems.is_partial |= self.of.is_vital
            return {}
        found = {}
        for name, item in named.items():
            if not isinstance(name, str):
                misfit(here, name, f"each name in {what}", "text")
                continue
            part = here.part(name)
            self.check_name(part.key(), name)
            found[name] = self.of.take(part, item, self.each.format(name))
        same = len(found) == len(named) and all(found[name] is named[name] for name in found)
        if same and named is value:
            return value
        return {name: item for name, item in found.items() if item is not self.of.empty}

    def schema(self, describe: Describe) -> Json:
        """Return the JSON Schema of the kind."""
        reserved = {"not": {"enum": list(self.reserved)}} if self.reserved else {}
        return {
            "type": ["object", "null"],
            "propertyNames": {"pattern": f"^{self.names}$", **reserved},
            "additionalProperties": describe(self.of),
        }


def take_entries(here: Place, value: Any, what: str) -> Mapping[Any, Any] | None:
    """Return the entries of a mapping, none for nothing; None, after a report, for other values."""
    found = entries_of(value)
    if found is None and not is_nothing(value):
        misfit(here, value, what, "a mapping of keys")
        return None
    return found or {}


@frozen
class Key:
    """One key of a record.

    Attributes:
        name: What stands in a file.
        kind: The kind of its value.
        about: What it says, in one line, for editors; the kind's own line if left out.
        attribute: The attribute of the record; the same as the name if left out.
        is_required: Whether the record says nothing without it.
        is_asked_for: Whether a check of the whole asks for it, so that editors do too.
    """

    name: str
    kind: ValueKind
    about: str = ""
    attribute: str = field(default=Factory(lambda self: self.name, takes_self=True))
    is_required: bool = False
    is_asked_for: bool = False

    def take(self, here: Place, value: Any) -> Any:
        """Return what stands under it."""
        return self.kind.take(here.part(self.name), value, repr(self.name))

    def schema(self, describe: Describe) -> Json:
        """Return the JSON Schema of the value, with what the key says."""
        return {**describe(self.kind), **({"description": self.about} if self.about else {})}


Finish: TypeAlias = Callable[[Place, dict[str, Any]], Any]
"""Makes a record of the attributes that a file says."""


@frozen
class RecordKind(ValueKind):
    """A record, as an item of a list, under its name, or a whole file.

    Attributes:
        noun: What it is called in messages.
        record: The class of the record.
        keys: Its keys; what gives them where records are parts of their like.
        finish: Makes the record that a file says of its attributes; None for the class itself.
        further: Returns a record, from a file or not, after reporting what is wrong with it by
            itself; None where nothing can be.
        needs: Attributes without which there is no record.
        short: The key whose value alone may stand for the whole record; empty for none.
        rest: The attribute that takes the plain values under all other keys; empty for none.
        others: Attributes that a file says in another way than under a key.
        code: The code under which something else in its place is reported.
        is_named: Whether a file says it under its name.
    """

    noun: str
    record: type
    _keys: tuple[Key, ...] | Callable[[], tuple[Key, ...]]
    finish: Finish | None = None
    further: Callable[[Place, Any], Any] | None = None
    needs: tuple[str, ...] = ()
    short: str = ""
    rest: str = ""
    others: tuple[Key, ...] = ()
    code: str = "F103"
    is_named: bool = False

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        """Its keys."""
        return self._keys() if callable(self._keys) else self._keys

    @cached_property
    def by_name(self) -> Mapping[str, Key]:
        """The keys by what stands in a file."""
        return {key.name: key for key in self.keys}

    @cached_property
    def unset(self) -> Mapping[str, Any]:
        """What attributes without a default have until they are read."""
        known = fields_dict(self.record)
        keys = [key for key in self.keys if key.attribute in known]
        return {k.attribute: k.kind.empty for k in keys if known[k.attribute].default is NOTHING}

    def called(self, name: str | None = None) -> str:
        """Return what a message calls a record of this shape."""
        article = "an" if self.noun[0] in "aeiou" else "a"
        return f"{article} {self.noun}" if name is None else f"the {self.noun} {name!r}"

    def values(self, here: Place, node: Node, name: str | None = None) -> dict[str, Any]:
        """Return the attributes that a node says, after checking which keys there are."""
        said = take_entries(here.of_node(node), node, self.called(name))
        if said is None:
            return dict(self.unset)
        values, unknown = dict(self.unset), [key for key in said if key not in self.by_name]
        for key in (self.by_name[written] for written in said if written in self.by_name):
            values[key.attribute] = key.take(here, said[key.name])
        if self.rest:
            values[self.rest] = {key: plain(here.part(key), said[key]) for key in unknown}
            return values
        for key in unknown:
            what, meant = self.called(name), self._meant(key)
            here.part(key).key().report("F101", "unknown", meant, what=what, key=key)
        missing = [k.name for k in self.keys if k.is_required and k.name not in said]
        if missing and not unknown:
            what = self.called(name)
            here.of_node(node).report("F102", "missing", what=what, key=missing[0])
        return values

    def _meant(self, name: str) -> Suggestion:
        """Return what finds the key that was meant, or else lists the keys there are."""

        def find() -> dict[str, Any]:
            guess = nearest(name, self.by_name)
            return {"guess": guess} if guess else {"known": tuple(self.by_name)}

        return find

    def take(self, here: Place, value: Any, what: str) -> Any:
        """Return the record; None when too little of it could be read."""
        if isinstance(value, Node):
            name = str(here.steps[-1]) if self.is_named else None
            found = self.read(here.of_node(value, is_named=self.is_named), value, name)
        elif isinstance(value, self.record):
            found = self.check(here.inside(value, self.title(value, here)), value)
        else:
            misfit(here, value, what, self.called(), code=self.code)
            found = None
        here.problems.is_partial |= self.is_vital and found is None
        return found

    def title(self, record: Any, here: Place) -> str:
        """Return what a record that was built in Python is, by its name or its number."""
        last = here.steps[-1]
        name = getattr(record, "name", None) or getattr(record, "label", None)
        name = name or (last + 1 if isinstance(last, int) else "")
        return f"{self.noun} {name!r}" if name else self.noun

    def read(self, here: Place, node: Node, name: str | None = None) -> Any:
        """Return the record that a node says, perhaps under a name; None if too little is there."""
        if self.short and isinstance(node, ScalarNode):
            key = self.by_name[self.short]
            what = f"the {self.short} of {name!r}"
            values = {**self.unset, key.attribute: key.kind.take(here.of_node(node), node, what)}
        else:
            values = self.values(here, node, name)
        values["position"] = here.position
        if name is not None:
            values["name"] = name
        record = self.record(**values) if self.finish is None else self.finish(here, values)
        if self.further is not None:
            record = self.further(here, record)
        return record if all(values.get(attribute) for attribute in self.needs) else None

    def check(self, here: Place, record: Any) -> Any:
        """Return a record built in Python, without what does not fit; None if that is too much."""
        known, changes = fields_dict(self.record), {}
        for key in (*self.keys, *self.others):
            value = getattr(record, key.attribute) if key.attribute in known else key.kind.empty
            kept = value if key.kind.is_unsaid(value) else key.take(here, value)
            if kept is not value:
                changes[key.attribute] = kept
        if any(attribute in changes and not changes[attribute] for attribute in self.needs):
            return None
        whole = evolve(record, **changes) if changes else record
        return whole if self.further is None else self.further(here, whole)

    def schema(self, describe: Describe) -> Json:
        """Return the JSON Schema of the record."""
        required = [key.name for key in self.keys if key.is_required or key.is_asked_for]
        whole: Json = {
            "type": "object" if required else ["object", "null"],
            "additionalProperties": describe(PLAIN) if self.rest else False,
            **({"required": required} if required else {}),
            "properties": {key.name: key.schema(describe) for key in self.keys},
        }
        return {"anyOf": [describe(self.by_name[self.short].kind), whole]} if self.short else whole


@frozen(kw_only=True)
class NamedRecordsKind(MappingKind):
    """Records under their names.

    Attributes:
        of: The kind of the records.
        is_ordered: Whether the attribute is a tuple of the records, not a mapping.
    """

    of: RecordKind
    is_ordered: bool = False

    def take(self, here: Place, value: Any, what: str) -> Any:
        """Return the records; those that were built in Python stand under their own names."""
        if isinstance(value, Node):
            found = MappingKind.take(self, here, value, what)
            return tuple(found.values()) if self.is_ordered else found
        if self.is_ordered:
            listed = ListKind(of=self.of).take(here, value, what)
            for record in listed:
                self.check_name(here.inside(record, self.of.title(record, here)), record.name)
            return listed
        found = MappingKind.take(self, here, value, what)
        for name, record in found.items():
            if record.name != name:
                here.inside(record, self.of.title(record, here)).report(
                    "F201", "key", name=record.name, key=name
                )
        return found
