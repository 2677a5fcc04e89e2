"""The same story told by each state machine, the way its own documentation tells stories."""
# mypy: disable-error-code="misc, no-untyped-call, untyped-decorator"
# (the peers are not typed)

import datetime as dt
from collections.abc import Callable
from typing import Any

from attrs import frozen

NOW = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
SOURCE = "contact.budget >= 5000 && contact.fits && contact.horizon_days <= 90"


@frozen
class Peer:
    """One way of running the story.

    Attributes:
        name: What it is called.
        make: Gives that many contacts, half of which meet the criteria.
        attempt: Sends one contact the event.
        stage: Reads the stage of a contact.
        unguarded: Whether it knows no guards, so that every attempt moves.
        bare: Gives the same contacts without what a machine adds to each of them.
    """

    name: str
    make: Callable[[int], list[Any]]
    attempt: Callable[[Any], object]
    stage: Callable[[Any], str]
    unguarded: bool = False
    bare: Callable[[int], list[Any]] | None = None


def facts(index: int) -> dict[str, Any]:
    """Give the facts of a contact; every other one fails the last of the three criteria."""
    return {"budget": 9000.0, "fits": True, "horizon_days": 60 if index % 2 else 200}


class Plain:
    """A contact as a hand-written program would have it."""

    __slots__ = ("fields", "stage")

    def __init__(self, fields: dict[str, Any]) -> None:
        self.stage = "lead"
        self.fields = fields


def is_ready(fields: dict[str, Any]) -> bool:
    """Check the three criteria by hand."""
    return bool(fields["budget"] >= 5000 and fields["fits"] and fields["horizon_days"] <= 90)


def dictionary() -> Peer:
    """The floor: a dictionary of functions, and nothing else."""
    table = {("lead", "meet"): (is_ready, "prospect")}

    def attempt(contact: Plain) -> bool:
        row = table.get((contact.stage, "meet"))
        if row is not None and row[0](contact.fields):
            contact.stage = row[1]
            return True
        return False

    return Peer("dictionary", _plain_contacts, attempt, lambda c: str(c.stage))


def _plain_contacts(count: int) -> list[Any]:
    return [Plain(facts(index)) for index in range(count)]


def funnelflow() -> Peer:
    """This project: `Funnel.step`, with the same definition that a file would give."""
    from funnelflow.criteria import BOOLEAN, INTEGER, NUMBER, Field
    from funnelflow.definition import (
        Criterion,
        Definition,
        EventType,
        Stage,
        Transition,
        Vocabulary,
    )
    from funnelflow.engine import Contact, Event, Funnel

    fields = {"budget": NUMBER, "fits": BOOLEAN, "horizon_days": INTEGER}
    funnel = Funnel(
        Definition(
            "story",
            vocabulary=Vocabulary(
                "story",
                fields={name: Field(name, kind) for name, kind in fields.items()},
                events={"meet": EventType("meet")},
            ),
            initial="lead",
            stages=(Stage("lead"), Stage("prospect", type="won")),
            transitions=(
                Transition(
                    ("lead",), "prospect", on=("meet",), require=Criterion("Is ready", SOURCE)
                ),
            ),
        )
    )
    meet = Event("meet", NOW)
    step = funnel.step
    return Peer(
        "funnelflow",
        lambda count: [Contact(str(i), "lead", facts(i)) for i in range(count)],
        lambda contact: step(contact, meet),
        lambda contact: str(contact.stage),
    )


def _stock(**kwargs: Any) -> Any:
    import transitions

    return transitions.Machine(
        model=None,
        states=["lead", "prospect"],
        initial="lead",
        auto_transitions=False,
        model_attribute="stage",
        transitions=[
            {
                "trigger": "meet",
                "source": "lead",
                "dest": "prospect",
                "conditions": ["has_budget", "does_fit", "buys_soon"],
            }
        ],
        **kwargs,
    )


