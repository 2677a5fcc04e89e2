"""Trees of an expression: what was written, and what it means.

The parser gives the one, the type check makes the other of it, from which everything else is
made. Nodes that mean something are equal where they mean the same, wherever they stand.
"""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, TypeAlias

from attrs import field, fields_dict, frozen

from funnelflow.criteria.fields import Field
from funnelflow.criteria.value_forms import BOOLEAN, INTEGER, TIMESTAMP, Type, Value


@frozen(repr=False)
class _Shown:
    """Shows a node with all that it has.

    One method for all of them: every command loads them, and attrs would compile one for each.
    """

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in fields_dict(type(self)))
        return f"{type(self).__name__}({', '.join(shown)})"


@frozen(repr=False)
class _SyntaxNode(_Shown):
    """Where a node stands in the source, and how deep the tree below it is."""

    start: int
    end: int
    depth: int


@frozen(repr=False)
class Literal(_SyntaxNode):
    """A number, a text, or a truth value; None where what is written is reported as none."""

    value: bool | int | float | str | None


@frozen(repr=False)
class Name(_SyntaxNode):
    """A name that nothing stands before."""

    name: str


@frozen(repr=False)
class Select(_SyntaxNode):
    """A selection: ``of.name``."""

    of: "Syntax"
    name: str


@frozen(repr=False)
class Index(_SyntaxNode):
    """A pick: ``of[item]``."""

    of: "Syntax"
    item: "Syntax"


@frozen(repr=False)
class CallSyntax(_SyntaxNode):
    """``name(arguments)`` or, with a receiver, ``of.name(arguments)``."""

    of: "Syntax | None"
    name: str
    arguments: tuple["Syntax", ...]
    name_start: int


@frozen(repr=False)
class Unary(_SyntaxNode):
    """``!of`` or ``-of``."""

    operator: str
    of: "Syntax"


@frozen(repr=False)
class Binary(_SyntaxNode):
    """A comparison or an arithmetical operation."""

    operator: str
    left: "Syntax"
    right: "Syntax"


@frozen(repr=False)
class Logic(_SyntaxNode):
    """Two or more operands joined by ``&&``, or by ``||``."""

    operator: str
    items: tuple["Syntax", ...]


@frozen(repr=False)
class Choice(_SyntaxNode):
    """One or the other: ``test ? then : other``."""

    test: "Syntax"
    then: "Syntax"
    other: "Syntax"


@frozen(repr=False)
class ListSyntax(_SyntaxNode):
    """A list: ``[a, b]``."""

    items: tuple["Syntax", ...]


Syntax: TypeAlias = (
    Literal | Name | Select | Index | CallSyntax | Unary | Binary | Logic | Choice | ListSyntax
)


@frozen(repr=False)
class _Node(_Shown):
    """Where the node stands in the source."""

    start: int = field(eq=False)
    end: int = field(eq=False)

    @cached_property
    def value_of(self) -> Callable[..., Any]:
        """Return the function (contact fields, event facts, now) for its value, compiled once."""
        from funnelflow.criteria.codegen import compile_value  # noqa: PLC0415  # it reads trees

        return compile_value(self)


@frozen(repr=False)
class Constant(_Node):
    """A value that is written down."""

    value: Value = field(eq=repr)  # -0.0 is no 0.0 to divide by
    type: Type


@frozen(repr=False)
class Read(_Node):
    """The value of a field; unknown where there is none."""

    root: str
    field: Field

    @property
    def type(self) -> Type:
        """Return the type of the field."""
        return self.field.type


@frozen(repr=False)
class Now(_Node):
    """The time at which the question is asked."""

    type: Type = TIMESTAMP


@frozen(repr=False)
class Has(_Node):
    """Whether a field has a value; never unknown."""

    root: str
    field: Field
    type: Type = BOOLEAN


@frozen(repr=False)
class Not(_Node):
    """The contrary."""

    item: "Node"
    type: Type = BOOLEAN


@frozen(repr=False)
class And(_Node):
    """All of them; false as soon as one is false, whatever is unknown."""

    items: tuple["Node", ...]
    type: Type = BOOLEAN


@frozen(repr=False)
class Or(_Node):
    """Any of them; true as soon as one is true, whatever is unknown."""

    items: tuple["Node", ...]
    type: Type = BOOLEAN


@frozen(repr=False)
class Conditional(_Node):
    """One branch or the other; the one not taken does not matter."""

    test: "Node"
    then: "Node"
    other: "Node"
    type: Type


@frozen(repr=False)
class Compare(_Node):
    """Two values of types that compare."""

    operator: str
    left: "Node"
    right: "Node"
    type: Type = BOOLEAN


@frozen(repr=False)
class In(_Node):
    """Whether a value is among those of a list."""

    item: "Node"
    items: "Node"
    type: Type = BOOLEAN


@frozen(repr=False)
class Arithmetic(_Node):
    """``+ - * / %`` of numbers, times, texts and lists; unknown where CEL has an error."""

    operator: str
    left: "Node"
    right: "Node"
    type: Type


@frozen(repr=False)
class Negate(_Node):
    """A number with its sign turned."""

    item: "Node"
    type: Type


@frozen(repr=False)
class Size(_Node):
    """How many characters a text has, or items a list."""

    item: "Node"
    type: Type = INTEGER


@frozen(repr=False)
class TextTest(_Node):
    """``startsWith``, ``endsWith`` or ``contains``."""

    test: str
    text: "Node"
    part: "Node"
    type: Type = BOOLEAN


@frozen(repr=False)
class Apply(_Node):
    """A function of one value: a conversion, a text without capitals, a part of a time."""

    function: str
    item: "Node"
    type: Type
    zone: str = ""


@frozen(repr=False)
class ListOf(_Node):
    """A list, some item of which is no constant."""

    items: tuple["Node", ...]
    type: Type


@frozen(repr=False)
class Item(_Node):
    """The item of a list that a macro looks at, by the name that it has in its condition."""

    name: str
    type: Type


@frozen(repr=False)
class Quantified(_Node):
    """``exists``, ``all`` or ``exists_one``: for how many items of a list a condition holds."""

    macro: str
    name: str
    items: "Node"
    test: "Node"
    type: Type = BOOLEAN


@frozen(repr=False)
class Widen(_Node):
    """What is given, as the type that is wanted; at the very end only, as CEL does not convert."""

    item: "Node"
    type: Type


Node: TypeAlias = (
    Constant
    | Read
    | Now
    | Has
    | Not
    | And
    | Or
    | Conditional
    | Compare
    | In
    | Arithmetic
    | Negate
    | Size
    | TextTest
    | Apply
    | ListOf
    | Item
    | Quantified
    | Widen
)


def children(node: Node) -> tuple[Node, ...]:  # noqa: PLR0911  # one a kind
    """Return the nodes right below a node, in the order of the source."""
    match node:
        case Constant() | Read() | Now() | Has() | Item():
            return ()
        case Not() | Negate() | Size() | Apply() | Widen():
            return (node.item,)
        case And() | Or() | ListOf():
            return node.items
        case Conditional():
            return (node.test, node.then, node.other)
        case Compare() | Arithmetic():
            return (node.left, node.right)
        case In():
            return (node.item, node.items)
        case TextTest():
            return (node.text, node.part)
        case Quantified():
            return (node.items, node.test)


def names_fields(node: Node) -> bool:
    """Whether a node looks at any field; without, its value depends on ``now`` at most."""
    return any(isinstance(part, Read | Has) for part in walk(node))


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it, in the order of the source."""
    yield node
    for child in children(node):
        yield from walk(child)
