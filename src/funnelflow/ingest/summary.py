"""How a file is to be applied, how far that is, and what came of it."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeAlias

from attrs import asdict, field, frozen

from funnelflow.ingest.column_matching import Matched
from funnelflow.ingest.file_errors import Rejection
from funnelflow.ingest.input import Form
from funnelflow.ingest.mapping import FileMapping
from funnelflow.storage.checkpoints import Counts
from funnelflow.storage.row_format import encode

EXAMPLES = 20
"""How many rejected rows a summary shows; the rejects file has them all."""


@frozen
class Progress:
    """How far a run has come.

    Attributes:
        rows: The rows that are done.
        bytes_read: The bytes of the file that were read.
        size: The bytes it has; None where nobody knows.
        begun: Before the first row only: what the columns are taken for.
    """

    rows: int
    bytes_read: int
    size: int | None
    begun: "Summary | None" = None


Watch: TypeAlias = Callable[[Progress], None]
"""What is called with how far a run has come, before the first row and after every chunk."""


@frozen
class Summary:
    """What a run did, or with `dry_run` would do.

    Attributes:
        path: The file.
        counts: What came of its rows, those of earlier runs over the file included.
        matched: Which column was taken for what.
        ignored: The columns or members that nothing was read from.
        format: ``csv`` or ``jsonl``.
        delimiter: What separates its cells.
        encoding: The encoding it was read in.
        rejects: The file with the rejected rows; empty when there are none.
        examples: The first rejected rows of this run.
        resumed: The rows that an earlier run had done.
        already: Everything had been done before; nothing was changed.
        dry_run: Nothing was stored.
        seconds: How long this run took.
    """

    path: str
    counts: Counts
    matched: Matched
    ignored: tuple[str, ...]
    format: str
    delimiter: str
    encoding: str
    rejects: str = ""
    examples: tuple[Rejection, ...] = ()
    resumed: int = 0
    already: bool = False
    dry_run: bool = False
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the summary as data."""
        return {
            "path": self.path,
            **self.counts.to_json(),
            "format": self.format,
            "delimiter": self.delimiter,
            "encoding": self.encoding,
            "columns": [asdict(match) for match in self.matched.matches],
            "ignored": list(self.ignored),
            "rejects": self.rejects,
            "examples": [
                {"line": r.line, "column": r.column, "reason": r.reason} for r in self.examples
            ],
            "resumed": self.resumed,
            "already": self.already,
            "dry_run": self.dry_run,
            "seconds": round(self.seconds, 3),
        }


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
        actor: Who did what rows do not name an actor for.
        funnel: The home of contacts that are added; empty for the workspace's own.
        on_duplicate: What becomes of a row whose key was applied before.
        rejects: Where bad rows go; None for a file under ``rejects`` in the workspace.
        changed: What to do with a file that was applied and has changed since: refuse, go on
            behind what was applied if that is as it was, or apply all of it again.
        dry_run: Do everything, and store nothing.
        chunk: Rows a transaction.
    """

    form: Form = field(factory=Form)
    mapping: FileMapping = field(factory=FileMapping)
    timezone: str = ""
    actor: str = ""
    funnel: str = ""
    on_duplicate: OnDuplicate = "skip"
    rejects: Path | None = None
    changed: Changed = "refuse"
    dry_run: bool = False
    chunk: int = CHUNK

    def digest(self, **more: Any) -> str:
        """Return a digest of everything that decides what a row becomes."""
        said = {
            "mapping": asdict(self.mapping),
            "timezone": self.timezone,
            "actor": self.actor,
            "funnel": self.funnel,
            "on_duplicate": self.on_duplicate,
            **more,
        }
        return hashlib.sha256(encode(said).encode()).hexdigest()
