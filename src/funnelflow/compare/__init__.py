"""The same contact in everybody's words: translation, crosswalk, stories, glossary. Pure."""

from funnelflow.compare.crosswalk import Cell, Crosswalk, Difference, Often, crosswalk
from funnelflow.compare.exploring import Exploration, Place, explore
from funnelflow.compare.glossary import GlossaryEntry, Meaning, Way, glossary
from funnelflow.compare.translate import (
    Moment,
    StoryReading,
    Translation,
    read_story,
    translate,
    without_move,
)

__all__ = [
    "Cell",
    "Crosswalk",
    "Difference",
    "Exploration",
    "GlossaryEntry",
    "Meaning",
    "Moment",
    "Often",
    "Place",
    "StoryReading",
    "Translation",
    "Way",
    "crosswalk",
    "explore",
    "glossary",
    "read_story",
    "translate",
    "without_move",
]
