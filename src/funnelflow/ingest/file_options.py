"""How a file is to be applied: `FileOptions`."""

import hashlib
from pathlib import Path
from typing import Any, Literal, TypeAlias

from attrs import asdict, field, frozen

from funnelflow.ingest.input import Form
from funnelflow.ingest.mapping import FileMapping
from funnelflow.storage.row_format import encode

Changed: TypeAlias = Literal["refuse", "continue", "restart"]
OnDuplicate: TypeAlias = Literal["skip", "error"]

CHUNK = 10_000


@frozen
class FileOptions:
    """How a file is to be applied.

    Attributes:
        form: Its format, encoding and delimiter, as far as they are known.
        mapping: What its columns mean, as far as somebody said.
        timezone: IANA name of the zone of times without an offset; empty for what the mapping
            says, else the workspace's.
        actor: Who records the rows, and did what they name no actor for.
        funnel: The home of contacts that are added; empty for the workspace's own.
        future: Take rows whose time lies more than a day in the future; else they are rejected.
        readmit: Take rows about contacts that were erased; else they are counted, and passed over.
        on_duplicate: What becomes of a row whose key was applied before.
        rejects: Where bad rows go; None for a file under ``rejects`` in the workspace.
        changed: What to do with a file of events that was applied and has changed since: refuse,
            go on behind what was applied if that is as it was, or apply all of it again. A file
            of contacts is always read; ``restart`` does not go on with what was broken off.
        quiet: Send nobody a message of what the rows bring.
        dry_run: Do everything, and store nothing.
        chunk: Rows a transaction.
    """

    form: Form = field(factory=Form)
    mapping: FileMapping = field(factory=FileMapping)
    timezone: str = ""
    actor: str = ""
    funnel: str = ""
    future: bool = False
    readmit: bool = False
    on_duplicate: OnDuplicate = "skip"
    rejects: Path | None = None
    changed: Changed = "refuse"
    quiet: bool = False
    dry_run: bool = False
    chunk: int = CHUNK

    def digest(self, **more: Any) -> str:
        """Return a digest of everything that decides what a row becomes."""
        said = {
            "mapping": asdict(self.mapping),
            "timezone": self.timezone,
            "actor": self.actor,
            "funnel": self.funnel,
            "future": self.future,
            "readmit": self.readmit,
            "on_duplicate": self.on_duplicate,
            **more,
        }
        return hashlib.sha256(encode(said).encode()).hexdigest()
