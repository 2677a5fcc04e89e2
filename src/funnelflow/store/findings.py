"""What a verification says: where the database disagrees with itself."""

from typing import Literal, TypeAlias

from attrs import field, frozen

__all__ = ["Finding", "Verification"]

Kind: TypeAlias = Literal["database", "definition", "funnel", "import", "contact", "history"]

SHOWN = 100


def _encodable(text: str) -> str:
    """Spell out bytes that are no text, so that they can be printed."""
    return text.encode("utf-8", "backslashreplace").decode()


@frozen
class Finding:
    """One thing that is not as it was written, or not what the evidence gives.

    It names columns and stages, never what a column says about a person.

    Attributes:
        kind: What is concerned.
        name: Which one: a contact's id for ``contact`` and ``history``.
        sequence: The row of the contact's history; 0 where it is none.
        what: What is wrong, in words.
        hint: What to do about it, where that is something else than to restore a backup.
    """

    kind: Kind
    name: str = field(converter=_encodable)
    sequence: int
    what: str = field(converter=_encodable)
    hint: str = ""

    def __str__(self) -> str:
        """Say it in one line."""
        where = f"{self.kind} {self.name}".rstrip()
        return (
            f"{where}, row {self.sequence}: {self.what}"
            if self.sequence
            else (f"{where}: {self.what}")
        )


@frozen
class Verification:
    """What came of verifying a workspace.

    Attributes:
        contacts: How many contacts were folded again.
        rows: How many rows of the history were checked.
        problems: How many findings there were.
        findings: The first hundred of them; `Workspace.verify` hands out every one.
    """

    contacts: int = 0
    rows: int = 0
    problems: int = 0
    findings: tuple[Finding, ...] = field(default=(), repr=False)

    @property
    def is_sound(self) -> bool:
        """Tell whether everything agrees."""
        return self.problems == 0
