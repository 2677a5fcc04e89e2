"""What every row must say."""

from funnelflow.errors import UsageError
from funnelflow.store.mapping import Matched

__all__ = ["require"]


def require(matched: Matched, target: str, what: str) -> None:
    """Refuse a file in which nothing says what every row must say.

    Raises:
        UsageError: No column and no constant is the target.
    """
    if not matched.mapping.named(target):
        unread = ", ".join(matched.ignored[:8])
        more = f"; nothing is read from {unread}" if unread else ""
        others = "\nfunnelflow import reads files of contacts" if target == "event" else ""
        raise UsageError(f"no column says {what}", hint=f"--map {target}=COLUMN{more}{others}")
