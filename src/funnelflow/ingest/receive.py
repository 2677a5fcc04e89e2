"""Receiving what other systems send: a few records at a time, stored whole before it is answered.

What a file is to `apply`, a delivery is here, with the same mapping and the same rules for rows.
It leaves no run and no checkpoint: a delivery that is sent again is known by the keys of its
records, which count within their source. Records that cannot be used are kept before it is
answered, and tried again when the mapping is corrected.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any

from attrs import evolve, frozen

from funnelflow.ingest.apply import match_input, store_for
from funnelflow.ingest.contact_matching import StoredContacts
from funnelflow.ingest.file_errors import Rejection, RowError, reject
from funnelflow.ingest.file_options import FileOptions
from funnelflow.ingest.kept_records import KeptRecord, KeptRecords, check_source, record_id
from funnelflow.ingest.record_parsers import bind_parser
from funnelflow.ingest.row_handlers import EventHandler, ReadRow
from funnelflow.ingest.row_parser import RowParser
from funnelflow.storage.changes import is_id
from funnelflow.storage.checkpoints import Counts
from funnelflow.storage.connect import writing
from funnelflow.storage.context import Context
from funnelflow.storage.unit_of_work import Store, UnitOfWork

_FORMAT = "jsonl"


@frozen
class Receipt:
    """What came of a delivery.

    Attributes:
        counts: Of its records, as of the rows of a file.
        rejected: Those that cannot be used; of each, `line` is its number in the delivery, from 1.
    """

    counts: Counts
    rejected: tuple[Rejection, ...] = ()


@frozen
class IncomingRecord:
    """One thing that another system says.

    Attributes:
        data: What it says, as the mapping reads it.
        key: By what the sender knows it, unless the mapping says so; empty for its content.
        received: When it was received: the time of what happens ``now``; None for now.
    """

    data: Mapping[str, Any]
    key: str = ""
    received: dt.datetime | None = None


def receive_records(
    context: Context,
    records: Sequence[IncomingRecord],
    options: FileOptions,
    *,
    source: str,
    create: bool = False,
) -> Receipt:
    """Record what another system sends, and keep what cannot be used; see `record_delivery`.

    Raises:
        UsageError: The mapping does not fit the definition; nothing is stored or kept, see
            `set_aside`.
        StoreError: The database cannot store it, or what cannot be used cannot be kept: the
            delivery has to come again.
    """
    check_source(source)
    receipt = record_delivery(context, records, options, source=source, create=create)
    if receipt.rejected and not options.dry_run:
        _keep(context, records, receipt.rejected, source)
    return receipt


def set_aside(
    context: Context, records: Sequence[IncomingRecord], reason: str, *, source: str
) -> Receipt:
    """Keep records that cannot even be read, because the mapping is wrong.

    Raises:
        StoreError: They cannot be kept: the delivery has to come again.
    """
    rejected = tuple(Rejection(n, "", reason, one.data) for n, one in enumerate(records, 1))
    _keep(context, records, rejected, source)
    counts = Counts(rows=len(records), rejected=len(records))
    return Receipt(counts, rejected)


def retry_kept(
    context: Context, options: FileOptions, *, source: str, create: bool = False
) -> Receipt:
    """Try the records of a source again that could not be used; those that can be now count.

    What happened ``now`` happened when it was received.

    Returns:
        What came of all of them.

    Raises:
        Error: As `receive_records`; those that were tried before are recorded.
    """
    kept, counts = KeptRecords(context.directory), Counts()
    rejected: list[Rejection] = []
    for number, one in enumerate(list(kept.of(source)), 1):
        record = IncomingRecord(one.data, one.key, one.received)
        found = record_delivery(context, [record], options, source=source, create=create)
        counts = counts.plus(found.counts)
        rejected += [again._replace(line=number) for again in found.rejected]
        if options.dry_run:
            continue
        for again in found.rejected:
            kept.keep([evolve(one, column=again.column, reason=again.reason)])
        if not found.rejected:
            kept.drop(one)
    return Receipt(counts, tuple(rejected))


def _keep(
    context: Context,
    records: Sequence[IncomingRecord],
    rejected: Sequence[Rejection],
    source: str,
) -> None:
    kept = KeptRecords(context.directory)
    now = context.clock()
    for one in rejected:
        record = records[one.line - 1]
        name = record_id(record.key or content_key(record.data))
        received = record.received or now
        said = one.column, one.reason, record.data, record.key
        kept.keep([KeptRecord(name, source, received, *said, number=one.line)])


def record_delivery(
    context: Context,
    records: Sequence[IncomingRecord],
    options: FileOptions,
    *,
    source: str,
    create: bool = False,
) -> Receipt:
    """Record what another system sends, all that can be used in one transaction.

    A record that was received before, by its key, is counted as repeated. Where the mapping names
    a field to `match` by, contacts are looked up by it, and two deliveries about the same new
    person add one contact.

    Args:
        context: The workspace.
        records: What it says.
        options: How it is read; what is about files is of no account.
        source: Who sends it: its keys are its own.
        create: Add contacts that nobody knows yet; else their records are rejected.

    Returns:
        What came of it, when that is committed.

    Raises:
        UsageError: The mapping does not fit the definition; nothing is stored.
        StoreError: The database cannot store it; nothing is stored.
    """
    handler = EventHandler(options, create=create)
    members = tuple(dict.fromkeys(name for record in records for name in record.data))
    matched = match_input(context, members, _FORMAT, handler)
    store = store_for(context.quiet() if options.quiet else context, options)
    handler.bind(matched, store.settings.timezone)
    parser = bind_parser(matched, members, _FORMAT)
    received = {
        number: record.received.isoformat()
        for number, record in enumerate(records, 1)
        if record.received is not None
    }
    delivery = _Delivery(handler, parser, store, matched.mapping.match, received)
    rows, unreadable, left_out = delivery.parse(records, source)

    def attempt() -> Receipt:
        with writing(context.engine, dry_run=options.dry_run) as connection:
            unit = UnitOfWork(connection, store)
            counts = Counts(rows=len(records), left_out=left_out)
            return delivery.record(unit, rows, unreadable, counts)

    return context.retrying(attempt)


@frozen
class _Delivery:
    """Decides the records of one delivery.

    Attributes:
        handler: What they are taken for.
        parser: Reads them.
        store: The workspace's store.
        match: The field by which contacts are found; empty for none.
        received: When records were received that are not received now, by their numbers.
    """

    handler: EventHandler
    parser: RowParser
    store: Store
    match: str
    received: Mapping[int, str]

    def parse(
        self, records: Sequence[IncomingRecord], source: str
    ) -> tuple[list[ReadRow], list[Rejection], int]:
        """Return what records say, those that say it badly, and how many are left out."""
        rows: list[ReadRow] = []
        rejected: list[Rejection] = []
        left_out = 0
        for number, record in enumerate(records, 1):
            try:
                row = self.parser.parse(record.data)
            except RowError as error:
                rejected.append(reject(number, record.data, error.faults))
                continue
            if row is None:
                left_out += 1
                continue
            key = own_key(source, row.key or record.key or content_key(record.data))
            rows.append((number, record.data, row._replace(key=key)))
        return rows, rejected, left_out

    def record(
        self,
        unit: UnitOfWork,
        rows: Sequence[ReadRow],
        unreadable: Sequence[Rejection],
        counts: Counts,
    ) -> Receipt:
        """Decide what was read, and write it."""
        rejected, finder = list(unreadable), self.finder(unit)
        if finder is not None:
            finder.lock(rows)
        unit.load((), {row.key for *_, row in rows})
        again, new = self.sorted_out(unit, rows)
        if finder is not None:
            new, unclear = finder.find(new)
            rejected += unclear
        rows = sorted([*again, *new], key=itemgetter(0))
        unit.load({row.contact for *_, row in rows})
        unit.load_names(self.handler.identifying_values(rows))
        rejected += self.handler.handle_rows(unit, rows, counts)
        counts.rejected, counts.in_future = len(rejected), unit.ahead
        counts.untold = unit.untold
        unit.write()
        return Receipt(counts, tuple(sorted(rejected, key=attrgetter("line"))))

    def finder(self, unit: UnitOfWork) -> StoredContacts | None:
        """Return what finds contacts by a field; None where they are named by their ids."""
        if not self.match:
            return None
        return StoredContacts(self.match, self.handler.column("contact"), unit.connection)

    def sorted_out(
        self, unit: UnitOfWork, rows: Sequence[ReadRow]
    ) -> tuple[list[ReadRow], list[ReadRow]]:
        """Return the rows that were recorded before, and those that were not.

        Whom a contact is found as may have changed since; what was recorded before is about
        whom it was about then. What happens now happened when it was received.
        """
        again, new = list[ReadRow](), list[ReadRow]()
        for number, data, row in rows:
            before = unit.recorded_under(row.key)
            if before is not None:
                who = before.contact_id if self.match else row.contact
                again.append((number, data, row._replace(contact=who)))
            else:
                at = self.received.get(number) if row.at == "now" else None
                new.append((number, data, row if at is None else row._replace(at=at)))
        return again, new


def own_key(source: str, key: str) -> str:
    """Return the idempotency key of what a sender knows by a key of its own."""
    whole = f"{source}:{key}"
    return whole if is_id(whole) else f"{source}:sha256:{_digest(key)}"


def content_key(data: Mapping[str, Any]) -> str:
    """Return what stands for the key of a record without one: what it says."""
    return f"sha256:{_digest(json.dumps(data, sort_keys=True))}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
