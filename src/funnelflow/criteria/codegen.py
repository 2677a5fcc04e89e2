"""From the typed tree to Python source, compiled once.

Every condition is written in the polarity in which it is asked: as a Python expression
that is True exactly where the condition is true, or exactly where it is false. So the
usual ``contact.budget >= 5000`` becomes

    (v1 := f.get('budget')) is not None and v1 >= 5000

and nothing three-valued is computed unless a value is asked for. Each part of the tree is
written once, so the code grows with the tree; the functions it calls are total, so it
never raises.

The code reads ``f``, the fields of the contact, ``e``, the facts of the event, and
``now``.
"""

from collections.abc import Callable
from typing import Any, Final

from attrs import define, field

from funnelflow.criteria import evaluate as arithmetic
from funnelflow.criteria import tree
from funnelflow.criteria.functions import function_of
from funnelflow.criteria.tree import Node, children
from funnelflow.criteria.value_forms import INTEGER, NUMBER, Scalar, Value

_TESTS: Final = {"startsWith": "{0}.startswith({1})", "endsWith": "{0}.endswith({1})"}
_CONTAINS: Final = "{1} in {0}"
_SET_FROM: Final = 5
"""From so many constants on, a set is faster to look into than a tuple."""


def compile_function(
    name: str, parameters: str, body: str, names: dict[str, Any]
) -> Callable[..., Any]:
    """Compile one function of one expression; `names` are its globals."""
    space: dict[str, Any] = {"__builtins__": {}, **names}
    source = f"def {name}({parameters}):\n    return {body}\n"
    exec(compile(source, f"<criterion {name}>", "exec"), space)  # noqa: S102  # written here
    function: Callable[..., Any] = space[name]
    return function


def compile_value(node: Any) -> Callable[..., Any]:
    """Return the function (contact fields, event facts, now) for the value of a node."""
    writer = Writer()
    return compile_function("value", "f, e, now", writer.value(node), writer.names)


