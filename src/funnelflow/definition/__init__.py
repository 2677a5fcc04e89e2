"""What a company writes: a funnel as records, read from YAML, checked, and linked to run."""

from typing import TYPE_CHECKING

from funnelflow.criteria import Code, Field, Position
from funnelflow.lazy import lazy_names

if TYPE_CHECKING:
    from funnelflow.definition.codec import digest, from_json, to_json
    from funnelflow.definition.difference import DefinitionChange, diff, renamed_stages
    from funnelflow.definition.file_shapes import SchemaName, SharedStory, schema, schema_text
    from funnelflow.definition.library import CriterionProvider, Library, shipped_definitions
    from funnelflow.definition.linked import Linked, LinkedEvent, LinkedInvariant, LinkedTransition
    from funnelflow.definition.linking import check, link, link_stored
    from funnelflow.definition.load import (
        LoadedFile,
        load_definition,
        load_story,
        read_definition,
        read_vocabulary,
    )
    from funnelflow.definition.model import (
        BUILT_IN_EVENTS,
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
        either,
        takes,
    )
    from funnelflow.definition.problem_formats import Format, render_problems
    from funnelflow.definition.problems import CODES, DefinitionError, Problem
    from funnelflow.definition.yaml.nodes import Span
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "codec": "digest from_json to_json",
            "difference": "DefinitionChange diff renamed_stages",
            "file_shapes": "SchemaName SharedStory schema schema_text",
            "library": "CriterionProvider Library shipped_definitions",
            "linked": "Linked LinkedEvent LinkedInvariant LinkedTransition",
            "linking": "check link link_stored",
            "load": "LoadedFile load_definition load_story read_definition read_vocabulary",
            "model": """
                BUILT_IN_EVENTS Criterion Definition EventType Group Invariant Requirement
                Scenario ScenarioStep Stage StageType Transition Vocabulary either takes
            """,
            "problem_formats": "Format render_problems",
            "problems": "CODES DefinitionError Problem",
            "yaml.nodes": "Span",
        },
    )

__all__ = [
    "BUILT_IN_EVENTS",
    "CODES",
    "Code",
    "Criterion",
    "CriterionProvider",
    "Definition",
    "DefinitionChange",
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
    "LoadedFile",
    "Position",
    "Problem",
    "Requirement",
    "Scenario",
    "ScenarioStep",
    "SchemaName",
    "SharedStory",
    "Span",
    "Stage",
    "StageType",
    "Transition",
    "Vocabulary",
    "check",
    "diff",
    "digest",
    "either",
    "from_json",
    "link",
    "link_stored",
    "load_definition",
    "load_story",
    "read_definition",
    "read_vocabulary",
    "renamed_stages",
    "render_problems",
    "schema",
    "schema_text",
    "shipped_definitions",
    "takes",
    "to_json",
]
