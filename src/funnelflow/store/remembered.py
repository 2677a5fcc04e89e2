"""The contacts that a run over a file had a moment ago, so that it need not read them again."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from funnelflow.store.dialects import CONTACT_COLUMNS, Row
from funnelflow.store.requests import Held, Keyed

__all__ = ["Remembered", "Trusted"]

KEPT = 32_768
"""How many contacts are remembered at least, and at most twice as many: some 80 MB."""

_FUNNEL, _DEFINITION, _DIGEST = (
    [column.name for column in CONTACT_COLUMNS].index(name)
    for name in ("funnel", "definition", "digest")
)

State: TypeAlias = Callable[[], object]
"""Gives what `Bulk.state` says now."""


class Remembered:
    """Contacts as the last transaction left them.

    It is lent to a chunk, and lost if that is not committed: what it holds would be wrong
    after a transaction that was undone.
    """

    def __init__(self) -> None:
        self._late: dict[str, Held] = {}
        self._early: dict[str, Held] = {}
        self._state: object = None

    def recall(self, ids: Iterable[str], state: State) -> dict[str, Held]:
        """Give, and forget, the contacts that need not be read.

        Args:
            ids: The contacts that are wanted.
            state: Gives what `Bulk.state` says; when that is not what it was, somebody else
                has written, and nothing that is remembered can be relied on.
        """
        now = state()
        if now is None:
            return {}
        if now != self._state:
            self._late, self._early = {}, {}
        return self._recall(ids)

    def recall_keys(self, keys: Iterable[str | None]) -> dict[str, Keyed]:  # noqa: ARG002
        """Give what was recorded under keys, as far as that need not be read: nothing here."""
        return {}

    def recognise(self, row: Row) -> Held | None:
        """Give, and forget, the contact of a row that was read; None if it has changed."""
        held = self._forget(row[0])
        if held is None or held.digest != row[_DIGEST]:
            return None
        is_same = held.running.id == row[_DEFINITION] and held.funnel == row[_FUNNEL]
        return held if is_same else None

    def keep(self, contacts: dict[str, Held], keys: dict[str, Keyed], state: State) -> None:  # noqa: ARG002
        """Remember contacts, and forget those that have not been met for longest.

        Args:
            contacts: They, as they were written.
            keys: What was recorded under which key.
            state: Gives what `Bulk.state` says, now that everything is written.
        """
        self._state = state()
        self._keep(contacts)

    def _keep(self, contacts: dict[str, Held]) -> None:
        self._late.update(contacts)
        if len(self._late) >= KEPT:
            self._early, self._late = self._late, {}

    def _recall(self, ids: Iterable[str]) -> dict[str, Held]:
        forget = self._forget
        return {one: held for one in ids if (held := forget(one)) is not None}

    def _forget(self, contact_id: str) -> Held | None:
        return self._late.pop(contact_id, None) or self._early.pop(contact_id, None)


class Trusted(Remembered):
    """Contacts as they will be when what was decided on them has been written.

    They are ahead of the database, so what is remembered counts, and so do the keys of the last
    chunk, which may not be written yet. If anybody else writes, it is not true any more, and
    whoever writes what was decided on it notices.
    """

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[str, Keyed] = {}

    def recall(self, ids: Iterable[str], state: State) -> dict[str, Held]:  # noqa: ARG002
        """Give, and forget, the contacts that are remembered."""
        return self._recall(ids)

    def recall_keys(self, keys: Iterable[str | None]) -> dict[str, Keyed]:
        """Give what was recorded under keys in the chunk before."""
        return {key: self._keys[key] for key in keys if key in self._keys}

    def keep(self, contacts: dict[str, Held], keys: dict[str, Keyed], state: State) -> None:  # noqa: ARG002
        """Remember contacts and keys, and forget those that have not been met for longest."""
        self._keep(contacts)
        self._keys = keys
