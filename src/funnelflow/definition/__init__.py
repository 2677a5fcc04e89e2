"""What a company writes: a funnel as records, read from YAML, checked, and linked to run."""

from funnelflow.criteria import Field, Position
from funnelflow.definition.codec import digest, from_json, to_json
from funnelflow.definition.codes import CODES, Code
from funnelflow.definition.difference import Change, diff, renamed_stages
from funnelflow.definition.library import Library, shipped_definitions
from funnelflow.definition.linked import (
    Linked,
    LinkedEvent,
    LinkedInvariant,
    LinkedTransition,
)
from funnelflow.definition.linking import check, link
from funnelflow.definition.problems import DefinitionError, Problem
from funnelflow.definition.providers import CriterionProvider
from funnelflow.definition.reading import Reading, load_definition, read_definition, read_vocabulary
from funnelflow.definition.records import (
    Criterion,
    Definition,
    EventType,
    Group,
    Invariant,
    Requirement,
    Scenario,
    ScenarioStep,
    Stage,
    StageType,
    Transition,
    Vocabulary,
)
from funnelflow.definition.schema import schema, schema_path
from funnelflow.definition.shown import Format, render_problems
from funnelflow.definition.told import Story, load_story
from funnelflow.definition.words import either, takes

__all__ = [
    "CODES",
    "Change",
    "Code",
    "Criterion",
    "CriterionProvider",
    "Definition",
    "DefinitionError",
    "EventType",
    "Field",
    "Format",
    "Group",
    "Invariant",
    "Library",
    "Linked",
    "LinkedEvent",
    "LinkedInvariant",
    "LinkedTransition",
    "Position",
    "Problem",
    "Reading",
    "Requirement",
    "Scenario",
    "ScenarioStep",
    "Stage",
    "StageType",
    "Story",
    "Transition",
    "Vocabulary",
    "check",
    "diff",
    "digest",
    "either",
    "from_json",
    "link",
    "load_definition",
    "load_story",
    "read_definition",
    "read_vocabulary",
    "renamed_stages",
    "render_problems",
    "schema",
    "schema_path",
    "shipped_definitions",
    "takes",
    "to_json",
]
