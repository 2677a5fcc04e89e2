"""A decision, drawn: every way that was looked at, every reason, and what to do next."""

import datetime as dt

import pytest

from funnelflow.cli.decisions import decision_answer
from funnelflow.cli.text import PLAIN, Page
from funnelflow.definition import load_definition
from funnelflow.engine import Funnel, decide

START = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)

DEFINITION = """\
funnel: drawn
title: For drawing
initial: lead
force: [boss]
fields:
  budget: {type: number, unit: EUR, ask: What may it cost?}
  authority: {type: text, values: [decides, none], ask: Who signs the contract?}
  need: text
  engagements: {type: integer, default: 0}
events:
  met: {sets: {engagements: contact.engagements + 1}}
  called: {}
stages:
  lead: {playbook: [Call them]}
  cold: {}
  prospect: {playbook: [Meet them, Write it down]}
  customer: {type: won}
  approved: {}
transitions:
  - from: lead
    to: prospect
    on: met
    require:
      - Rich: contact.budget >= 5000
      - any:
          - Decides: contact.authority == "decides"
          - Needs it badly: contact.need == "badly"
  - from: lead
    to: prospect
    on: called
    by: [sales]
    require: [They came to us: contact.engagements > 2]
  - {from: [lead, cold], to: approved, on: called, require: [予算がある: contact.budget > 0]}
  - {from: lead, to: cold, after: 5d, require: [Forgotten: contact.engagements > 99]}
  - {from: lead, to: cold, after: 30d}
  - {from: prospect, to: customer, require: [Needs it badly: contact.need == "badly"]}
"""


@pytest.fixture(scope="module")
def funnel(tmp_path_factory):
    path = tmp_path_factory.mktemp("drawn") / "drawn.yaml"
    path.write_text(DEFINITION)
    return Funnel(load_definition(path))


@pytest.fixture
def answer(funnel):
    """Decide one event about a lead with the facts given, and draw the decision."""

    def drawn(name, /, to="", facts=None, page=PLAIN, at=START + DAY, **event):
        known = {"budget": 3000, **(facts or {})}
        contact = funnel.fold("ada", [funnel.event("add", START, known)])
        decision = decide(funnel, contact, funnel.event(name, at, to=to, **event))
        drawn = decision_answer(decision, page)
        return page.paint(drawn.lines).splitlines(), drawn.hint

    return drawn


def test_every_way_to_the_stage_gets_a_block_of_its_own(answer):
    lines, hint = answer("move", "prospect")
    assert lines == [
        "ada stays lead: none of the 2 transitions to prospect is open",
        "",
        "  2 of 2 criteria for prospect are not met (on met)",
        "  ✗ Rich                  budget is 3,000 EUR; needs at least 5,000 EUR",
        "  ? any of these 2: 2 unknown",
        '      ? Decides           unknown: ask "Who signs the contract?"',
        "      ? Needs it badly    unknown: need",
        "",
        "  2 of 2 criteria for prospect are not met (on called)",
        "  ✗ by sales           no role; needs sales",
        "  ✗ They came to us    engagements is 0; needs more than 2",
        "",
    ]
    assert hint == (
        "funnelflow set ada budget=… authority=… need=… ; "
        "from lead you can also reach: approved, cold"
    )


def test_what_events_keep_up_to_date_is_not_to_be_set_by_hand(answer):
    assert "engagements=" not in answer("move", "prospect")[1]


def test_unknown_alone_is_called_unknown(answer):
    lines, _ = answer("move", "prospect", facts={"budget": 9000}, roles=["sales"])
    assert "  1 of 2 criteria for prospect is unknown (on met)" in lines


def test_a_forced_move_by_the_wrong_hands_says_who_may(answer):
    lines, _ = answer("move", "customer", force=True, reason="x")
    assert lines[0] == "ada stays lead: the move to customer cannot be forced"
    assert "only boss may force a move" in lines[2]


def test_a_forced_move_by_the_right_hands_says_that_it_was_forced(answer):
    lines, _ = answer("move", "customer", force=True, reason="x", roles=["boss"])
    assert lines[:2] == ["ada moved: lead → customer", "  → customer: forced past its criteria"]


def test_what_time_looked_at_first_is_no_reason_of_a_refusal(answer):
    lines, _ = answer("move", "prospect", at=START + 6 * DAY)
    assert lines[0] == "ada stays lead: none of the 2 transitions to prospect is open"
    assert not any("Forgotten" in line for line in lines)


def test_time_that_moved_somebody_before_the_move_is_mentioned(answer):
    lines, _ = answer("move", "prospect", at=START + 40 * DAY)
    assert lines == [
        "ada is cold: no transition leads from there to prospect",
        "  → cold: its time had come",
    ]


def test_a_path_of_several_steps_is_shown_step_by_step(answer):
    facts = {"budget": 9000, "need": "badly"}
    lines, hint = answer("met", facts=facts)
    assert lines == [
        "ada moved: lead → prospect → customer",
        "  → customer: its criteria are met",
        "  engagements  0 → 1",
    ]
    assert hint == ""


def test_who_arrives_comes_with_the_playbook(answer):
    lines, _ = answer("met", facts={"budget": 9000, "authority": "decides"})
    assert lines[-3:] == ["What to do now", "  • Meet them", "  • Write it down"]


def test_an_event_that_moves_nobody_says_why(answer):
    lines, hint = answer("met")
    assert lines[:4] == [
        "ada stays lead: met is kept, and criteria are not met",
        "  engagements  0 → 1",
        "",
        "  2 of 2 criteria for prospect are not met (on met)",
    ]
    assert hint == "funnelflow set ada budget=… authority=… need=…"


def test_a_move_to_where_it_is_says_so(answer):
    assert answer("move", "lead")[0] == ["ada stays lead: it is there already"]


@pytest.mark.parametrize("width", [30, 45, 59, 60, 72, 100])
@pytest.mark.parametrize("stage", ["prospect", "approved"])
def test_no_line_is_wider_than_the_terminal(answer, width, stage):
    page = Page(width=width, terminal=True)
    lines, _ = answer("move", stage, page=page, facts={"budget": 0})
    assert all(page.columns(line) <= width for line in lines)
