"""The contacts that a run over a file had a moment ago, so that it need not read them again."""

from collections.abc import Iterable

from funnelflow.store.dialects import CONTACT_COLUMNS, Row
from funnelflow.store.requests import Held

__all__ = ["Remembered"]

KEPT = 32_768
"""How many contacts are remembered at least, and at most twice as many: some 80 MB."""

_FUNNEL, _DEFINITION, _DIGEST = (
    [column.name for column in CONTACT_COLUMNS].index(name)
    for name in ("funnel", "definition", "digest")
)


class Remembered:
    """Contacts as the last transaction left them.

    It is lent to a chunk, and lost if that is not committed: what it holds would be wrong
    after a transaction that was undone.
    """

    def __init__(self) -> None:
        self._late: dict[str, Held] = {}
        self._early: dict[str, Held] = {}
        self._state: object = None

    def recall(self, ids: Iterable[str], state: object) -> dict[str, Held]:
        """Give, and forget, the contacts that need not be read.

        Args:
            ids: The contacts that are wanted.
            state: What `Bulk.state` says; when that is not what it was, somebody else has
                written, and nothing that is remembered can be relied on.
        """
        if state is None:
            return {}
        if state != self._state:
            self._late, self._early = {}, {}
        found = {contact_id: self._forget(contact_id) for contact_id in ids}
        return {contact_id: held for contact_id, held in found.items() if held is not None}

    def recognise(self, row: Row) -> Held | None:
        """Give, and forget, the contact of a row that was read; None if it has changed."""
        held = self._forget(row[0])
        if held is None or held.digest != row[_DIGEST]:
            return None
        is_same = held.running.id == row[_DEFINITION] and held.funnel == row[_FUNNEL]
        return held if is_same else None

    def keep(self, contacts: dict[str, Held], state: object) -> None:
        """Remember contacts, and forget those that have not been met for longest.

        Args:
            contacts: They, as they were written.
            state: What `Bulk.state` says after everything was written.
        """
        self._state = state
        self._late.update(contacts)
        if len(self._late) >= KEPT:
            self._early, self._late = self._late, {}

    def _forget(self, contact_id: str) -> Held | None:
        return self._late.pop(contact_id, None) or self._early.pop(contact_id, None)
