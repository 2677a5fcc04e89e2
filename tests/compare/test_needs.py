"""What everybody in a stage must have had: what lies on every way there, and nothing else."""

import datetime as dt
from typing import Any

import pytest
from attrs import evolve
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from funnelflow.compare import NeedRow, WordNeeds, need_table
from funnelflow.compare.needs import needs_of
from funnelflow.criteria import BOOLEAN, INTEGER, NUMBER, Field
from funnelflow.criteria.cases import Case, is_met
from funnelflow.definition import (
    Criterion,
    Definition,
    EventType,
    Group,
    Linked,
    Stage,
    Transition,
    Vocabulary,
    check,
    link,
    load_definition,
    shipped_definitions,
)
from funnelflow.engine import Funnel
from tests.engine.worlds import definitions, stories

VOCABULARY = Vocabulary(
    "small",
    fields={
        "budget": Field("budget", NUMBER),
        "visits": Field("visits", INTEGER, default=0),
        "fits": Field("fits", BOOLEAN),
    },
    events={name: EventType(name) for name in ("called", "met", "bought")},
)
STAGES = (Stage("new"), Stage("lead"), Stage("prospect", aliases=("hot one",)), Stage("gone"))


def step(sources, to, *needs, on="called", **more):
    return Transition(
        sources, to, on=on, require=tuple(Criterion(f"is {n}", n) for n in needs) or None, **more
    )


def funnel(name, *transitions, stages=STAGES) -> Linked:
    return link(Definition(name, VOCABULARY, "new", stages=stages, transitions=transitions))


def had(linked: Linked, stage: str, beside: Linked | None = None) -> set[str]:
    """Return the criteria that everybody in a stage has met, as far as they are written."""
    needs = needs_of([linked] if beside is None else [linked, beside])[0]
    return {n.words for n in needs.listed(needs.of(stage)) if n.kind == "criterion"}


def test_what_lies_on_every_way_is_needed_and_nothing_else():
    one = funnel(
        "one",
        step("new", "lead", "contact.fits"),
        step("new", "prospect", "contact.fits", "contact.visits > 3", on="met"),
        step("lead", "prospect", "contact.visits > 5"),
        step("prospect", "gone", "contact.budget > 0"),
    )
    assert had(one, "lead") == {"fits is yes", "fits is known"}
    assert had(one, "prospect") == {"fits is yes", "fits is known", "visits is more than 3"}
    assert "budget is more than 0" in had(one, "gone")
    assert had(one, "new") == set()


def test_a_way_back_adds_nothing_and_takes_nothing():
    one = funnel(
        "one",
        step("new", "lead", "contact.fits"),
        step("lead", "prospect", "contact.budget > 0"),
        step("prospect", "lead", on="met"),
    )
    assert had(one, "lead") == {"fits is yes", "fits is known"}
    assert "budget is more than 0" in had(one, "prospect")


def test_a_way_that_cannot_be_taken_is_none():
    one = funnel(
        "one",
        step("new", "prospect", "contact.budget > 5", "contact.budget < 3"),
        step("new", "lead", "contact.fits"),
        step("lead", "prospect"),
    )
    assert "fits is yes" in had(one, "prospect")


def test_thresholds_of_one_are_looked_for_in_the_other():
    strict = funnel("strict", step("new", "prospect", "contact.budget >= 5000"))
    easy = funnel("easy", step("new", "prospect", "contact.budget > 0"))
    assert had(easy, "prospect", strict) == {"budget is more than 0", "budget is known"}
    assert had(strict, "prospect", easy) >= {"budget is at least 5,000", "budget is more than 0"}
    (row,) = rows(strict, easy)["prospect"].values()
    assert row.subject == "budget"
    assert [cell.stand for cell in row.cells.values()] == ["needs", "needs"]
    assert [cell.needs[0].words for cell in row.cells.values()] == [
        "budget is at least 5,000",
        "budget is more than 0",
    ]
    assert not row.is_same


def rows(*linked: Linked) -> dict[str, dict[str, NeedRow]]:
    """Return the rows about criteria, by word and subject."""
    return {
        word.word.word: {row.subject: row for row in word.rows if _is_criterion(row)}
        for word in need_table(linked).words
    }


def _is_criterion(row: NeedRow) -> bool:
    return any(need.rule is not None for cell in row.cells.values() for need in cell.needs)


def test_a_row_says_who_needs_excludes_implies_and_does_not_ask():
    group = Group("any", (Criterion("", "contact.fits"), Criterion("", "contact.visits > 9")))
    one = funnel("one", step("new", "prospect", "contact.visits > 3", "contact.fits"))
    other = funnel("other", step("new", "prospect", "contact.visits <= 3"))
    third = funnel("third", Transition("new", "prospect", on="called", require=group))
    found = rows(one, other, third)["prospect"]
    stands = {s: [c.stand for c in row.cells.values()] for s, row in found.items()}
    assert stands == {
        "visits": ["needs", "needs", "not asked"],
        "fits": ["needs", "not asked", "not asked"],
        "fits, visits": ["implied", "not asked", "needs"],
    }
    assert [c.needs[0].words for c in found["fits, visits"].cells.values() if c.needs] == [
        "fits is yes or visits is more than 9",
        "fits is yes or visits is more than 9",
    ]
    never = funnel("never", step("new", "prospect", "!contact.fits && contact.budget > 1"))
    fits = rows(one, never)["prospect"]["fits"]
    assert [cell.stand for cell in fits.cells.values()] == ["needs", "needs"]


