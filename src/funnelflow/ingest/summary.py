"""How far a run over a file has come, and what came of it."""

from collections.abc import Callable
from typing import Any, TypeAlias

from attrs import asdict, field, frozen

from funnelflow.ingest.column_matching import Matched
from funnelflow.ingest.contact_matching import LookAlikes
from funnelflow.ingest.file_errors import Rejection
from funnelflow.storage.checkpoints import Counts

EXAMPLES = 20
"""How many rejected rows a summary shows; the rejects file has them all."""


@frozen
class Progress:
    """How far a run has come.

    Attributes:
        rows: The rows that are done.
        bytes_read: The bytes of the file that were read; of one that is sorted by time first, the
            share of the work that is done, as so many of them.
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
        applied_before: An earlier run had done everything; nothing was changed.
        look_alikes: The contacts added by this run that look like others.
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
    applied_before: bool = False
    look_alikes: LookAlikes = field(factory=LookAlikes)
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
            "already": self.applied_before,
            "look_alikes": self.look_alikes.contacts,
            "dry_run": self.dry_run,
            "seconds": round(self.seconds, 3),
        }