@define
class Writer:
    """Writes the code of expressions that share one function; `names` are what it refers to."""

    names: dict[str, Any] = field(factory=dict)
    _variables: int = 0

    def bind(self, prefix: str, value: Any) -> str:
        """Return a name under which the code finds an object."""
        name = f"{prefix}{len(self.names)}"
        self.names[name] = value
        return name

    def true_if(self, node: Node) -> str:
        """Write a bool that is True exactly where the condition is true."""
        return self._condition(node, wanted=True)

    def value(self, node: Node) -> str:  # noqa: C901, PLR0911, PLR0912  # one case a node
        """Write the value of a node: None where it is unknown."""
        match node:
            case tree.Constant():
                return self._constant(node.value)
            case tree.Read():
                return f"{_facts(node)}.get({node.field.name!r})"
            case tree.Now():
                return "now"
            case tree.Has():
                return self.true_if(node)
            case tree.Not():
                name, code = self._kept(node.item)
                return f"(not {name} if {code} is not None else None)"
            case tree.And():
                return self._calling(arithmetic.all_of, node.items)
            case tree.Or():
                return self._calling(arithmetic.any_of, node.items)
            case tree.Conditional():
                return self._choice(node, self.value, "None")
            case tree.Compare() | tree.In() | tree.TextTest():
                guards, test = self._test(node)
                return f"({test} if {' and '.join(guards)} else None)" if guards else f"({test})"
            case tree.Arithmetic():
                function = arithmetic.operation(node.operator, node.type, node.left.type)
                return self._calling(function, (node.left, node.right))
            case tree.Negate():
                whole = node.type == INTEGER
                negated = arithmetic.negated_integer if whole else arithmetic.negated_number
                return self._calling(negated, (node.item,))
            case tree.Apply():
                convert = function_of(node.function, node.item.type, node.zone)
                return self._calling(convert, (node.item,))
            case tree.Size():
                return self._calling(arithmetic.size_of, (node.item,))
            case tree.ListOf():
                return self._calling(arithmetic.list_made, node.items)
            case tree.Item():
                return f"item_{node.name}"
            case tree.Quantified():
                macro = self.bind("call", arithmetic.MACROS[node.macro])
                test = f"lambda item_{node.name}: {self.value(node.test)}"
                return f"{macro}({self.value(node.items)}, {test})"
            case tree.Widen():
                return self._calling(arithmetic.widened, (node.item,))

    def _condition(  # noqa: PLR0911  # one a kind of node
        self, node: Node, *, wanted: bool
    ) -> str:
        """Write a condition in one polarity."""
        match node:
            case tree.Constant():
                return str(node.value is wanted)
            case tree.Has():
                return f"({_facts(node)}.get({node.field.name!r}) is {'not ' * wanted}None)"
            case tree.Not():
                return self._condition(node.item, wanted=not wanted)
            case tree.And() | tree.Or():
                joint = " and " if isinstance(node, tree.And) == wanted else " or "
                items = [self._condition(item, wanted=wanted) for item in node.items]
                return f"({joint.join(items)})"
            case tree.Conditional():
                return self._choice(node, lambda one: self._condition(one, wanted=wanted), "False")
            case tree.Compare() | tree.In() | tree.TextTest():
                guards, test = self._test(node)
                return f"({' and '.join([*guards, test if wanted else f'not {test}'])})"
            case _:
                return f"({self.value(node)} is {wanted})"

    def _choice(self, node: tree.Conditional, write: Callable[[Node], str], unknown: str) -> str:
        """Write one branch or the other."""
        if is_known(node.test):
            test = self.true_if(node.test)
            return f"({write(node.then)} if {test} else {write(node.other)})"
        name, code = self._kept(node.test)
        branches = f"{write(node.then)} if {name} else {write(node.other)}"
        return f"(({branches}) if {code} is not None else {unknown})"

    def _test(self, node: tree.Compare | tree.In | tree.TextTest) -> tuple[list[str], str]:
        """Write a test and what must hold for it to be known."""
        if isinstance(node, tree.In):
            return self._membership(node)
        pair = (node.left, node.right) if isinstance(node, tree.Compare) else (node.text, node.part)
        guards, names = self._operands(pair)
        if isinstance(node, tree.TextTest):
            return guards, _TESTS.get(node.test, _CONTAINS).format(*names)
        if node.left.type.is_list:
            equal = self.bind("equal", arithmetic.equal_lists)
            return guards, f"{equal}({names[0]}, {names[1]}) is {node.operator == '=='}"
        left = self._beside(node.left, names[0], node.right)
        return guards, f"{left} {node.operator} {self._beside(node.right, names[1], node.left)}"

    def _beside(self, node: Node, name: str, other: Node) -> str:
        """Write an operand of a comparison: an integer beside a number becomes one, as in CEL."""
        if node.type != INTEGER or other.type != NUMBER:
            return name
        if isinstance(node, tree.Constant) and isinstance(node.value, int):
            return self._constant(float(node.value))
        if isinstance(other, tree.Constant) and _is_exact(other.value):
            return name
        return f"{self.bind('real', float)}({name})"

    def _membership(self, node: tree.In) -> tuple[list[str], str]:
        """Write the look for a value in a list."""
        if isinstance(node.items, tree.Constant):
            guards, names = self._operands((node.item,))
            return guards, self._among(node.item, names[0], node.items)
        guards, names = self._operands((node.item, node.items))
        if NUMBER in (node.item.type, node.items.type.item):
            return guards, f"{self.bind('contained', arithmetic.contained)}({names[0]}, {names[1]})"
        return guards, f"{names[0]} in {names[1]}"

    def _among(self, item: Node, name: str, node: tree.Constant) -> str:
        """Write the look for a value among constants."""
        values = node.value
        assert isinstance(values, tuple)
        if item.type == NUMBER:
            values = tuple([float(value) for value in values if isinstance(value, int | float)])
        elif item.type == INTEGER and not all(map(_is_exact, values)):
            contained = self.bind("contained", arithmetic.contained)
            return f"{contained}({name}, {self._constant(values)})"
        return f"{name} in {self._members(values)}"

    def _members(self, values: tuple[Scalar, ...]) -> str:
        """Write constants so that looking into them is fast."""
        plain = all(isinstance(value, str | int | float) for value in values)
        if plain and len(values) >= _SET_FROM:
            return f"{{{', '.join(map(repr, values))}}}"
        return self._constant(values)

    def _operands(self, nodes: tuple[Node, ...]) -> tuple[list[str], list[str]]:
        """Write operands: what must hold for them to be known, and what to call them."""
        guards, names = [], []
        for node in nodes:
            if is_known(node):
                names.append(self.value(node))
            else:
                name, code = self._kept(node)
                guards.append(f"{code} is not None")
                names.append(name)
        return guards, names

    def _kept(self, node: Node) -> tuple[str, str]:
        """Write a value that is kept in a variable: its name, and the code that fills it."""
        code = self.value(node)
        self._variables += 1
        name = f"v{self._variables}"
        return name, f"({name} := {code})"

    def _calling(self, function: Callable[..., Any], nodes: tuple[Node, ...]) -> str:
        """Write a call of a function with the values of nodes."""
        name = self.bind("call", function)
        return f"{name}({', '.join([self.value(node) for node in nodes])})"

    def _constant(self, value: Value) -> str:
        """Write a constant: as it is where Python reads it the same, by a name otherwise."""
        if isinstance(value, bool | str):
            return repr(value)
        if isinstance(value, int | float):
            return repr(value) if value >= 0 else f"({value!r})"
        if isinstance(value, tuple) and all(isinstance(item, str | int | float) for item in value):
            return repr(value)
        return self.bind("constant", value)


def _is_exact(value: Value) -> bool:
    """Whether comparing an integer with a constant is the same in Python and in CEL."""
    return isinstance(value, int) or (isinstance(value, float) and abs(value) < arithmetic.EXACT)


def is_known(node: Node) -> bool:
    """Whether a node has a value whatever the facts are."""
    unsure = tree.Read | tree.Conditional | tree.Arithmetic | tree.Negate | tree.Widen | tree.Apply
    return not isinstance(node, unsure) and all(map(is_known, children(node)))


def _facts(node: tree.Read | tree.Has) -> str:
    """Write where a field is read from."""
    return "f" if node.root == "contact" else "e"
