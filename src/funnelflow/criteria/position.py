"""Where something was written: a file, a line and a column."""

from attrs import frozen

__all__ = ["Position"]


@frozen(order=True)
class Position:
    """A place in a file.

    Attributes:
        path: The file as it was named; empty for text that came from no file.
        line: Counts from 1.
        column: Counts characters from 1.
    """

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        """Write the place as editors and compilers do: ``path:line:column``."""
        return f"{self.path}:{self.line}:{self.column}"
