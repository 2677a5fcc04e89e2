"""Parts of a definition in plain words."""

from collections.abc import Sequence

from funnelflow.criteria import duration_words
from funnelflow.definition.records import Transition

__all__ = ["either", "takes"]


def takes(transition: Transition) -> str:
    """Say what takes a transition: its events, the time it waits, or nothing but its criteria.

    Args:
        transition: The transition.
    """
    ways = [f"on {either(transition.on)}"] if transition.on else []
    if transition.after is not None:
        counted = "without activity" if transition.since == "activity" else "in this stage"
        ways.append(f"after {duration_words(transition.after)} {counted}")
    return ", or ".join(ways) or "as soon as its criteria are met"


def either(names: Sequence[str]) -> str:
    """Join names as alternatives: ``a, b or c``.

    Args:
        names: At least one name.
    """
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
