"""One change with its whole answer, also when the same was asked before."""

from funnelflow.engine import Decision, decide
from funnelflow.errors import UnknownNameError
from funnelflow.store.bulk import Chunk
from funnelflow.store.names import check_id
from funnelflow.store.reading import unknown_contact
from funnelflow.store.records import Recorded
from funnelflow.store.replaying import Replay, rows_of
from funnelflow.store.requests import Request

__all__ = ["record_one"]


def record_one(chunk: Chunk, request: Request, *, dry_run: bool) -> Recorded:
    """Take one request and write it.

    Args:
        chunk: An empty chunk of a writing transaction.
        request: What is to be recorded.
        dry_run: Said in the answer; undoing the transaction is the caller's.

    Raises:
        FunnelflowError: It cannot be recorded.
    """
    check_id(request.contact_id)
    chunk.load([request.contact_id], [request.key])
    try:
        entry = chunk.take(request, explain=True)
    except UnknownNameError as error:
        if error.kind == "contact":
            raise unknown_contact(chunk.connection, request.contact_id) from None
        raise
    if entry.duplicate:
        first = _first_answer(chunk, entry.contact_id, entry.sequence)
        return Recorded(first, entry.sequence, duplicate=True, dry_run=dry_run)
    chunk.write()
    assert entry.decision is not None
    return Recorded(entry.decision, entry.sequence, dry_run=dry_run, ahead=chunk.ahead > 0)


def _first_answer(chunk: Chunk, contact_id: str, sequence: int) -> Decision:
    """Decide a row of the history again, on the contact as it was before it."""
    replay = Replay(chunk.connection, chunk.shelf, contact_id)
    *earlier, row = rows_of(chunk.connection, contact_id, before=sequence + 1)
    for before in earlier:
        replay.feed(before)
    contact = replay.turn_to(row)
    assert replay.running is not None
    return decide(replay.running.funnel, contact, replay.event(row))
