"""The same contact in everybody's words: translation, crosswalk, stories, glossary. Pure."""

from funnelflow.compare.crosswalk import Cell, Crosswalk, Difference, Often, crosswalk
from funnelflow.compare.exploring import Exploration, Place, explore
from funnelflow.compare.glossary import Entry, Meaning, Way, glossary
from funnelflow.compare.stories import Moment, Reading, read_story
from funnelflow.compare.translating import Translation, translate, without_move

__all__ = [
    "Cell",
    "Crosswalk",
    "Difference",
    "Entry",
    "Exploration",
    "Meaning",
    "Moment",
    "Often",
    "Place",
    "Reading",
    "Translation",
    "Way",
    "crosswalk",
    "explore",
    "glossary",
    "read_story",
    "translate",
    "without_move",
]
