"""The same fold over Arrow tables: who was in which stage from when to when, as a table.

Evidence comes as anything that Arrow can read: a table, a reader of batches, a data set, the path
of a Parquet file, a DataFrame of pandas or Polars, a relation of DuckDB. What comes of it goes out
as a reader of batches, so that neither has to fit into memory::

    import funnelflow.arrow

    stays = funnelflow.arrow.stays("standard", "evidence.parquet").read_all()

Evidence needs the columns ``contact``, ``event`` and ``at``, and may have those of
`OPTIONAL`. ``facts`` is a JSON object, a struct or a map; a column that is named like a field is
a fact of its own, of which null says nothing. Rows of one instant keep the order of ``arrival``,
which is that of the rows where it is left out. Needs the extra ``arrow``.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

try:
    import pyarrow as pa
except ImportError as error:  # pragma: no cover - the tests have it
    raise ImportError("funnelflow.arrow needs Arrow: pip install 'funnelflow[arrow]'") from error

from funnelflow.arrow.evidence_batches import (
    OPTIONAL,
    REJECTED,
    EvidenceColumns,
    PreparedEvidence,
    Reject,
    open_evidence,
    sort_evidence,
)
from funnelflow.arrow.fold_batches import (
    DECISIONS,
    EXPORTED,
    POSITIONS,
    SCHEMAS,
    STAYS,
    FunnelsFold,
    batches_of,
)
from funnelflow.criteria import TIMESTAMP, Field
from funnelflow.definition import Definition, Library, Linked, load_definition
from funnelflow.engine import Funnel
from funnelflow.errors import UnknownNameError, UsageError

__all__ = [
    "DECISIONS",
    "EXPORTED",
    "OPTIONAL",
    "POSITIONS",
    "REJECTED",
    "STAYS",
    "AnyDefinition",
    "batches_of",
    "decisions",
    "fold",
    "funnels_of",
    "positions",
    "stays",
]

AnyDefinition: TypeAlias = Funnel | Definition | Linked | Path | str
"""A definition, the path of its file, or the name of one that ships with funnelflow."""

_AS_EXPORTED = {"to": "to_stage"}
_AT = Field("at", TIMESTAMP, title="the moment")


def stays(
    definition: AnyDefinition | Sequence[AnyDefinition], evidence: Any, **options: Any
) -> pa.RecordBatchReader:
    """Return every time of every contact in a stage, with the columns of `STAYS`.

    Args:
        definition: The definition that decides, or several.
        evidence: The evidence; see the package.
        options: As `fold` takes them.

    Raises:
        Error: As `fold`.
    """
    return _only("stays", definition, evidence, options)


def decisions(
    definition: AnyDefinition | Sequence[AnyDefinition], evidence: Any, **options: Any
) -> pa.RecordBatchReader:
    """Return what became of each row of evidence, with the columns of `DECISIONS`; see `stays`."""
    return _only("decisions", definition, evidence, options)


def positions(
    definition: AnyDefinition | Sequence[AnyDefinition], evidence: Any, **options: Any
) -> pa.RecordBatchReader:
    """Return where each contact is, with the columns of `POSITIONS`; see `stays`."""
    return _only("positions", definition, evidence, options)


def fold(  # noqa: PLR0913  # all that can be said of evidence, by keyword
    definition: AnyDefinition | Sequence[AnyDefinition],
    evidence: Any,
    wanted: Sequence[str] = ("stays", "decisions", "positions"),
    *,
    at: dt.datetime | str | None = None,
    ordered: bool = False,
    columns: Mapping[str, str] | None = None,
    timezone: dt.tzinfo | None = None,
    text: bool = False,
    rejects: Reject | None = None,
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield what comes of evidence in one pass, each batch with the name of what it is.

    Args:
        definition: The definition that decides, or several, each of which has its own rows.
        evidence: The evidence; see the package.
        wanted: Which of ``stays``, ``decisions`` and ``positions`` are wanted.
        at: The moment to fold to: what happened later is left out, and what time opens by then
            is taken. None folds each contact to its last evidence.
        ordered: Whether the evidence is sorted by contact and time already, and need not be
            sorted: it is then read in flat memory. Otherwise DuckDB sorts it where it is installed,
            on disk if it has to, and Arrow in memory where it is not.
        columns: Column of the evidence to the name that it has here.
        timezone: The zone of times without an offset; None refuses them.
        text: Whether facts are text as a person types it ("5000", "yes"), as in CSV.
        rejects: Takes batches of rows that cannot be read, with the columns of `REJECTED`: a
            list's ``append``, or the ``write_batch`` of a writer. None raises for the first.

    Raises:
        UsageError: A column is lacking, or ``ordered`` evidence is not in order.
        FieldError: A row cannot be read, and there are no ``rejects``.
        DefinitionError: A definition has errors.
    """
    funnels = funnels_of(definition)
    unknown = [name for name in wanted if name not in SCHEMAS]
    if unknown:
        raise UnknownNameError("table", unknown[0], list(SCHEMAS))
    fields = {n: f for one in reversed(funnels) for n, f in _fields_of(one).items()}
    until = None if at is None else _AT.normalise(at, timezone)
    if not (until is None or isinstance(until, dt.datetime)):
        raise UsageError(f"{at!r} is no moment", hint="2026-03-01T09:30:00Z")
    how = EvidenceColumns(fields, _AS_EXPORTED | dict(columns or {}), timezone, text, rejects)
    prepared = PreparedEvidence(open_evidence(evidence), how)
    return _batches(FunnelsFold(funnels, how, until, tuple(wanted)), prepared, ordered=ordered)


def _batches(
    fold_of: FunnelsFold, prepared: PreparedEvidence, *, ordered: bool
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Fold evidence, and let go of what sorting it has taken, however that ends."""
    if ordered:
        yield from fold_of.batches(prepared)
        return
    with closing(sort_evidence(prepared)) as told:
        yield from fold_of.batches(told)


def _only(
    name: str, definition: Any, evidence: Any, options: Mapping[str, Any]
) -> pa.RecordBatchReader:
    found = fold(definition, evidence, (name,), **options)
    return pa.RecordBatchReader.from_batches(SCHEMAS[name], (batch for _, batch in found))


def funnels_of(definition: AnyDefinition | Sequence[AnyDefinition]) -> tuple[Funnel, ...]:
    """Return definitions as they run; they pickle, for whoever folds elsewhere.

    Raises:
        UsageError: None is named, or two have one name.
        DefinitionError: A definition has errors.
    """
    if isinstance(definition, Sequence) and not isinstance(definition, str):
        found = tuple(_funnel(one) for one in definition)
    else:
        found = (_funnel(definition),)
    names = [one.definition.name for one in found]
    if not names:
        raise UsageError("no definition is named", hint="give at least one")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"two definitions are named {twice[0]!r}", hint="give each another name")
    return found


def _funnel(definition: AnyDefinition) -> Funnel:
    if isinstance(definition, Funnel):
        return definition
    if isinstance(definition, Definition | Linked):
        return Funnel(definition)
    path = Path(definition)
    found = path if path.exists() else Library().find(str(definition))
    return Funnel(load_definition(path if found is None else found))


def _fields_of(funnel: Funnel) -> Mapping[str, Field]:
    """Return the fields that a column may be about: the contact's, and those that events bring."""
    brought = [event.event.fields for event in funnel.linked.events.values()]
    return {n: f for fields in (*brought, funnel.linked.fields) for n, f in fields.items()}
