"""What is evidence, and what is refused."""

import datetime as dt

import pytest

from funnelflow.criteria import INTEGER, Field
from funnelflow.definition import Definition, EventType, Stage, Transition, Vocabulary
from funnelflow.engine import Event, Funnel, decide
from funnelflow.errors import FieldError, UnknownNameError, UsageError

from .funnels import DAY, SMALL, T0


@pytest.fixture(scope="module")
def funnel() -> Funnel:
    return Funnel(SMALL)


def test_times_are_kept_in_utc(funnel):
    event = funnel.event("met", "2026-03-02T10:00:00+01:00")
    assert event.at == T0
    assert event.at.tzinfo is dt.UTC


def test_a_time_without_an_offset_is_refused_unless_a_zone_is_named(funnel):
    with pytest.raises(FieldError):
        funnel.event("met", "2026-03-02T10:00:00")
    zone = dt.timezone(dt.timedelta(hours=1))
    assert funnel.event("met", "2026-03-02T10:00:00", timezone=zone).at == T0


def test_facts_are_normalised_by_their_fields(funnel):
    assert funnel.event("set", T0, {"budget": 5000}).facts == {"budget": 5000.0}
    assert funnel.event("set", T0, {"budget": "5000"}, text=True).facts == {"budget": 5000.0}


def test_text_is_not_silently_a_number(funnel):
    with pytest.raises(FieldError, match="budget"):
        funnel.event("set", T0, {"budget": "5000"})


@pytest.mark.parametrize("blank", ["", "  ", "\u00a0", "\u200b\ufeff", ["", " "]])
def test_blank_text_says_nothing(funnel, blank):
    """It is no known value, and takes none back; only null does. Names are still looked up."""
    for name in ("email", "budget", "seen_at"):
        assert funnel.event("set", T0, {name: blank, "fits": True}).facts == {"fits": True}
    assert funnel.event("set", T0, {"email": None}).facts == {"email": None}
    with pytest.raises(UnknownNameError):
        funnel.event("set", T0, {"bugdet": blank})


def test_blank_text_that_a_person_types_takes_a_fact_back(funnel):
    assert funnel.event("set", T0, {"email": ""}, text=True).facts == {"email": None}


def test_an_unknown_event_names_the_nearest(funnel):
    with pytest.raises(UnknownNameError) as caught:
        funnel.event("form_submited", T0)
    assert caught.value.hint == "did you mean 'form_submitted'?"


def test_an_unknown_field_names_the_nearest(funnel):
    with pytest.raises(UnknownNameError) as caught:
        funnel.event("met", T0, {"bugdet": 1})
    assert caught.value.hint == "did you mean 'budget'?"


def test_an_unknown_stage_names_the_nearest(funnel):
    with pytest.raises(UnknownNameError) as caught:
        funnel.event("move", T0, to="prospekt")
    assert "prospect" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("move", {}),
        ("met", {"to": "lead"}),
        ("set", {"force": True, "reason": "x"}),
        ("move", {"to": "lead", "force": True}),
        ("move", {"to": "lead", "force": True, "reason": "  "}),
        ("move", {"to": "lead", "force": True, "reason": "\u200b"}),
        ("tick", {"facts": {"fits": True}}),
    ],
)
def test_what_does_not_go_together_is_refused(funnel, name, kwargs):
    with pytest.raises(UsageError):
        funnel.event(name, T0, **kwargs)


def test_roles_are_part_of_the_evidence_in_one_order(funnel):
    assert funnel.event("met", T0, roles=("sales", "admin", "sales")).roles == ("admin", "sales")


@pytest.mark.parametrize("actor", ["a\x00b", "\ud800"])
def test_an_actor_that_a_database_cannot_hold_is_refused(funnel, actor):
    with pytest.raises(FieldError):
        funnel.event("met", T0, actor=actor)


RENAMED = Definition(
    "small",
    vocabulary=Vocabulary(
        "small",
        fields={"talks": Field("talks", INTEGER, default=0)},
        events={
            "talked": EventType(
                "talked",
                fields={"minutes": Field("minutes", INTEGER, default=1)},
                sets={"talks": "contact.talks + event.minutes"},
                aliases=("met", "called"),
            ),
            "wrote": EventType("wrote"),
        },
    ),
    initial="a",
    stages=(Stage("a"), Stage("b"), Stage("c")),
    transitions=(
        Transition("a", "b", on="talked"),
        Transition("b", "c", after=10 * DAY, since="activity"),
    ),
)


def test_evidence_under_a_name_that_an_event_had_before_is_read_as_that_event():
    funnel = Funnel(RENAMED)
    story = [
        Event("add", T0),
        Event("met", T0 + DAY, {"minutes": 5}),
        Event("called", T0 + 2 * DAY),
    ]
    contact = funnel.fold("ada", story)
    assert (contact.stage, contact.since, contact.fields["talks"]) == ("b", T0 + DAY, 6)
    assert funnel.due_at(contact) == T0 + 12 * DAY
    assert decide(funnel, funnel.new_contact("ada"), story[1]).after == "b"
    renamed = [event._replace(name="talked") if event.name != "add" else event for event in story]
    assert funnel.fold("ada", renamed) == contact


def test_what_is_told_under_a_name_of_before_is_recorded_under_that_of_now():
    funnel = Funnel(RENAMED)
    facts = {"minutes": 5}
    assert funnel.event("met", T0, facts) == funnel.event("talked", T0, facts)
    with pytest.raises(UnknownNameError) as caught:
        funnel.event("talkd", T0)
    assert caught.value.hint == "did you mean 'talked'?"
    assert list(funnel.linked.events) == ["talked", "wrote"]
