"""A definition as a picture."""

from attrs import evolve

from funnelflow.definition import Stage, link
from funnelflow.engine.diagram import diagram

from .funnels import SMALL, STAGES


def test_mermaid_shows_the_nesting_and_what_takes_each_transition():
    drawn = diagram(link(SMALL)).splitlines()
    lines = [line.strip() for line in drawn]
    assert lines[3] == "stateDiagram-v2"
    assert "target --> lead: form_submitted [1 criterion]" in lines
    assert "lead.inquiry --> lead.ready: automatically [2 criteria]" in lines
    assert "prospect --> lead: went_quiet or after 30 days" in lines
    assert "[*] --> lead.inquiry" in lines
    assert "[*] --> target" in lines
    assert "customer --> [*]" in lines


def test_dot_is_a_graph_of_the_same_stages():
    drawn = diagram(link(SMALL), "dot")
    assert drawn.startswith("digraph small {")
    assert '"lead.inquiry" -> "lead.ready" [label="automatically [2 criteria]"]' in drawn


def test_what_mermaid_would_read_as_syntax_is_written_as_entities():
    hostile = Stage("gone", type="lost", title='x" as y\n: --> z; #35;{')
    definition = evolve(SMALL, stages=(*STAGES[:-1], hostile), title='a"b')
    drawn = diagram(link(definition))
    assert 'state "x#34; as y#10;#58; #45;#45;#62; z#59; #35;35#59;#123;" as gone' in drawn
    assert 'title: "a#34;b"' in drawn


def test_a_hyphen_in_a_name_does_not_end_it():
    stages = (*STAGES[:-1], Stage("gone-cold", type="lost"))
    transitions = tuple(
        evolve(t, to="gone-cold") if t.to == "gone" else t for t in SMALL.transitions
    )
    drawn = diagram(link(evolve(SMALL, stages=stages, transitions=transitions)))
    assert "gone-cold -->" not in drawn
    assert "gone_cold" in drawn
