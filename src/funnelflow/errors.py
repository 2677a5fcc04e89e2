"""Every error that funnelflow raises on purpose, in one tree.

* Error: the root; ``except Error`` catches all of them.
    * UsageError: the request cannot be understood or carried out as asked (exit 2).
        * UnknownNameError: a name that nothing carries, with the nearest one.
        * ConfigurationError: the workspace or its settings are not usable.
    * FieldError: a fact that is not a value of its field (exit 2).
    * CriterionError: an expression that does not compile, with its positions (exit 2).
    * DefinitionError: a definition with problems, every one of them listed (exit 2).
    * RefusedError: the answer is no, and everything is well (exit 1).
    * StoreError: the database cannot do what was asked (exit 2).
        * ConflictError: somebody else changed the same thing meanwhile (exit 1).

The subclasses that belong to one room carry data of that room; they are raised there
and derive from the classes here, so that one handler at the top can show them all:
a message, what to do next, an exit code, and the same as JSON.
"""

import difflib
from collections.abc import Iterable
from typing import Any, ClassVar


class Error(Exception):
    """Something a person has to know, said so that they know what to do next.

    Attributes:
        message: What is wrong, one sentence or a few lines.
        hint: The next step; empty when there is none to give.
        exit_code: What the command line exits with.
    """

    exit_code: ClassVar[int] = 2
    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def to_json(self) -> dict[str, Any]:
        """Give the error as data: ``code``, ``message`` and ``hint``."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class UsageError(Error):
    """The request cannot be understood or carried out as asked."""

    code = "usage"


class UnknownNameError(UsageError):
    """A name that nothing carries.

    Args:
        kind: What was named, in a word of the vocabulary ("stage", "event", "field").
        name: The name as given.
        known: The names that exist; the nearest becomes the hint.
        hint: Another next step, where the nearest name is not the point.
    """

    code = "unknown_name"

    def __init__(self, kind: str, name: str, known: Iterable[str] = (), *, hint: str = "") -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(known)
        guess = nearest(name, self.known)
        noun, space, where = kind.partition(" in ")
        super().__init__(
            f"there is no {noun} {name!r}{space}{where}",
            hint=hint or (f"did you mean {guess!r}?" if guess else _listed(kind, self.known)),
        )


class ConfigurationError(UsageError):
    """The workspace or its settings are not usable."""

    code = "configuration"


class FieldError(Error):
    """A fact that is not a value of its field."""

    code = "field"


class RefusedError(Error):
    """The answer is no: a move was refused, a check failed."""

    code = "refused"
    exit_code = 1


class StoreError(Error):
    """The database cannot do what was asked."""

    code = "store"


class ConflictError(StoreError):
    """Somebody else changed the same thing meanwhile, or said something else under the same key."""

    code = "conflict"
    exit_code = 1


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Give the known name that is most like `name`, or None when nothing is like it."""
    lowered = {candidate.lower(): candidate for candidate in known}
    found = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def _listed(kind: str, known: tuple[str, ...]) -> str:
    """Say which names there are, as far as a line has room for."""
    if not known:
        return ""
    shown = ", ".join(known[:8]) + (", …" if len(known) > 8 else "")  # noqa: PLR2004
    noun, space, where = kind.partition(" in ")
    return f"known {noun}s{space}{where}: {shown}"
