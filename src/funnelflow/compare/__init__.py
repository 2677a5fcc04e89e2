"""The same contact in everybody's words: translation, crosswalk, stories, glossary. Pure."""

from typing import TYPE_CHECKING

from funnelflow.lazy import lazy_names

if TYPE_CHECKING:
    from funnelflow.compare.agreement import Cell, Crosswalk, Difference, Often, crosswalk
    from funnelflow.compare.exploring import Exploration, Place, explore
    from funnelflow.compare.meanings import GlossaryEntry, Meaning, Way, glossary
    from funnelflow.compare.needs import Need
    from funnelflow.compare.story_reading import Moment, StoryReading, read_story
    from funnelflow.compare.translation import Translation, translate
    from funnelflow.compare.word_needs import (
        NeedCell,
        NeedRow,
        NeedTable,
        WayNeeds,
        WordNeeds,
        need_table,
    )
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "agreement": "Cell Crosswalk Difference Often crosswalk",
            "exploring": "Exploration Place explore",
            "meanings": "GlossaryEntry Meaning Way glossary",
            "needs": "Need",
            "story_reading": "Moment StoryReading read_story",
            "translation": "Translation translate",
            "word_needs": "NeedCell NeedRow NeedTable WayNeeds WordNeeds need_table",
        },
    )

__all__ = [
    "Cell",
    "Crosswalk",
    "Difference",
    "Exploration",
    "GlossaryEntry",
    "Meaning",
    "Moment",
    "Need",
    "NeedCell",
    "NeedRow",
    "NeedTable",
    "Often",
    "Place",
    "StoryReading",
    "Translation",
    "Way",
    "WayNeeds",
    "WordNeeds",
    "crosswalk",
    "explore",
    "glossary",
    "need_table",
    "read_story",
    "translate",
]
