"""Lists, mappings and records of a definition, each described by one table of its keys.

A `Shape` is that table. From it come the reading of a record from a file, the check of a record
that was built in Python, the help for a misspelt key, and the JSON Schema for editors.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeAlias

from attrs import NOTHING, Factory, evolve, field, fields_dict, frozen

from funnelflow.definition.kinds import (
    FIELD_NAME,
    PLAIN,
    Describe,
    Json,
    NodeReader,
    RecordChecker,
    Steps,
    ValueKind,
    is_nothing,
    misfit,
)
from funnelflow.definition.problems import Suggestion
from funnelflow.definition.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from funnelflow.errors import nearest


@frozen(kw_only=True)
class ListKind(ValueKind):
    """A list of values of one kind.

    Attributes:
        of: The kind of the items.
        is_lone_allowed: Whether a lone item stands for a list of one.
        least: How many items editors ask for.
    """

    of: ValueKind
    is_lone_allowed: bool = False
    least: int = 0
    empty: Any = ()

    def read(self, reader: NodeReader, node: Node, what: str) -> tuple[Any, ...]:
        """Return the items of a node, without those that are of another kind."""
        nodes, each = [node], what
        if isinstance(node, SequenceNode):
            nodes, each = node.items, f"each item of {what}"
        elif not self.is_lone_allowed:
            misfit(reader, node, node, what, "a list")
            return ()
        found = [self.of.read(reader, item, each) for item in nodes]
        return tuple(item for item in found if item is not self.of.empty)

    def check(self, checker: RecordChecker, value: Any, at: Steps, what: str) -> Any:
        """Return the items of a record's attribute, without those that are of another kind."""
        if not isinstance(value, tuple | list):
            misfit(checker, at, value, what, "a list")
            return ()
        each = f"each item of {what}"
        found = [self.of.check(checker, item, (*at, n), each) for n, item in enumerate(value)]
        if all(new is old for new, old in zip(found, value, strict=True)):
            return value
        return tuple(item for item in found if item is not self.of.empty)

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
        whole: What the mapping is in messages, around what it is for.
        each: What a value is in messages, around its name.
    """

    of: ValueKind
    names: str = FIELD_NAME.pattern
    reserved: tuple[str, ...] = ()
    whole: str = "{}"
    each: str = "{!r}"
    empty: Any = field(factory=dict)

    def read(self, reader: NodeReader, node: Node, what: str) -> Any:
        """Return the values of a node by name, without those that are of another kind."""
        mapping = reader.mapping(node, self.whole.format(what))
        found = {
            name: self.read_one(reader, name, value, mapping.keys[name])
            for name, value in mapping.items()
        }
        return {name: value for name, value in found.items() if value is not self.of.empty}

    def read_one(self, reader: NodeReader, name: str, node: Node, key: ScalarNode) -> Any:  # noqa: ARG002
        """Return the value that stands under one name."""
        return self.of.read(reader, node, self.each.format(name))

    def check(self, checker: RecordChecker, value: Any, at: Steps, what: str) -> Any:
        """Return the mapping of a record's attribute, without what is of another kind."""
        if not isinstance(value, Mapping):
            misfit(checker, at, value, self.whole.format(what), "a mapping of keys")
            return {}
        found = {}
        for name, item in value.items():
            if isinstance(name, str):
                found[name] = self.of.check(checker, item, (*at, name), self.each.format(name))
            else:
                misfit(checker, at, name, f"each name in {what}", "text")
        if len(found) == len(value) and all(found[name] is value[name] for name in found):
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
    shown: str = field(init=False, default=Factory(lambda self: repr(self.name), takes_self=True))

    def schema(self, describe: Describe) -> Json:
        """Return the JSON Schema of the value, with what the key says."""
        return {**describe(self.kind), **({"description": self.about} if self.about else {})}


Finish: TypeAlias = Callable[[NodeReader, dict[str, Any], MappingNode], Any]
"""Makes a record of its attributes; the node is the mapping that they were read from."""


