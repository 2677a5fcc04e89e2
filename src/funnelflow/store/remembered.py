"""The contacts that a run over a file had a moment ago, so that it need not read them again."""

import gc
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Generic, TypeVar

from funnelflow.store.dialects import CONTACT_COLUMNS, Row
from funnelflow.store.requests import Held, Keyed

__all__ = ["Remembered", "Trusted", "rarely_collected"]

KEPT = 32_768
"""How many contacts are remembered at least, and at most twice as many: some 80 MB."""

_COLLECT_AFTER = 1_000_000
"""New objects after which Python looks for cycles in a run."""

_FUNNEL, _DEFINITION, _DIGEST = (
    [column.name for column in CONTACT_COLUMNS].index(name)
    for name in ("funnel", "definition", "digest")
)

Item = TypeVar("Item")
State = Callable[[], object]
"""Gives what `Bulk.state` says now."""


class _Recent(Generic[Item]):
    """The last things that were kept, by name: at least `KEPT` of them."""

    def __init__(self) -> None:
        self._late: dict[str, Item] = {}
        self._early: dict[str, Item] = {}

    def keep(self, items: Mapping[str, Item]) -> None:
        self._late.update(items)
        if len(self._late) >= KEPT:
            self._early, self._late = self._late, {}

    def take(self, name: str) -> Item | None:
        """Give, and forget, what has that name."""
        return self._late.pop(name, None) or self._early.pop(name, None)

    def clear(self) -> None:
        self._late, self._early = {}, {}


class Remembered:
    """Contacts as the last transaction left them.

    It is lent to a chunk, and lost if that is not committed: what it holds would be wrong
    after a transaction that was undone.
    """

    def __init__(self) -> None:
        self._contacts: _Recent[Held] = _Recent()
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
            self._contacts.clear()
        return self._recall(ids)

    def recall_keys(self, keys: Iterable[str | None]) -> dict[str, Keyed]:  # noqa: ARG002
        """Give what was recorded under keys, as far as that need not be read: nothing here."""
        return {}

    def recognise(self, row: Row) -> Held | None:
        """Give, and forget, the contact of a row that was read; None if it has changed."""
        held = self._contacts.take(row[0])
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
        self._contacts.keep(contacts)

    def _recall(self, ids: Iterable[str]) -> dict[str, Held]:
        take = self._contacts.take
        return {one: held for one in ids if (held := take(one)) is not None}


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
        self._contacts.keep(contacts)
        self._keys = keys


_collecting = threading.Lock()
_runs: list[tuple[int, int, int]] = []
"""The thresholds that the runs of this process found when they began."""


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Keep Python from looking for cycles all the time, until the last run has ended.

    A chunk makes hundreds of thousands of objects at once and no cycles among them; looking
    for some after every few hundred took a quarter of a run.
    """
    with _collecting:
        _runs.append(_runs[0] if _runs else gc.get_threshold())
        gc.set_threshold(_COLLECT_AFTER)
    try:
        yield
    finally:
        with _collecting:
            before = _runs.pop()
            if not _runs:
                gc.set_threshold(*before)