class Guarded:
    """A contact as `transitions` has it: the conditions are methods of the model."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.stage = "lead"
        self.fields = fields

    def has_budget(self) -> bool:
        """Check the first criterion."""
        return bool(self.fields["budget"] >= 5000)

    def does_fit(self) -> bool:
        """Check the second criterion."""
        return bool(self.fields["fits"])

    def buys_soon(self) -> bool:
        """Check the third criterion."""
        return bool(self.fields["horizon_days"] <= 90)


def transitions_unregistered() -> Peer:
    """Stock `transitions`, the event triggered on objects that were never registered."""
    event = _stock().events["meet"]
    return Peer(
        "transitions, unregistered",
        lambda count: [Guarded(facts(i)) for i in range(count)],
        event.trigger,
        lambda c: str(c.stage),
    )


def transitions_registered() -> Peer:
    """Stock `transitions`, every contact registered with the machine, as its README shows."""

    def make(count: int) -> list[Any]:
        machine = _stock()
        contacts = [Guarded(facts(i)) for i in range(count)]
        for contact in contacts:
            machine.add_model(contact, initial="lead")
        return contacts

    bare = transitions_unregistered().make
    return Peer(
        "transitions, registered", make, lambda c: c.meet(), lambda c: str(c.stage), bare=bare
    )


def automat() -> Peer:
    """`automat`, which has no guards: the step is taken without looking at a fact."""
    from automat import MethodicalMachine

    class Lead:
        machine = MethodicalMachine()

        def __init__(self, fields: dict[str, Any]) -> None:
            self.fields = fields
            self.stage = "lead"

        @machine.state(initial=True)
        def lead(self) -> None:
            """The lead stage."""

        @machine.state()
        def prospect(self) -> None:
            """The prospect stage."""

        @machine.input()
        def meet(self) -> None:
            """Somebody met them."""

        @machine.output()
        def enter(self) -> None:
            """Note the stage where it can be read."""
            self.stage = "prospect"

        lead.upon(meet, enter=prospect, outputs=[enter])

    return Peer(
        "automat",
        lambda count: [Lead(facts(i)) for i in range(count)],
        lambda c: c.meet(),
        lambda c: str(c.stage),
        unguarded=True,
        bare=_plain_contacts,
    )


def python_statemachine() -> Peer:
    """`python-statemachine`: a machine for every contact."""
    from statemachine import State, StateMachine

    class Lead(StateMachine):
        lead = State(initial=True)
        prospect = State(final=True)
        meet = lead.to(prospect, cond=["has_budget", "does_fit", "buys_soon"])
        allow_event_without_transition = True

        def __init__(self, fields: dict[str, Any]) -> None:
            self.fields = fields
            super().__init__()

        def has_budget(self) -> bool:
            """Check the first criterion."""
            return bool(self.fields["budget"] >= 5000)

        def does_fit(self) -> bool:
            """Check the second criterion."""
            return bool(self.fields["fits"])

        def buys_soon(self) -> bool:
            """Check the third criterion."""
            return bool(self.fields["horizon_days"] <= 90)

    return Peer(
        "python-statemachine",
        lambda count: [Lead(facts(i)) for i in range(count)],
        lambda c: c.send("meet"),
        lambda c: str(next(iter(c.configuration)).id),
        bare=_plain_contacts,
    )


def django_fsm() -> Peer:
    """`django-fsm-2`: a model's method with conditions; nothing is saved."""
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(INSTALLED_APPS=[], USE_TZ=True)
        django.setup()
    from django.db import models
    from django_fsm import FSMField, TransitionNotAllowed, transition

    class Lead(models.Model):
        stage = FSMField(default="lead")

        class Meta:
            app_label = "benchmarks"

        @transition(
            field=stage,
            source="lead",
            target="prospect",
            conditions=[
                lambda c: c.fields["budget"] >= 5000,
                lambda c: c.fields["fits"],
                lambda c: c.fields["horizon_days"] <= 90,
            ],
        )
        def meet(self) -> None:
            """Somebody met them."""

    def make(count: int) -> list[Any]:
        contacts = []
        for index in range(count):
            contact = Lead()
            contact.fields = facts(index)
            contacts.append(contact)
        return contacts

    def attempt(contact: Any) -> bool:
        try:
            contact.meet()
        except TransitionNotAllowed:
            return False
        return True

    return Peer("django-fsm-2", make, attempt, lambda c: str(c.stage))