@frozen
class Shape:
    """What a record is called and which keys it has.

    Attributes:
        noun: What it is called in messages.
        record: The class of the record.
        keys: Its keys.
        finish: Makes the record of its attributes; None for the class itself. It returns None
            when too little of it could be read.
        short: The key whose value alone may stand for the whole record; empty for none.
        rest: The attribute that takes the plain values under all other keys; empty for none.
        others: Attributes that a file says in another way than under a key.
    """

    noun: str
    record: type
    keys: tuple[Key, ...]
    finish: Finish | None = None
    short: str = ""
    rest: str = ""
    others: tuple[Key, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, Key]:
        """The keys by what stands in a file."""
        return {key.name: key for key in self.keys}

    @cached_property
    def attributes(self) -> tuple[Key, ...]:
        """What a record built in Python is checked by."""
        return (*self.keys, *self.others)

    @cached_property
    def unset(self) -> Mapping[str, Any]:
        """What attributes without a default have until they are read."""
        known = fields_dict(self.record)
        keys = [key for key in self.keys if key.attribute in known]
        return {k.attribute: k.kind.empty for k in keys if known[k.attribute].default is NOTHING}

    def called(self, name: str = "") -> str:
        """Return what a message calls a record of this shape."""
        return f"the {self.noun} {name!r}" if name else f"{_article(self.noun)} {self.noun}"

    def values(self, reader: NodeReader, node: Node, name: str = "") -> dict[str, Any]:
        """Return the attributes that a node says, after checking which keys there are."""
        found = node
        if not isinstance(found, MappingNode):
            found = reader.mapping(node, self.called(name))
        values = dict(self.unset)
        has_unknown = False
        for written, value in found.items():
            key = self.by_name.get(written)
            if key is not None:
                values[key.attribute] = key.kind.read(reader, value, key.shown)
                continue
            if self.rest:
                values.setdefault(self.rest, {})[written] = reader.plain(value)
                continue
            has_unknown = True
            at, what = found.keys[written], self.called(name)
            reader.problem("F101", at, "unknown", self._meant(written), what=what, key=written)
        missing = [k.name for k in self.keys if k.is_required and k.name not in found.values]
        if missing and not has_unknown and (found is node or is_nothing(node)):
            reader.problem("F102", node, "missing", what=self.called(name), key=missing[0])
        return values

    def _meant(self, name: str) -> Suggestion:
        """Return what finds the key that was meant, or else lists the keys there are."""

        def find() -> dict[str, Any]:
            guess = nearest(name, self.by_name)
            return {"guess": guess} if guess else {"known": tuple(self.by_name)}

        return find

    def read(
        self, reader: NodeReader, node: Node, name: str = "", key: ScalarNode | None = None
    ) -> Any:
        """Return the record that a node says; None when too little of it could be read.

        A record that stands under a name has that, and the node of the name as its `key`.
        """
        if self.short and isinstance(node, ScalarNode):
            short = self.by_name[self.short]
            what = f"the {self.short} of {name!r}"
            values = {**self.unset, short.attribute: short.kind.read(reader, node, what)}
        else:
            values = self.values(reader, node, name)
        values["position"] = reader.position(node, key)
        if name:
            values["name"] = name
        if self.finish is None:
            return self.record(**values)
        return self.finish(reader, values, node if isinstance(node, MappingNode) else _NO_KEYS)

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


_NO_KEYS = MappingNode(1, 1)


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def check_keys(checker: RecordChecker, keys: tuple[Key, ...], record: Any) -> Any:
    """Return a record with what does not fit under its keys reported and left out.

    None comes back when that was something without which the record says nothing.
    """
    changes, is_lost = {}, False
    for key in keys:
        value = getattr(record, key.attribute)
        if value is not key.kind.empty:
            kept = key.kind.check(checker, value, (key.name,), key.shown)
            if kept is not value:
                changes[key.attribute] = kept
                is_lost |= key.is_required and kept == key.kind.empty
    if is_lost:
        return None
    return evolve(record, **changes) if changes else record


@frozen(kw_only=True)
class RecordKind(ValueKind):
    """A record, as an item of a list or under its name.

    Attributes:
        shape: Returns its shape; records can be parts of their like.
        code: The code under which something else in its place is reported.
    """

    shape: Callable[[], Shape]
    code: str = "F103"

    def read(self, reader: NodeReader, node: Node, what: str) -> Any:  # noqa: ARG002
        """Return the record of a node; None when too little of it could be read."""
        return self.shape().read(reader, node)

    def check(self, checker: RecordChecker, value: Any, at: Steps, what: str) -> Any:
        """Return a record that was built in Python, with what does not fit left out."""
        shape = self.shape()
        if not isinstance(value, shape.record):
            misfit(checker, at, value, what, shape.called(), code=self.code)
            return None
        number = at[-1] + 1 if at and isinstance(at[-1], int) else ""
        name = value.name if hasattr(value, "name") else getattr(value, "label", number)
        here = checker.inside(value, shape.noun, name)
        return check_keys(here, shape.attributes, value)

    def schema(self, describe: Describe) -> Json:
        """Return the JSON Schema of the record."""
        return self.shape().schema(describe)


@frozen(kw_only=True)
class NamedRecordsKind(MappingKind):
    """Records under their names.

    Attributes:
        of: The kind of the records.
        is_ordered: Whether the attribute is a tuple of the records, not a mapping.
    """

    of: RecordKind
    is_ordered: bool = False

    def read(self, reader: NodeReader, node: Node, what: str) -> Any:
        """Return the records of a node."""
        found = MappingKind.read(self, reader, node, what)
        return tuple(found.values()) if self.is_ordered else found

    def read_one(self, reader: NodeReader, name: str, node: Node, key: ScalarNode) -> Any:
        """Return the record that stands under one name."""
        return self.of.shape().read(reader, node, name, key)

    def check(self, checker: RecordChecker, value: Any, at: Steps, what: str) -> Any:
        """Return the records of a record's attribute, without what is none."""
        if self.is_ordered:
            return ListKind(of=self.of).check(checker, value, at, what)
        return MappingKind.check(self, checker, value, at, what)
