"""Where a contact stands: what to do, what is missing, what to ask next."""

import json

from funnelflow.criteria import NUMBER, TEXT, Check, Field, Verdict
from funnelflow.definition import load_definition, shipped_definitions
from funnelflow.engine import Considered
from funnelflow.engine.questions import questions

from .support import run_in_terminal

AT = ("--at", "2026-03-12T09:30:00Z")
STANDARD = load_definition(shipped_definitions() / "standard.yaml")


def test_why_says_everything_about_a_contact(ada, call):
    done = call("why", "ada", *AT)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "ada is lead.inquiry since 2026-03-01 09:30, for 11 days",
        "  New, and not qualified yet. The open questions are the work.",
        "  looked after by marketing",
        "  known: budget 3,000, email ada@example.com, horizon_days 60 days",
        "",
        "What to do now",
        "  • Answer within one working day, by name",
        "  • Ask about budget, decision and date, one question at a time",
        "",
        "→ lead.recycled (on postponed or returned): open",
        "",
        "→ lead.recycled (after 90 days without activity): not met",
        "    ✗ The time has come    due 2026-05-30 09:30 UTC, in 79 days",
        "",
        "→ prospect (on assessed or call): 2 of 4 criteria are not met",
        "    ✓ We can reach them           email is ada@example.com",
        "    ✗ Budget is at least 5,000    budget is 3,000; needs at least 5,000",
        '    ? Talks to the decider        unknown: ask "Who signs the contract?"',
        "    ✓ Buys within three months    buying horizon is 60 days",
        "",
        "→ customer (on purchased): needs 1 of 2 criteria, and none is met",
        "    ? at least 1 of these 2: 1 not met, 1 unknown",
        "        ✗ They have bought           purchases is 0; needs more than 0",
        "        ? They say that they will    unknown: need",
        "",
        "→ disqualified (on disqualified): not met",
        "    ✗ A reason is given    reason is not known",
        "",
        "What to ask next",
        "  1.  Find out: need           need, for customer",
        "  2.  Who signs the contract?  authority, for prospect",
        "",
        "Next by itself: lead.recycled on 2026-05-30 09:30 (in 79 days)",
        "",
    ]
    assert done.stderr == "hint: funnelflow set ada need=… authority=…\n"


def test_why_as_json_carries_the_same(ada, call):
    answer = json.loads(call("why", "ada", "--json", *AT).stdout)
    assert (answer["contact"], answer["stage"], answer["owner"]) == (
        "ada",
        "lead.inquiry",
        "marketing",
    )
    assert [way["to"] for way in answer["transitions"]][:2] == [
        "lead.recycled",
        "lead.recycled",
    ]
    assert answer["questions"][1] == {
        "field": "authority",
        "ask": "Who signs the contract?",
        "label": "authority",
        "stages": ["prospect"],
        "left": 1,
    }
    assert answer["due_at"] == "2026-05-30T09:30:00.000000Z"


def test_what_time_has_opened_is_shown_without_a_tick(ada, call):
    done = call("why", "ada", "--at", "2026-09-01T09:30:00Z")
    assert "ada is lead.recycled since 2026-05-30 09:30, for 94 days" in done.stdout
    assert "Next by itself" not in done.stdout


def test_an_end_says_that_nothing_leaves_it(ada, call):
    call("record", "ada", "purchased", "amount=5", "--at", "2026-03-03T09:00:00Z")
    shown = call("why", "ada").stdout
    assert "ada is customer" in shown
    assert "No transition leaves this stage." in shown


def test_nobody_by_that_name_is_exit_2(workspace, call):
    assert call("why", "nobody").exit_code == 2


def test_on_a_terminal_marks_are_coloured(ada, workspace):
    _, shown = run_in_terminal("why", "ada", *AT, cwd=workspace)
    assert "\x1b[32m✓\x1b[0m We can reach them" in shown
    assert "\x1b[31m✗\x1b[0m Budget" in shown
    assert "\x1b[33m?\x1b[0m Talks" in shown


def test_an_output_that_carries_ascii_gets_ascii(ada, workspace):
    _, shown = run_in_terminal(
        "why", "ada", *AT, cwd=workspace, env={"PYTHONIOENCODING": "ascii", "NO_COLOR": "1"}
    )
    assert shown.isascii()
    assert "    - Budget is at least 5,000" in shown
    assert "-> lead.recycled" in shown


def leaf(label, verdict, *names):
    missing = tuple(Field(name, NUMBER if name == "budget" else TEXT) for name in names)
    return Check(label, "criterion", verdict, "", missing=missing)


def way(to, *checks):
    return Considered(
        0, "a", to, "move", Verdict.UNKNOWN, Check("", "all", Verdict.UNKNOWN, "", checks=checks)
    )


def asked(*ways):
    return [question.field.name for question in questions(ways, STANDARD)]


def test_the_question_that_alone_opens_a_transition_comes_first():
    far = way("x", leaf("a", Verdict.UNKNOWN, "need"), leaf("b", Verdict.NOT_MET))
    near = way("y", leaf("c", Verdict.UNKNOWN, "budget"), leaf("d", Verdict.MET))
    assert asked(far, near) == ["budget", "need"]


def test_the_question_for_more_stages_comes_first_among_equals():
    ways = [
        way("x", leaf("a", Verdict.UNKNOWN, "need")),
        way("y", leaf("a", Verdict.UNKNOWN, "budget")),
        way("z", leaf("a", Verdict.UNKNOWN, "budget")),
    ]
    assert asked(*ways) == ["budget", "need"]


def test_a_question_is_asked_once():
    twice = way("x", leaf("a", Verdict.UNKNOWN, "need"), leaf("b", Verdict.UNKNOWN, "need"))
    assert asked(twice) == ["need"]


def test_what_events_keep_up_to_date_is_not_asked():
    assert asked(way("x", leaf("a", Verdict.UNKNOWN, "replies", "need"))) == ["need"]


def test_what_only_an_event_can_bring_is_not_asked():
    assert asked(way("x", leaf("a", Verdict.UNKNOWN, "direction"))) == []


def test_unknown_facts_below_a_criterion_that_is_settled_are_not_asked():
    settled = Check("", "any", Verdict.NOT_MET, "", checks=(leaf("a", Verdict.UNKNOWN, "need"),))
    assert asked(way("x", settled)) == []


def test_a_time_before_the_last_evidence_shows_how_it_stood_then(ada, call):
    call("record", "ada", "purchased", "amount=5", "--at", "2026-03-03T09:00:00Z")
    assert "ada is customer" in call("why", "ada", "--at", "2026-03-04T00:00:00Z").stdout
    then = call("why", "ada", "--at", "2026-03-02T00:00:00Z").stdout
    assert then.startswith("ada is lead.inquiry since 2026-03-01 09:30")


def test_a_time_before_all_evidence_is_refused(ada, call):
    done = call("why", "ada", "--at", "2020-01-01T00:00:00Z")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: nothing was known of ada then\nhint: its first evidence")
