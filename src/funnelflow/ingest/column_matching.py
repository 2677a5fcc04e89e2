"""What columns are, by their names; what is guessed is shown, never silent."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from attrs import evolve, frozen

from funnelflow.criteria import Field
from funnelflow.errors import UnknownNameError, UsageError, nearest
from funnelflow.ingest.mapping import FIELD, TARGETS, FileMapping, field_target, target_label
from funnelflow.ingest.rejects import is_mark

How = Literal["said", "guessed", "constant"]

_KNOWN: Mapping[str, tuple[str, ...]] = {
    "contact": (
        "contact", "contact_id", "entity_id", "lead_id", "prospect_id", "person_id",
        "customer_id", "case_id", "case_concept_name", "record_id", "id", "email",
    ),
    "event": ("event", "event_name", "event_type", "activity", "activity_name", "concept_name"),
    "at": (
        "at", "time", "timestamp", "date", "datetime", "event_time", "event_date", "occurred_at",
        "happened_at", "time_timestamp", "created_at", "created", "create_date", "created_date",
    ),
    "actor": ("actor", "user", "agent", "rep", "resource", "org_resource"),
    "facts": ("facts", "properties", "attributes", "payload"),
    "to": ("to", "to_stage", "target_stage"),
    "reason": ("reason",),
    "key": ("key", "idempotency_key", "event_id"),
}  # fmt: skip
_MODIFIED = (
    "at", "as_of", "modified_at", "modified", "last_modified", "last_modified_at",
    "last_modified_date", "modified_date", "updated_at", "updated", "last_updated", "update_date",
)  # fmt: skip
"""The names of the time of a snapshot: when it was taken or changed, never when it was created."""


@frozen
class Match:
    """Where a target comes from.

    Attributes:
        target: One of `TARGETS`, or ``field.NAME``.
        column: The column or member; for a constant, its text.
        how: Whether somebody said so, it was guessed, or it is the same in every row.
    """

    target: str
    column: str
    how: How


@frozen
class Matched:
    """What became of the columns of a file.

    Attributes:
        mapping: The mapping with all that was found out.
        matches: Where each target comes from.
        ignored: The columns that nothing is read from.
    """

    mapping: FileMapping
    matches: tuple[Match, ...]
    ignored: tuple[str, ...]


def match_columns(
    columns: Sequence[str],
    fields: Mapping[str, Field],
    mapping: FileMapping,
    *,
    targets: Iterable[str] = TARGETS,
    open_ended: bool = False,
) -> Matched:
    """Return the column of every target.

    What the mapping says stands. Else a column is taken for a target if it has the target's
    own name, is called like a field, or has another well-known name, in this order; case,
    blanks and punctuation in names do not count.

    Args:
        columns: The names in the header; for JSON Lines the members of the first object.
        fields: The fields that facts can be about.
        mapping: What somebody said.
        targets: The targets that there are, besides fields.
        open_ended: Rows may have members that the first has not (JSON Lines).

    Raises:
        UnknownNameError: The mapping names a column or a field that there is not.
        UsageError: It gives one target two meanings.
    """
    targets = tuple(targets)
    mapping = evolve(mapping, columns=_chosen(mapping.columns, columns))
    _check(columns, fields, mapping, targets, open_ended=open_ended)
    found = {target: mapping.column(target) for target in mapping.columns}
    if mapping.guess:
        found |= _guess(columns, fields, mapping, targets)
        if open_ended:
            found |= _may_come(fields, {**mapping.constants, **found})
    matches = [
        Match(target, column, "said" if target in mapping.columns else "guessed")
        for target, column in found.items()
        if column in columns or target in mapping.columns
    ] + [Match(target, text, "constant") for target, text in mapping.constants.items()]
    used = set(found.values())
    return Matched(
        mapping=evolve(mapping, columns=found, guess=False),
        matches=tuple(sorted(matches, key=_order)),
        ignored=tuple(c for c in columns if c not in used and not is_mark(c)),
    )


def _chosen(
    said: Mapping[str, str | tuple[str, ...]], columns: Sequence[str]
) -> dict[str, str | tuple[str, ...]]:
    """Return the one of the alternatives that the file has; a target without one is left out."""
    first = {
        t: c if isinstance(c, str) else next((name for name in c if name in columns), "")
        for t, c in said.items()
    }
    return {target: column for target, column in first.items() if column}


def _guess(
    columns: Sequence[str],
    fields: Mapping[str, Field],
    mapping: FileMapping,
    targets: Sequence[str],
) -> dict[str, str]:
    """Return the columns of targets that the mapping does not name, by the names of columns."""
    taken = {mapping.column(target) for target in mapping.columns}
    free = {_plain(c): c for c in reversed(columns) if c not in taken}
    found: dict[str, str] = {}

    def take(target: str, names: Iterable[str]) -> None:
        if not (target in found or mapping.named(target)):
            name = next((name for name in names if name in free), None)
            if name is not None:
                found[target] = free.pop(name)

    for target in targets:
        take(target, [target])
    for field in fields.values():
        take(field_target(field.name), [_plain(field.name), _plain(field.title)])
    contact = mapping.column("contact")  # what is the id may be a fact as well
    for field in fields.values():
        if _plain(contact) in (_plain(field.name), _plain(field.title)) and contact:
            found.setdefault(field_target(field.name), contact)
    for target in targets:
        is_snapshot = target == "at" and "event" not in targets
        take(target, _MODIFIED if is_snapshot else _KNOWN[target])
    if not ("contact" in found or mapping.named("contact")):
        free = {_plain(c): c for c in reversed(columns)}  # what is a field may be the id as well
        take("contact", _KNOWN["contact"])
    return found


def _may_come(fields: Mapping[str, Field], found: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that later rows may have as a member of that name."""
    names = [name for name in fields if name not in found.values()]
    return {field_target(name): name for name in names if field_target(name) not in found}


def _check(
    columns: Sequence[str],
    fields: Mapping[str, Field],
    mapping: FileMapping,
    targets: Sequence[str],
    *,
    open_ended: bool,
) -> None:
    """Raise an error where a mapping does not fit the file or the vocabulary."""
    for target in {**mapping.columns, **mapping.constants, **mapping.values}:
        name = target_label(target)
        if target.startswith(FIELD) and name not in fields:
            raise _no_target(name, fields, targets)
        if not target.startswith(FIELD) and target not in targets:
            raise UsageError(f"there is nothing here that {name!r} could be")
    for target in mapping.columns:
        if target in mapping.constants:
            raise UsageError(
                f"{target_label(target)} is both a column and a constant", hint="say one of them"
            )
        if mapping.column(target) not in columns and not open_ended:
            raise UnknownNameError("column", mapping.column(target), columns)
    for name in mapping.facts.values():
        if name and name not in fields:
            raise UnknownNameError("field", name, fields)


def _no_target(name: str, fields: Mapping[str, Field], targets: Sequence[str]) -> UnknownNameError:
    """Return the error that something is no field, with what else a column can be."""
    meant = nearest(name, (*targets, *fields))
    listed = f"a column is one of {', '.join(targets)}, or a field: {', '.join(fields)}"
    return UnknownNameError(
        "field", name, fields, hint=f"did you mean {meant!r}?" if meant else listed
    )


def _plain(name: str) -> str:
    """Return a name without what people write differently."""
    return re.sub(r"[\W_]+", "_", name.strip().lower()).strip("_")


def _order(match: Match) -> tuple[int, str]:
    known = match.target in TARGETS
    return (TARGETS.index(match.target) if known else len(TARGETS), match.target)
