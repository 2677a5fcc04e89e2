"""A criterion that a plugin offers, written in Python."""

from collections.abc import Callable, Mapping

from attrs import field, frozen

from funnelflow.criteria import CustomCall, Type, Value

__all__ = ["CriterionProvider"]


@frozen
class CriterionProvider:
    """A criterion that a definition uses as ``{criterion: name, …arguments}``.

    Attributes:
        name: What definitions call it.
        function: Tells whether it is met: True, False, or None for unknown.
        label: What people read where the definition gives no label.
        parameters: The arguments it takes, with their types.
        provider: The plugin that offers it, for messages.
        reads: The contact's fields it looks at.
        defaults: The arguments that may be left out, with their values.
    """

    name: str
    function: Callable[[CustomCall], bool | None]
    label: str
    parameters: Mapping[str, Type] = field(factory=dict)
    provider: str = ""
    reads: tuple[str, ...] = ()
    defaults: Mapping[str, Value] = field(factory=dict)
