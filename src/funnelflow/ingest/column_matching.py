"""What columns are, by their names; what is guessed is shown, never silent."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

import attrs
from attrs import evolve, frozen

from funnelflow.criteria import Field
from funnelflow.definition import Linked
from funnelflow.errors import UnknownNameError, UsageError, nearest
from funnelflow.ingest.mapping import (
    CRM_STAGE,
    FIELD,
    TARGETS,
    FileMapping,
    Join,
    Source,
    field_target,
    target_label,
)
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
        fields: All fields that a fact can be about, of contacts and of events.
        by_own_name: Whether a target that is named nowhere is read from a member of its name.
    """

    mapping: FileMapping
    matches: tuple[Match, ...]
    ignored: tuple[str, ...]
    fields: Mapping[str, Field] = attrs.field(factory=dict)
    by_own_name: bool = False


def match_columns(
    columns: Sequence[str],
    fields: Mapping[str, Field],
    mapping: FileMapping,
    *,
    targets: Iterable[str] = TARGETS,
    open_ended: bool = False,
    unguessed: Collection[str] = (),
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
        unguessed: Fields that are read only where somebody says so.

    Raises:
        UnknownNameError: The mapping names a column or a field that there is not.
        UsageError: It gives one target two meanings.
    """
    targets = tuple(targets)
    mapping = _without_other_fields(mapping, fields)
    mapping = evolve(mapping, columns=_chosen(mapping.columns, columns, open_ended=open_ended))
    _check(columns, fields, mapping, targets, open_ended=open_ended)
    found = dict(mapping.columns)
    if mapping.guess:
        likely = {name: one for name, one in fields.items() if name not in unguessed}
        found |= _guess(columns, likely, mapping, targets)
        if open_ended:
            found |= _may_come(likely, {**mapping.constants, **found})
    matches = [
        Match(target, _shown(source), "said" if target in mapping.columns else "guessed")
        for target, source in found.items()
        if source in columns or target in mapping.columns
    ] + [Match(target, text, "constant") for target, text in mapping.constants.items()]
    matched = evolve(mapping, columns=found, guess=False)
    used = {name for target in found for name in matched.sources(target)}
    used |= {one.column for rule in mapping.rows for one in rule.where}
    _refuse_twice(columns, used)
    return Matched(
        mapping=matched,
        matches=tuple(sorted(matches, key=_order)),
        ignored=_ignored(columns, used),
        fields=fields,
        by_own_name=mapping.guess and open_ended,
    )


def _without_other_fields(mapping: FileMapping, fields: Mapping[str, Field]) -> FileMapping:
    """Return a mapping without what it has of fields that there are not, if it need not have it.

    That is where it names alternatives, as those that ship do, whatever the vocabulary.
    """
    left = {
        target
        for target, source in mapping.columns.items()
        if target.startswith(FIELD)
        and isinstance(source, tuple)
        and target.removeprefix(FIELD) not in fields
    }
    return evolve(
        mapping,
        columns={t: c for t, c in mapping.columns.items() if t not in left},
        values={t: texts for t, texts in mapping.values.items() if t not in left},
    )


def _shown(source: Source | tuple[Source, ...]) -> str:
    """Name the columns that a target is read from."""
    return " or ".join(map(str, source)) if isinstance(source, tuple) else str(source)


def _refuse_twice(columns: Sequence[str], used: Iterable[str]) -> None:
    """Raise `UsageError` for a column that is read and whose name comes twice."""
    for name in used:
        places = [number for number, column in enumerate(columns, 1) if column == name]
        if len(places) > 1:
            raise UsageError(
                f"columns {' and '.join(map(str, places))} are both named {name!r}",
                hint="give every column that is read a name of its own",
            )


def _ignored(columns: Sequence[str], used: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that nothing is read from; those without a name by their number."""
    left = [name or f"(column {n})" for n, name in enumerate(columns, 1) if name not in used]
    return tuple(dict.fromkeys(name for name in left if not is_mark(name)))


def _chosen(
    said: Mapping[str, Source | tuple[Source, ...]], columns: Sequence[str], *, open_ended: bool
) -> dict[str, Source | tuple[Source, ...]]:
    """Return the one of the alternatives that the file has; a target without one is left out.

    Where rows may differ in what they have, each decides for itself.
    """
    if open_ended:
        return dict(said)
    found = {
        target: next((one for s in sources if (one := _present(s, columns))), "")
        if isinstance(sources, tuple)
        else _present(sources, columns) or sources
        for target, sources in said.items()
    }
    return {target: source for target, source in found.items() if source}


def _present(source: Source, columns: Sequence[str]) -> Source:
    """Return what a file has of a source; empty for nothing."""
    if isinstance(source, str):
        return source if source in columns else ""
    names = [next((one for one in names if one in columns), "") for names in source.columns]
    there = tuple((name,) for name in names if name)
    return Join(there, source.separator, source.prefix) if there else ""


def _guess(
    columns: Sequence[str],
    fields: Mapping[str, Field],
    mapping: FileMapping,
    targets: Sequence[str],
) -> dict[str, str]:
    """Return the columns of targets that the mapping does not name, by the names of columns."""
    taken = {name for target in mapping.columns for name in mapping.sources(target)}
    free = {_plain(c): c for c in reversed(columns) if c and c not in taken}
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
        take(target, _MODIFIED if is_snapshot else _KNOWN.get(target, ()))
    if "contact" in targets and not ("contact" in found or mapping.named("contact")):
        free = {_plain(c): c for c in reversed(columns) if c}  # a field may be the id as well
        take("contact", _KNOWN["contact"])
    return found


def _may_come(fields: Mapping[str, Field], found: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields that later rows may have as a member of that name."""
    read = FileMapping(columns=found)
    used = {name for target in found for name in read.sources(target)}
    names = [name for name in fields if name not in used]
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
    in_rules = {target: text for rule in mapping.rows for target, text in rule.sets.items()}
    for target in {**mapping.columns, **mapping.constants, **mapping.values, **in_rules}:
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
        if not open_ended and mapping.column(target) not in columns:
            raise UnknownNameError("column", mapping.column(target), [c for c in columns if c])
    named = [mapping.match] if mapping.match else []
    named += [CRM_STAGE] if mapping.stages else []
    for name in (*mapping.facts.values(), *named):
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


def counted_fields(linked: Linked) -> frozenset[str]:
    """Return the fields that events count or date: nobody types them in.

    That is what an event adds to, as ``visits: contact.visits + 1``, and what it sets to its time.
    """
    sets = [(name, rule.source) for event in linked.events.values() for name, rule in event.sets]
    return frozenset(
        name
        for name, source in sets
        if re.search(rf"\bcontact\.{name}\s*[+-]|(?<![.\w])now\b", source)
    )