def test_aliases_are_words_too_and_share_an_entry_where_they_mean_the_same():
    one = funnel("one", step("new", "prospect"))
    other = funnel(
        "other",
        step("new", "hot_one"),
        stages=(*STAGES[:2], Stage("hot_one", aliases=("prospect",))),
    )
    words = {w.word.word: w.word for w in need_table([one, other]).words}
    assert words["prospect"].others == ("hot one",)
    assert words["prospect"].stages == {"one": "prospect", "other": "hot_one"}


def word(name, *linked: Linked) -> WordNeeds:
    return next(w for w in need_table(linked).words if w.word.word == name)


def test_events_waits_and_stages_passed_are_needed_too():
    wait = Transition("lead", "prospect", after=dt.timedelta(days=30))
    one = funnel("one", step("new", "lead"), wait, step("prospect", "gone", on=("met", "bought")))
    other = funnel("other", step("new", "prospect", on="met"), step("prospect", "lead", on=()))
    found = {row.subject: row for row in word("prospect", one, other).rows}
    assert found["wait"].askers() == ("one",)
    assert found["wait"].cells["one"].needs[0].words == "30 days in a stage"
    assert [c.needs[0].words for c in found["event"].cells.values()] == ["called", "met"]
    assert found["lead"].cells["one"].needs[0].words == "has been one before"
    assert found["lead"].cells["other"].stand == "not asked"
    back = {row.subject: row for row in word("lead", one, other).rows}
    assert back["prospect"].askers() == ("other",)


def test_a_stage_inside_another_still_is_one():
    inside = (Stage("new"), Stage("lead", stages=(Stage("raw"), Stage("prospect"))))
    one = funnel("one", step("new", "lead"), step("lead.raw", "lead.prospect"), stages=inside)
    other = funnel("other", step("new", "lead"), step("lead", "prospect"))
    (row,) = [r for r in word("prospect", one, other).rows if r.subject == "lead"]
    assert [c.needs[0].words for c in row.cells.values()] == ["still is one", "has been one before"]


def test_where_no_criterion_lies_on_every_way_the_ways_are_told():
    one = funnel(
        "one",
        step("new", "prospect", "contact.fits"),
        step("new", "lead", "contact.visits > 3", on="met"),
        step("lead", "prospect", "contact.budget > 0"),
    )
    found = word("prospect", one, one_more())
    assert {n.words for way in found.ways["one"] for n in way.needs if n.rule} == {
        "fits is yes",
        "visits is more than 3",
        "budget is more than 0",
    }
    assert [way.sources for way in found.ways["one"]] == [("new",), ("lead",)]
    assert found.ways["one"][0].on == ("called",)


def one_more() -> Linked:
    return funnel("more", step("new", "lead"))


def test_a_stage_that_nothing_leads_to_or_that_everybody_begins_in_says_so():
    assert word("prospect", one_more(), funnel("x", step("new", "prospect"))).unreached == ("more",)
    assert word("new", one_more(), funnel("x", step("new", "prospect"))).begins == ("more", "x")


def test_qualified_and_dialogue_share_only_the_fit():
    """What practitioners say of the two is what comes out of their files."""
    both = [load_definition(shipped_definitions() / f"{n}.yaml") for n in ("qualified", "dialogue")]
    found = rows(*both)["prospect"]
    shared = [s for s, row in found.items() if len(row.askers()) > 1]
    assert shared == ["fit with our profile"]
    assert {s for s, row in found.items() if row.askers() == ("qualified",)} == {
        "email, name, phone",
        "budget",
        "authority",
        "buying horizon",
        "alignment",
    }
    assert {s for s, row in found.items() if row.askers() == ("dialogue",)} == {
        "engagements since they gave their details",
        "last exchange",
        "the event's direction",
    }


@settings(max_examples=max(25, settings().max_examples // 5))
@given(definitions(), definitions(), st.data())
def test_what_is_needed_was_so_on_the_way_in_every_story(one, other, data):
    assume(not [p for made in (one, other) for p in check(made) if p.severity == "error"])
    first, second = link(one), link(evolve(other, name="second"))
    needs = needs_of([first, second])[0]
    funnel_ = Funnel(first)
    contact = funnel_.new_contact("ada")
    seen: set[int] = set()
    moments: list[Case] = []

    def watch(_kind: str, _tried: Any, contact: Any, event: Any, now: Any) -> None:
        moments.append(Case(dict(contact.fields), event.facts, now, event.roles))

    for event in data.draw(stories(moves=first.leaves)):
        moments.clear()
        if funnel_.step(contact, event, watch).path:
            for number, need in enumerate(needs.universe):
                if need.rule is not None and any(is_met(need.rule, case) for case in moments):
                    seen.add(number)
        claimed = needs.listed(needs.of(contact.stage))
        had = {needs.universe[number].key for number in seen}
        assert {n.key for n in claimed if n.rule is not None} <= had


@pytest.mark.parametrize("name", ["dialogue", "levels"])
def test_a_definition_beside_itself_asks_the_same(name):
    linked = load_definition(shipped_definitions() / f"{name}.yaml")
    again = link(evolve(linked.definition, name="again"))
    for found in need_table([linked, again]).words:
        assert all(row.is_same for row in found.rows)


def test_a_thousand_criteria_about_one_field_are_told_apart_without_asking_for_ever(monkeypatch):
    monkeypatch.setattr("funnelflow.compare.needs._MOST_ASKED", 3)
    steps = [step("new", "prospect", f"contact.visits > {n}") for n in range(9)]
    one = funnel("one", *steps)
    assert had(one, "prospect") <= {"visits is more than 0", "visits is known"}
    monkeypatch.undo()
    assert had(one, "prospect") == {"visits is more than 0"}
