"""Who was erased: known again by keyed hashes, so that nobody brings them back by mistake.

A hash is an HMAC-SHA256 over an id or an idempotency key. Its secret is in a file beside
``funnelflow.toml`` and not in the database: whoever has a copy of the database alone cannot find
out by trying who was in it. Whoever has both can, so the hashes are pseudonymous data. Where the
file is missing nobody can tell who was erased, and nobody is added until it is back.
"""

import hmac
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from sqlalchemy import Connection, delete, insert, select

from funnelflow.errors import StoreError
from funnelflow.storage.changes import Erasure, Name
from funnelflow.storage.row_format import SEPARATOR, checksum
from funnelflow.storage.tables import erased

KEY_FILE: Final = "erased.key"
ERASED: Final = "erased"
"""The event of a row of evidence whose content was erased."""

EMPTY: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("at", "actor", "recorder", "roles", "to_stage", "reason", "about"), ""),
    **dict.fromkeys(("vetoes", "answers"), ""),
    "key": None,
    "event": ERASED,
    "force": 0,
    "asserted": 0,
}
"""What a row of evidence holds then, but for the commitment in its facts."""

_SECRET = 32
_MARK = 16
_SOME = 500
_COLUMNS = [column.name for column in erased.c]


@frozen
class ErasedNames:
    """Finds out who was erased.

    Attributes:
        directory: The workspace, in which the secret is.
    """

    directory: Path

    @property
    def path(self) -> Path:
        """The file of the secret."""
        return self.directory / KEY_FILE

    def find(self, connection: Connection, names: Iterable[Name]) -> dict[Name, Erasure]:
        """Return which of some names are those of contacts that were erased.

        Raises:
            StoreError: Somebody was erased, and the secret is not the one of then.
        """
        used = connection.execute(select(erased.c.secret).limit(1)).scalar()
        if used is None:
            return {}
        secret = self._read()
        if secret is None or _mark(secret) != used:
            raise self._lost(is_there=secret is not None)
        found: dict[Name, Erasure] = {}
        hashes = {_hash(secret, name): name for name in names}
        asked = list(hashes)
        for some in (asked[i : i + _SOME] for i in range(0, len(asked), _SOME)):
            wanted = select(erased.c.hash, erased.c.contact, erased.c.erased_at)
            for row in connection.execute(wanted.where(erased.c.hash.in_(some))):
                found[hashes[row.hash]] = Erasure(row.contact, row.erased_at)
        return found

    def add(self, connection: Connection, names: Mapping[Name, Erasure]) -> None:
        """Keep the hashes of the names of contacts that are erased.

        Raises:
            StoreError: Somebody was erased before, and the secret is not the one of then; or it
                cannot be written.
        """
        self.find(connection, ())
        secret = self._read() or self._make()
        mark = _mark(secret)
        rows = []
        for name, (contact, at) in names.items():
            columns = (_hash(secret, name), contact, at, mark)
            rows.append(dict(zip(_COLUMNS, (*columns, checksum(*columns)), strict=True)))
        for row in rows:
            connection.execute(delete(erased).where(erased.c.hash == row["hash"]))
        if rows:
            connection.execute(insert(erased), rows)

    def _read(self) -> bytes | None:
        """Return the secret; None where there is none."""
        try:
            secret = bytes.fromhex(self.path.read_text("ascii").strip())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StoreError(
                f"{self.path}, by which those who were erased are known again, cannot be read: "
                f"{getattr(error, 'strerror', None) or 'it is not as it was written'}",
                hint="put it back from a backup",
            ) from None
        return secret or None

    def _make(self) -> bytes:
        """Make the secret; where others make one at the same time, there is one."""
        secret = secrets.token_bytes(_SECRET)
        draft = self.path.with_name(f"{KEY_FILE}.{secrets.token_hex(4)}")
        try:
            number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(number, "w", encoding="ascii") as file:
                file.write(f"{secret.hex()}\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(draft, self.path)
            draft.unlink()
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be written: {error.strerror or error}",
                hint="the secret by which those who were erased are known again goes there",
            ) from error
        return self._read() or secret

    def _lost(self, *, is_there: bool) -> StoreError:
        state = "is another one" if is_there else "is missing"
        return StoreError(
            f"people were erased here, and the secret by which they are known again {state}: "
            f"{self.path}",
            hint="put the file back, from a backup or from the workspace in which they were erased",
        )


def readmit(connection: Connection, contacts: Iterable[int]) -> None:
    """Forget that contacts were erased."""
    for number in contacts:
        connection.execute(delete(erased).where(erased.c.contact == number))


def unsound_rows(connection: Connection) -> Iterator[str]:
    """Yield the hashes of rows about erased contacts that have been altered."""
    for row in connection.execute(select(erased).order_by(erased.c.hash)):
        if row.checksum != checksum(row.hash, row.contact, row.erased_at, row.secret):
            yield str(row.hash)


def _hash(secret: bytes, name: Name) -> str:
    return hmac.digest(secret, SEPARATOR.join(name).encode(), "sha256").hex()


def _mark(secret: bytes) -> str:
    """Return what tells one secret from another, and nothing more of it."""
    return hmac.digest(secret, b"funnelflow", "sha256").hex()[:_MARK]
