"""The rules a definition is held to, from a file or built in Python, by theme."""

from funnelflow.definition.linked import Linked
from funnelflow.definition.problems import Problems
from funnelflow.definition.records import Definition
from funnelflow.definition.stages import StageIndex

__all__ = ["check_sound", "check_whole"]


def check_sound(definition: Definition, index: StageIndex, problems: Problems) -> None:
    """Check what can be said of each part by itself."""


def check_whole(linked: Linked, problems: Problems) -> None:
    """Check what can only be said of stages and transitions together."""
