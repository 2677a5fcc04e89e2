"""Letting Python's garbage collector rest: for many records at once, or a short process."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_COLLECT_AFTER: Final = 100_000
"""New objects after which a command looks for cycles; Python's own 700 suit what runs for long."""


@contextmanager
def gc_paused() -> Iterator[None]:
    """Switch the cyclic garbage collector off for a while, if it is on.

    Nodes, expressions, rows and contacts refer to each other in trees, so it would find next to
    nothing, and looking through hundreds of thousands of them again and again takes long: a
    definition of 5,000 transitions was checked in 1.1 s with it and in 0.9 s without, a file of
    100,000 rows applied in 4.5 s and in 3.4 s. What can pile up meanwhile is the caller's to bound.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def collect_rarely() -> None:
    """Have a process that lives for a moment look for cycles rarely, and not when it ends.

    A command makes a hundred thousand objects that stay, above all of the modules it loads:
    looking through them again and again took a sixth of `funnelflow list`.
    """
    gc.set_threshold(_COLLECT_AFTER)
    atexit.register(gc.freeze)
