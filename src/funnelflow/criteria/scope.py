"""What an expression may name: the fields of the contact and of the event, and the time."""

from collections.abc import Mapping
from typing import Final

from attrs import field, frozen

from funnelflow.criteria.fields import Field

__all__ = ["ROOTS", "Scope"]

ROOTS: Final = ("contact", "event")
"""The names before the dot."""


@frozen
class Scope:
    """The fields that an expression may read; ``now`` is always there beside them.

    Attributes:
        contact: What ``contact.x`` may be, by field name.
        event: What ``event.x`` may be, by field name.
    """

    contact: Mapping[str, Field]
    event: Mapping[str, Field] = field(factory=dict)

    def fields(self, root: str) -> Mapping[str, Field]:
        """Give the fields behind ``contact`` or ``event``."""
        return self.contact if root == "contact" else self.event
