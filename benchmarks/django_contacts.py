"""The funnel of `benchmarks.apply` as a Django project keeps one: `django-fsm-2` and a log.

Import it after Django has been set up; `benchmarks.apply_django` does both. Nothing here
chains digests, keeps its place in the file or tells a repeated row: what a project gets is
what it writes. Facts are trusted to be of the right type.
"""
# mypy: disable-error-code="misc, no-untyped-call, no-any-return, untyped-decorator"
# (the peers are not typed)

import csv
import datetime as dt
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice, starmap
from pathlib import Path
from typing import Any

from django.db import connection, models, transaction
from django_fsm import FSMField, TransitionNotAllowed
from django_fsm import transition as moves

FACTS = ("email", "budget", "source", "engagements", "stage")
ROWS_A_STATEMENT = 500
"""`bulk_update` compares each row with all that its statement names, so it gets them in parts."""


class Contact(models.Model):
    """A contact: one column for each fact, and the stage."""

    id = models.CharField(max_length=100, primary_key=True)
    email = models.TextField(null=True)
    budget = models.FloatField(null=True)
    source = models.TextField(null=True)
    engagements = models.IntegerField(default=0)
    stage = FSMField(default="target")

    class Meta:
        """Where the table belongs; there is no app."""

        app_label = "benchmarks"

    def __str__(self) -> str:
        """Name the contact."""
        return str(self.id)

    def is_rich(self) -> bool:
        """Check the first criterion."""
        return self.budget is not None and self.budget >= 5000

    def is_engaged(self) -> bool:
        """Check the second criterion."""
        return self.engagements >= 2

    def is_reachable(self) -> bool:
        """Check the third criterion."""
        return self.email is not None

    @moves(field=stage, source="target", target="lead")
    def submit(self) -> None:
        """They filled in a form."""

    @moves(
        field=stage,
        source="lead",
        target="prospect",
        conditions=[is_rich, is_engaged, is_reachable],
    )
    def call(self) -> None:
        """They answered a call."""

    @moves(field=stage, source="prospect", target="customer")
    def purchase(self) -> None:
        """They bought."""


class Entry(models.Model):
    """What happened to a contact, and the stages before and after."""

    contact = models.ForeignKey(Contact, on_delete=models.PROTECT)
    event = models.TextField()
    at = models.DateTimeField()
    actor = models.TextField()
    facts = models.JSONField()
    before = models.TextField()
    after = models.TextField()

    class Meta:
        """Where the table belongs; there is no app."""

        app_label = "benchmarks"

    def __str__(self) -> str:
        """Name the event."""
        return str(self.event)


class Told:
    """One row of the file, read."""

    __slots__ = ("actor", "at", "contact", "event", "facts")

    def __init__(self, contact: str, event: str, at: str, actor: str, facts: str) -> None:
        self.contact = contact
        self.event = event
        self.at = dt.datetime.fromisoformat(at)
        self.actor = actor
        self.facts: dict[str, Any] = json.loads(facts) if facts else {}


MOVES: dict[str, Callable[[Contact], None]] = {
    "form_submitted": Contact.submit,
    "call": Contact.call,
    "purchased": Contact.purchase,
}
ENGAGES = {"form_submitted", "call"}


def take(contact: Contact, told: Told) -> Entry:
    """Let a contact take an event, and give the entry for the log; nothing is saved."""
    for name, value in told.facts.items():
        setattr(contact, name, value)
    if told.event in ENGAGES:
        contact.engagements += 1
    before = contact.stage
    with suppress(TransitionNotAllowed):  # it stays where it is, which is what the entry says
        MOVES[told.event](contact)
    return Entry(
        contact=contact,
        event=told.event,
        at=told.at,
        actor=told.actor,
        facts=told.facts,
        before=before,
        after=contact.stage,
    )


def rows(path: Path) -> Iterator[Told]:
    """Read the file."""
    with path.open(newline="") as file:
        lines = csv.reader(file)
        next(lines)
        yield from starmap(Told, lines)


def chunks(path: Path, size: int) -> Iterator[list[Told]]:
    """Read the file in chunks."""
    told = rows(path)
    while together := list(islice(told, size)):
        yield together


def by_event(path: Path, _chunk: int) -> None:
    """Apply a file with one transaction for each event and its entry."""
    for told in rows(path):
        with transaction.atomic():
            contact, _ = Contact.objects.select_for_update().get_or_create(pk=told.contact)
            entry = take(contact, told)
            contact.save()
            entry.save()


def by_chunk(path: Path, chunk: int) -> None:
    """Apply a file with one transaction for each chunk: `bulk_create` and `bulk_update`."""
    for together in chunks(path, chunk):
        with transaction.atomic():
            known, new, entries = _take_all(together)
            Contact.objects.bulk_create(new)
            Contact.objects.bulk_update(known, FACTS, batch_size=ROWS_A_STATEMENT)
            Entry.objects.bulk_create(entries)


def by_upsert(path: Path, chunk: int) -> None:
    """The same with all contacts in one ``INSERT … ON CONFLICT DO UPDATE``."""
    for together in chunks(path, chunk):
        with transaction.atomic():
            known, new, entries = _take_all(together)
            Contact.objects.bulk_create(
                known + new, update_conflicts=True, unique_fields=["id"], update_fields=FACTS
            )
            Entry.objects.bulk_create(entries)


def _take_all(together: list[Told]) -> tuple[list[Contact], list[Contact], list[Entry]]:
    """Give the contacts that were known, those that are new, and the entries."""
    ids = {told.contact for told in together}
    known = Contact.objects.select_for_update().in_bulk(ids)
    new: dict[str, Contact] = {}
    entries = []
    for told in together:
        contact = known.get(told.contact) or new.get(told.contact)
        if contact is None:
            contact = new[told.contact] = Contact(pk=told.contact)
        entries.append(take(contact, told))
    return list(known.values()), list(new.values()), entries


def make_tables() -> None:
    """Make the two tables."""
    with connection.schema_editor() as editor:
        for model in (Contact, Entry):
            editor.create_model(model)


def counts() -> dict[str, int]:
    """Count the contacts in each stage."""
    counted = Contact.objects.values_list("stage").annotate(models.Count("id"))
    return dict(counted)


WAYS: dict[str, Callable[[Path, int], None]] = {
    "event": by_event,
    "chunk": by_chunk,
    "upsert": by_upsert,
}
