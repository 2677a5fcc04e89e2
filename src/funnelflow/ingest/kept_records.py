"""Records of other systems that could not be used: kept until the mapping is corrected.

Each is a file of its own under ``rejects/received/SOURCE`` in the workspace, readable by its owner
alone and named for its key, so that a delivery that comes again is kept once, several servers need
no lock, and one that is killed leaves whole files. It is on the disk before the sender is answered.
"""

import datetime as dt
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from funnelflow.errors import StoreError, UsageError

MOST: Final = 10_000
"""How many records are kept of one source; further ones are not taken."""

FOLDER: Final = Path("rejects") / "received"
_MARK: Final = "_rejected"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@frozen
class KeptRecord:
    """A record that could not be used.

    Attributes:
        id: What it is called.
        source: Who sent it.
        received: When it came.
        column: The member at fault, as a `Rejection` has it.
        reason: What is wrong.
        data: What it says.
        key: By what the sender knows it; empty for its content.
        number: Its number in the delivery, from 1.
    """

    id: str
    source: str
    received: dt.datetime
    column: str
    reason: str
    data: Mapping[str, Any]
    key: str = ""
    number: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return it as data: what it says is under ``data``."""
        return {
            "id": self.id,
            "source": self.source,
            "received": self.received.isoformat(),
            "column": self.column,
            "reason": self.reason,
            "data": dict(self.data),
        }


@frozen
class KeptRecords:
    """The records that are kept in a workspace.

    Attributes:
        directory: The workspace.
    """

    directory: Path

    def keep(self, records: Iterable[KeptRecord]) -> None:
        """Keep records; those of the same id are replaced.

        Raises:
            StoreError: They cannot be written, or too many are kept already.
        """
        for record in records:
            folder = self._folder(record.source)
            try:
                _make_private(folder)
                path = folder / f"{record.id}.json"
                if not path.exists() and sum(1 for _ in folder.iterdir()) >= MOST:
                    raise _too_many(record.source)
                _write(path, _line(record))
            except OSError as error:
                raise StoreError(
                    f"what cannot be used cannot be kept in {folder}: {error.strerror or error}",
                    hint="make room, or make it writable",
                ) from error

    def of(self, source: str | None = None) -> Iterator[KeptRecord]:
        """Yield what is kept, in the order in which it was received.

        Args:
            source: Only of this source.

        Raises:
            StoreError: It cannot be read.
        """
        try:
            folders = [self._folder(source)] if source else _folders(self.directory / FOLDER)
            found = [one for folder in folders for path in _files(folder) if (one := _read(path))]
        except OSError as error:
            raise StoreError(f"{error.filename} cannot be read: {error.strerror}") from error
        yield from sorted(found, key=lambda one: (one.received, one.number))

    def counts(self) -> dict[str, int]:
        """Return how many records are kept of each source that has any."""
        counted = {f.name: len(list(_files(f))) for f in _folders(self.directory / FOLDER)}
        return {name: count for name, count in counted.items() if count}

    def drop(self, record: KeptRecord) -> None:
        """Keep a record no longer; nothing is wrong where somebody else was first."""
        with suppress(FileNotFoundError):
            (self._folder(record.source) / f"{record.id}.json").unlink()

    def _folder(self, source: str) -> Path:
        return self.directory / FOLDER / check_source(source)


def check_source(name: str) -> str:
    """Return the name of a source if it can be one.

    Raises:
        UsageError: It cannot.
    """
    if _NAME.fullmatch(name):
        return name
    raise UsageError(
        f"{name!r} cannot be the name of a source",
        hint="use letters, digits, - and _: at most 64, a letter or digit first",
    )


def record_id(key: str) -> str:
    """Return what a record with a key is called."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def _too_many(source: str) -> StoreError:
    return StoreError(
        f"{MOST:,} records of {source!r} that cannot be used are kept already",
        hint="correct its mapping, then funnelflow web retry",
    )


def _line(record: KeptRecord) -> bytes:
    mark = {
        "column": record.column,
        "reason": record.reason,
        "received": record.received.isoformat(),
        "key": record.key,
        "number": record.number,
    }
    return json.dumps({**record.data, _MARK: mark}).encode("ascii") + b"\n"


def _write(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, on the disk when this returns."""
    draft = path.with_name(f".{path.stem}.{secrets.token_hex(4)}")
    number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _make_private(folder: Path) -> None:
    """Make a directory that its owner alone can look into; what is above it is made as usual."""
    if not folder.is_dir():
        folder.parent.parent.mkdir(parents=True, exist_ok=True)
        for one in (folder.parent, folder):
            with suppress(FileExistsError):
                one.mkdir(mode=0o700)


def _folders(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.is_dir()) if folder.is_dir() else []


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.glob("*.json") if not path.name.startswith("."))


def _read(path: Path) -> KeptRecord | None:
    """Return what a file holds; None where it is gone, or blanked because somebody was erased."""
    try:
        text = path.read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    if not text:
        return None
    try:
        data = json.loads(text)
        mark = data.pop(_MARK)
        received, number = dt.datetime.fromisoformat(mark["received"]), int(mark["number"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StoreError(
            f"{path} is no record as it was kept", hint="put it back as it was, or delete it"
        ) from None
    column, reason, key = (str(mark.get(name, "")) for name in ("column", "reason", "key"))
    return KeptRecord(path.stem, path.parent.name, received, column, reason, data, key, number)
