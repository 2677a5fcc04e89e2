"""The contacts that a run had a moment ago, so that it need not read them again."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from funnelflow.storage.dialects import LOADED_COLUMNS
from funnelflow.storage.tracked_contacts import Row, TrackedContact

KEPT = 32_768
"""How many contacts are remembered at least, and at most twice as many: some 80 MB."""

_FUNNEL, _DEFINITION, _DIGEST = (
    [column.name for column in LOADED_COLUMNS].index(name)
    for name in ("funnel", "definition", "digest")
)

WriteToken: TypeAlias = Callable[[], object]
"""Returns what `Bulk.write_token` does now."""


class ContactCache:
    """Contacts as the last transaction left them.

    It is lent to a unit of work, and lost if that is not committed: what it holds would be wrong
    after a transaction that was undone.
    """

    def __init__(self) -> None:
        self._late: dict[str, TrackedContact] = {}
        self._early: dict[str, TrackedContact] = {}
        self._token: object = None

    def recall(self, ids: Iterable[str], write_token: WriteToken) -> dict[str, TrackedContact]:
        """Return, and forget, the contacts that need not be read.

        Args:
            ids: The contacts that are wanted.
            write_token: Returns what `Bulk.write_token` does; when that is not what it was,
                somebody else has written, and nothing that is remembered can be relied on.
        """
        now = write_token()
        if now is None:
            return {}
        if now != self._token:
            self._late, self._early = {}, {}
        forget = self._forget
        return {one: tracked for one in ids if (tracked := forget(one)) is not None}

    def forget(self, ids: Iterable[str]) -> None:
        """Forget contacts whose row does not say whether they have changed."""
        for one in ids:
            self._forget(one)

    def recognise(self, row: Row) -> TrackedContact | None:
        """Return, and forget, the contact of a row that was read; None if it has changed."""
        tracked = self._forget(row[0])
        if tracked is None or tracked.digest != row[_DIGEST]:
            return None
        is_same = tracked.loaded.id == row[_DEFINITION] and tracked.funnel == row[_FUNNEL]
        return tracked if is_same else None

    def keep(self, contacts: Mapping[str, TrackedContact], write_token: WriteToken) -> None:
        """Remember contacts, and forget those that have not been met for longest.

        Args:
            contacts: They, as they were written.
            write_token: Returns what `Bulk.write_token` does, now that everything is written.
        """
        self._token = write_token()
        self._late.update(contacts)
        if len(self._late) >= KEPT:
            self._early, self._late = self._late, {}

    def _forget(self, contact_id: str) -> TrackedContact | None:
        return self._late.pop(contact_id, None) or self._early.pop(contact_id, None)
