"""What was written: the syntax tree, before names and types are known."""

from typing import TypeAlias

from attrs import frozen

__all__ = [
    "Binary",
    "Call",
    "Choice",
    "Index",
    "ListSyntax",
    "Literal",
    "Logic",
    "Name",
    "Select",
    "Syntax",
    "Unary",
]


@frozen
class _Place:
    """Where a node stands in the source, and how deep the tree below it is."""

    start: int
    end: int
    depth: int


@frozen
class Literal(_Place):
    """A number, a text, or a truth value; None where what is written is reported as none."""

    value: bool | int | float | str | None


@frozen
class Name(_Place):
    """A name that nothing stands before."""

    name: str


@frozen
class Select(_Place):
    """A selection: ``of.name``."""

    of: "Syntax"
    name: str


@frozen
class Index(_Place):
    """A pick: ``of[item]``."""

    of: "Syntax"
    item: "Syntax"


@frozen
class Call(_Place):
    """``name(arguments)`` or, with a receiver, ``of.name(arguments)``."""

    of: "Syntax | None"
    name: str
    arguments: tuple["Syntax", ...]
    name_start: int


@frozen
class Unary(_Place):
    """``!of`` or ``-of``."""

    operator: str
    of: "Syntax"


@frozen
class Binary(_Place):
    """A comparison or an arithmetical operation."""

    operator: str
    left: "Syntax"
    right: "Syntax"


@frozen
class Logic(_Place):
    """Two or more operands joined by ``&&``, or by ``||``."""

    operator: str
    items: tuple["Syntax", ...]


@frozen
class Choice(_Place):
    """One or the other: ``test ? then : other``."""

    test: "Syntax"
    then: "Syntax"
    other: "Syntax"


@frozen
class ListSyntax(_Place):
    """A list: ``[a, b]``."""

    items: tuple["Syntax", ...]


Syntax: TypeAlias = (
    Literal | Name | Select | Index | Call | Unary | Binary | Logic | Choice | ListSyntax
)
