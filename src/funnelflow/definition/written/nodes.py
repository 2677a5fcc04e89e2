"""What YAML text consists of: scalars, sequences and mappings, each knowing where it stands.

Lines and columns count from 1, columns in characters, as `Position` does. These are read a
hundred thousand at a time, so they are bare slotted classes.
"""

from typing import TYPE_CHECKING, TypeAlias

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import ItemsView

__all__ = ["Mapping", "Node", "Scalar", "Sequence"]


@define(eq=False)
class Scalar:
    """A piece of text; `style` is the quote or block mark it is written with, empty if plain.

    `raw` is what stands in the file, kept only where it differs from `text` in more than the
    quotes around it, so that a place inside `text` can be found in the file. `comment` is the
    column of a ``#`` that follows in the same line, 0 if none does.
    """

    text: str
    style: str
    line: int
    column: int
    end_line: int
    end_column: int
    raw: str = ""
    comment: int = 0

    @property
    def is_plain(self) -> bool:
        """Tell whether YAML's rules may read it as another kind of value than text."""
        return not self.style


@define(eq=False)
class Sequence:
    """A list of nodes."""

    line: int
    column: int
    items: "list[Node]" = field(factory=list)
    end_line: int = 0
    end_column: int = 0


@define(eq=False)
class Mapping:
    """Keys with their nodes, in order; `keys` has the node of each key."""

    line: int
    column: int
    values: "dict[str, Node]" = field(factory=dict)
    keys: dict[str, Scalar] = field(factory=dict)
    end_line: int = 0
    end_column: int = 0

    def items(self) -> "ItemsView[str, Node]":
        """Give each key with its node."""
        return self.values.items()


Node: TypeAlias = Scalar | Sequence | Mapping
