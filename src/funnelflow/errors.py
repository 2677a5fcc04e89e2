"""Every error that funnelflow raises on purpose, in one tree.

* Error: the root; ``except Error`` catches all of them.
    * UsageError: the request cannot be understood or carried out as asked (exit 2).
        * UnknownNameError: a name that nothing carries, with the nearest one.
            * UnknownContactError: nobody is known by an id (HTTP 404).
        * ConfigurationError: the workspace or its settings are not usable.
    * FieldError: a fact that is not a value of its field (exit 2).
    * CriterionError: an expression that does not compile, with its positions (exit 2).
    * DefinitionError: a definition with problems, every one of them listed (exit 2).
    * RefusedError: the answer is no, and everything is well (exit 1).
    * StoreError: the database cannot do what was asked (exit 2).
        * ConflictError: somebody else changed the same thing meanwhile (exit 1).

Errors of one package stand in it, carry data of their own and derive from the classes here, so
that one handler at the top can show them all: a message, what to do next, an exit code, an HTTP
status, and the same as JSON.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar


class Error(Exception):
    """Something a person has to know, said so that they know what to do next.

    Args:
        message: What is wrong, one sentence or a few lines.
        hint: The next step; empty when there is none to give.
        local_hint: The next step for whoever sits at the machine of the workspace, if it is
            another one; it may name contacts that the error is not about.

    Attributes:
        code: The kind of error, as programs know it.
        exit_code: What the command line exits with.
        http_status: What a web service answers with.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 2
    http_status: ClassVar[int] = 400

    def __init__(self, message: str, *, hint: str = "", local_hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.local_hint = local_hint or hint

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as what it holds, whatever its kind is made of."""
        return _rebuilt, (type(self), self.args, self.__dict__)

    def to_json(self) -> dict[str, Any]:
        """Return the error as data: ``code``, ``message``, ``hint``, and what its kind adds.

        It names no contact but the one that was asked for.
        """
        return {"code": self.code, "message": self.message, "hint": self.hint}


def _rebuilt(kind: type[Error], arguments: tuple[Any, ...], state: dict[str, Any]) -> Error:
    """Return an error as it was before it was pickled."""
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(state)
    return error


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
        local_hint: As `Error` has it.
    """

    code = "unknown_name"

    def __init__(
        self,
        kind: str,
        name: str,
        known: Iterable[str] = (),
        *,
        hint: str = "",
        local_hint: str = "",
    ) -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(known)
        guess = nearest(name, self.known)
        noun, space, where = kind.partition(" in ")
        super().__init__(
            f"there is no {noun} {name!r}{space}{where}",
            hint=hint or (f"did you mean {guess!r}?" if guess else _listed(kind, self.known)),
            local_hint=local_hint,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the error as data, with what was named and how."""
        return {**super().to_json(), "kind": self.kind, "name": self.name}


class UnknownContactError(UnknownNameError):
    """Nobody is known by an id.

    Args:
        contact_id: The id.
        hint: What adds it.
        local_hint: As `Error` has it.
    """

    http_status = 404

    def __init__(self, contact_id: str, *, hint: str = "", local_hint: str = "") -> None:
        super().__init__("contact", contact_id, hint=hint, local_hint=local_hint)


class ConfigurationError(UsageError):
    """The workspace or its settings are not usable.

    Args:
        reason: What is wrong.
        hint: The next step.
        local_hint: As `Error` has it.
        path: The file that says it, if it is one.
        line: The line there, from 1; 0 if none is known.
        column: The column there, from 1; 0 if none is known.
    """

    code = "configuration"
    http_status = 500

    def __init__(  # a place has three parts
        self,
        reason: str,
        *,
        hint: str = "",
        local_hint: str = "",
        path: Path | None = None,
        line: int = 0,
        column: int = 0,
    ) -> None:
        self.reason = reason
        self.path = path
        self.line = line
        self.column = column
        place = ":".join(str(part) for part in (path, line, column) if part)
        message = f"{place}: {reason}" if place else reason
        super().__init__(message, hint=hint, local_hint=local_hint)


class FieldError(Error):
    """A fact that is not a value of its field.

    Args:
        message: What is wrong.
        hint: The next step.
        field: The field, as far as it is known where the value is read.
    """

    code = "field"
    http_status = 422

    def __init__(self, message: str, *, hint: str = "", field: str = "") -> None:
        self.field = field
        super().__init__(message, hint=hint)

    def to_json(self) -> dict[str, Any]:
        """Return the error as data, with its field."""
        return {**super().to_json(), "field": self.field}


class RefusedError(Error):
    """The answer is no: a move was refused, a check failed."""

    code = "refused"
    exit_code = 1
    http_status = 409


class StoreError(Error):
    """The database cannot do what was asked."""

    code = "store"
    http_status = 503


class ConflictError(StoreError):
    """Somebody else changed the same thing meanwhile, or said something else under the same key."""

    code = "conflict"
    exit_code = 1
    http_status = 409


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like `name`, or None when nothing is like it."""
    lowered = {candidate.lower(): candidate for candidate in known}
    import difflib  # noqa: PLC0415  # only what is misspelt needs it

    found = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def _listed(kind: str, known: tuple[str, ...]) -> str:
    """Return which names there are, as far as a line has room for."""
    if not known:
        return ""
    shown = ", ".join(known[:8]) + (", …" if len(known) > 8 else "")  # noqa: PLR2004
    noun, space, where = kind.partition(" in ")
    return f"known {noun}s{space}{where}: {shown}"


_IN_URL = re.compile(r"(?<=://)([^:@/?]*):.*@", re.DOTALL)
_IN_QUERY = re.compile(r"(?<=[?&])([^=&]*)=[^&]*")
_IN_DSN = re.compile(r"(?i)\b(\w*pass\w*)\s*=\s*('(?:[^'\\]|\\.)*'|[^\s&]*)")


def without_passwords(text: str) -> str:
    """Return the URL of a database, or the like, without the passwords in it.

    A password may hold what ends it elsewhere: all up to the last ``@`` is left out.
    """
    from urllib.parse import unquote  # noqa: PLC0415  # not every error needs it

    text = _IN_QUERY.sub(
        lambda found: f"{found[1]}=***" if "pass" in unquote(found[1]).lower() else found[0], text
    )
    text = _IN_URL.sub(lambda found: f"{found[1]}:***@", text)
    return _IN_DSN.sub(lambda found: f"{found[1]}=***", text)
