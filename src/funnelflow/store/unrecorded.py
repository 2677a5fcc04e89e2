"""Saying what became of evidence when nobody can decide whom it has to be told."""

from funnelflow.store.telling import NoticeError

__all__ = ["not_recorded"]


def not_recorded(error: NoticeError) -> NoticeError:
    """Add to a criterion that does not compile that nothing was stored, and what to do.

    Evidence is kept out rather than told to everybody: a ``when`` may be what keeps a contact
    from being told of to somebody, and the same command, once more, loses nothing.
    """
    first, _, rest = error.message.partition("\n")
    return NoticeError(
        f"{first}, so this was not recorded\n{rest}",
        hint=f"{error.hint}; `funnelflow check` shows where, then do the same again",
    )
