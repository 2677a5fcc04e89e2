"""What a vocabulary takes for granted about an event that does not say otherwise."""

from attrs import evolve

from funnelflow.criteria import BOOLEAN, INTEGER, TEXT, Field, Verdict
from funnelflow.definition import Definition, EventType, Stage, Transition, Vocabulary
from funnelflow.engine import Contact, Funnel, decide

from .funnels import T0, all_of

VOCABULARY = Vocabulary(
    "mail",
    fields={"answers": Field("answers", INTEGER, default=0)},
    events={
        "message": EventType(
            "message",
            fields={
                "automated": Field("automated", BOOLEAN, default=False),
                "urgent": Field("urgent", BOOLEAN, default=False),
            },
            sets={"answers": "event.automated ? contact.answers : contact.answers + 1"},
        )
    },
)
FUNNEL = Funnel(
    Definition(
        "mail",
        VOCABULARY,
        "silent",
        (Stage("silent"), Stage("talking")),
        (
            Transition(
                ("silent",), "talking", on=("message",), require=all_of(Person="!event.automated")
            ),
        ),
    )
)


def told(**facts: bool | None) -> Contact:
    return FUNNEL.fold("ada", [FUNNEL.event("message", T0, facts)])


def test_a_default_holds_where_the_event_says_nothing():
    assert told().stage == "talking"
    assert told().fields["answers"] == 1


def test_text_that_an_event_derives_is_known_only_where_it_says_something():
    events = {
        "named": EventType(
            "named",
            fields={"name": Field("name", TEXT)},
            sets={"last": 'event.name == "-" ? " " : event.name'},
        )
    }
    vocabulary = Vocabulary("names", fields={"last": Field("last", TEXT)}, events=events)
    funnel = Funnel(Definition("names", vocabulary, "a", (Stage("a"),)))

    def last(*names: str) -> dict:
        story = [funnel.event("named", T0, {"name": name}) for name in names]
        return funnel.fold("ada", story).fields

    assert last("-") == {}
    assert last("Ada", "-", "") == {"last": "Ada"}


def test_what_the_event_says_wins():
    assert told(automated=True).stage == "silent"
    assert told(automated=True).fields["answers"] == 0


def test_a_fact_that_is_taken_back_is_unknown_all_the_same():
    assert told(automated=None).stage == "silent"


def test_an_explanation_sees_the_default():
    event = FUNNEL.event("message", T0)
    decision = decide(FUNNEL, FUNNEL.new_contact("ada"), event)
    assert [c.verdict for c in decision.considered] == [Verdict.MET]


def test_the_evidence_stays_what_was_said():
    event = FUNNEL.event("message", T0)
    assert decide(FUNNEL, FUNNEL.new_contact("ada"), event).event.facts == {}


def test_a_default_of_an_event_is_no_fact_about_the_contact():
    assert "automated" not in told().fields


def test_another_default_reads_the_same_evidence_in_another_way():
    field = evolve(VOCABULARY.events["message"].fields["automated"], default=True)
    message = evolve(VOCABULARY.events["message"], fields={"automated": field})
    vocabulary = evolve(VOCABULARY, events={"message": message})
    careful = Funnel(evolve(FUNNEL.definition, vocabulary=vocabulary))
    assert careful.fold("ada", [careful.event("message", T0)]).stage == "silent"
