"""The same contact in everybody's words, and what their words ask: pure."""

from typing import TYPE_CHECKING

from funnelflow.lazy import lazy_names

if TYPE_CHECKING:
    from funnelflow.compare.agreement import Agreement, agreement_of, with_decisive
    from funnelflow.compare.meanings import GlossaryEntry, Meaning, Way, glossary
    from funnelflow.compare.needs import Need
    from funnelflow.compare.population import StoryOfMany, read_scenarios
    from funnelflow.compare.stages_at_once import JointStages, joint_stages
    from funnelflow.compare.story_reading import Moment, StoryReading, read_story, story_events
    from funnelflow.compare.thresholds import Threshold, the_threshold
    from funnelflow.compare.translation import Translation, translate
    from funnelflow.compare.two_definitions import Crosswalk, Side, WordPair, crosswalk
    from funnelflow.compare.what_if import WhatIf
    from funnelflow.compare.word_needs import (
        NeedCell,
        NeedRow,
        NeedTable,
        WayNeeds,
        WordNeeds,
        need_table,
    )
    from funnelflow.compare.words_in_common import SharedWord, shared_words
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "agreement": "Agreement agreement_of with_decisive",
            "two_definitions": "Crosswalk Side WordPair crosswalk",
            "stages_at_once": "JointStages joint_stages",
            "meanings": "GlossaryEntry Meaning Way glossary",
            "needs": "Need",
            "population": "StoryOfMany read_scenarios",
            "words_in_common": "SharedWord shared_words",
            "story_reading": "Moment StoryReading read_story story_events",
            "translation": "Translation translate",
            "thresholds": "Threshold the_threshold",
            "what_if": "WhatIf",
            "word_needs": "NeedCell NeedRow NeedTable WayNeeds WordNeeds need_table",
        },
    )

__all__ = [
    "Agreement",
    "Crosswalk",
    "GlossaryEntry",
    "JointStages",
    "Meaning",
    "Moment",
    "Need",
    "NeedCell",
    "NeedRow",
    "NeedTable",
    "SharedWord",
    "Side",
    "StoryOfMany",
    "StoryReading",
    "Threshold",
    "Translation",
    "Way",
    "WayNeeds",
    "WhatIf",
    "WordNeeds",
    "WordPair",
    "agreement_of",
    "crosswalk",
    "glossary",
    "joint_stages",
    "need_table",
    "read_scenarios",
    "read_story",
    "shared_words",
    "story_events",
    "the_threshold",
    "translate",
    "with_decisive",
]
