"""What marks a hook and an implementation of one, for pluggy."""

from typing import Any, Final

import pluggy

__all__ = ["ENTRY_POINTS", "PROJECT", "hookimpl", "hookspec", "secret"]

PROJECT: Final = "funnelflow"
ENTRY_POINTS: Final = "funnelflow.v1"
"""The group of entry points in which installed plugins are found."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Put before a function of a plugin: it is an implementation of the hook of its name."""

secret: Final[dict[str, Any]] = {"funnelflow_secret": True}
"""Marks a setting that nobody may see: ``token: str = field(metadata=secret, repr=False)``."""
