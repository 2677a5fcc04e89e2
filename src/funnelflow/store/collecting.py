"""Python's search for cycles, which a run over a file keeps from its work."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["rarely_collected"]

_COLLECT_AFTER = 1_000_000
"""New objects after which Python looks for cycles in a run."""

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
