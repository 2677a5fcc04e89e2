"""What plugins' criteria answered is evidence: folding again gives what was decided."""

import datetime as dt

from hypothesis import assume, given
from hypothesis import strategies as st

from funnelflow.criteria import INTEGER, CustomCall
from funnelflow.criteria.custom import answering
from funnelflow.definition import (
    Criterion,
    CriterionProvider,
    Definition,
    Library,
    check,
)
from funnelflow.engine import Event, Funnel
from funnelflow.engine.answers import AnsweredRow, GivenAnswers, ask_about
from funnelflow.engine.story import OpenStory, StoryRow, answered_rows

from .worlds import HOUR, T0, criteria, definitions, requirements_of, stories

LOOKS = {
    "at_score": lambda call: call.fields.get("score"),
    "at_source_and_calls": lambda call: (call.fields.get("source"), "calls" in call.fields),
    "at_everything": lambda call: sorted(call.fields.items(), key=str),
    "at_the_event": lambda call: call.facts.get("score"),
    "at_the_time": lambda call: call.now.isoformat(),
    "at_nothing": lambda _: None,
}


class Plugin:
    """Offers a criterion for each way to look at a question.

    Attributes:
        answer: Returns its answer to what it saw.
        calls: What it was asked.
    """

    def __init__(self, answer) -> None:
        self.answer = answer
        self.calls: list = []

    def library(self) -> Library:
        return Library(criteria={name: self._offer(name) for name in LOOKS})

    def _offer(self, name: str) -> CriterionProvider:
        def ask(call: CustomCall) -> bool | None:
            saw = name, LOOKS[name](call), call.arguments["least"]
            self.calls.append(saw)
            return self.answer(saw)

        return CriterionProvider(name, ask, name, {"least": INTEGER}, "outside", version="2.1")


def steady(saw):
    """Give the same answer to the same question."""
    return [True, False, True, None][sum(map(ord, repr(saw))) % 4]


def moody(chance):
    """Return what gives any answer, and fails at times."""

    def answer(_saw):
        if chance.random() < 0.2:
            raise OSError("no route to host")
        return chance.choice([True, True, False, None])

    return answer


def nobody(_saw):
    raise AssertionError("it was asked")


asking = requirements_of(
    criteria
    | st.builds(
        lambda name, least: Criterion("", function=name, arguments={"least": least}),
        st.sampled_from(sorted(LOOKS)),
        st.integers(0, 1),
    )
)
asking_definitions = definitions(requirements=asking)


def funnel_of(definition: Definition, plugin: Plugin) -> Funnel:
    """Run a random definition that asks a plugin; the others are passed over."""
    library = plugin.library()
    assume(not [p for p in check(definition, library) if p.severity == "error"])
    funnel = Funnel(definition, library)
    assume(funnel.asks)
    return funnel


class Store:
    """Takes evidence as it arrives, as a database does.

    Attributes:
        funnel: What decides.
        rows: What was recorded.
        contact: Where the contact stands.
    """

    def __init__(self, funnel: Funnel) -> None:
        self.funnel = funnel
        self.rows: list[StoryRow] = []
        self.contact = funnel.new_contact("ada")
        self.given = GivenAnswers(lambda: answered_rows(self.rows))

    def take(self, event: Event) -> None:
        clock = self.contact.clock
        if event.name == "tick":
            if clock is not None and event.at >= clock:
                self._tick(event)
        elif clock is None or event.at < clock:
            self._put_in(event)
        else:
            self.given.decide(event, again=True)
            event, _ = ask_about(self.funnel, self.contact, event, self.given)
            self._step(event._replace(answers=self.given.answers))

    def _tick(self, event: Event) -> None:
        self.given.decide(event, again=True)
        event, moves = ask_about(self.funnel, self.contact, event, self.given)
        if moves or self.given.has_news():
            self._step(event._replace(answers=self.given.answers))

    def _step(self, event: Event) -> None:
        with answering(self.given):
            self.funnel.step(self.contact, event)
        self._record(event)

    def _put_in(self, event: Event) -> None:
        story = OpenStory(self.funnel, "ada", list(self.rows), given=self.given)
        self.given.decide(event)
        with self.given.asking():
            self.contact = story.before(event)
        event, _ = ask_about(self.funnel, self.contact, event, self.given)
        with answering(self.given):
            outcome = self.funnel.step(self.contact, event)
        with self.given.asking():
            story.insert(len(self.rows) + 1, event, outcome, self.contact)
        self._record(event._replace(answers=self.given.answers))

    def _record(self, event: Event) -> None:
        self.rows.append(StoryRow(len(self.rows) + 1, event))
        self.given.add(AnsweredRow(event.at, len(self.rows), event.answers))

    def folded(self):
        """Return the contact that the whole story gives, folded on to its clock."""
        contact = OpenStory(self.funnel, "ada", self.rows).stands(self.contact.clock)
        return self._on(contact, contact.clock)

    def stands(self, at=None):
        """Return the contact as it is kept, folded on to a moment, or its clock."""
        return self._on(self.contact.copy(), at or self.contact.clock)

    def _on(self, contact, at):
        given = GivenAnswers(lambda: answered_rows(self.rows))
        given.turn_to(at)
        with answering(given):
            self.funnel.step(contact, Event("tick", at))
        return contact, contact.unanswered


def apart(events):
    """Put the events of one instant a minute apart: only ties depend on the order of arrival."""
    return [e._replace(at=e.at + i * dt.timedelta(minutes=1)) for i, e in enumerate(events)]


ticks = st.lists(st.integers(0, 400).map(lambda h: Event("tick", T0 + h * HOUR)), max_size=4)


@given(asking_definitions, stories(moves=("s0", "s1")), ticks, st.randoms(use_true_random=False))
def test_folding_again_gives_what_was_decided_whatever_plugins_would_say(
    definition, events, looks, chance
):
    plugin = Plugin(moody(chance))
    store = Store(funnel_of(definition, plugin))
    arriving = [*apart(events), *looks]
    chance.shuffle(arriving)
    for event in arriving:
        store.take(event)
        plugin.answer = nobody
        assert not store.rows or store.folded() == store.stands()
        plugin.answer = moody(chance)


@given(asking_definitions, stories(moves=("s0", "s1")), ticks, st.randoms(use_true_random=False))
def test_a_plugin_that_answers_the_same_gives_one_story_in_any_order(
    definition, events, looks, chance
):
    funnel = funnel_of(definition, Plugin(steady))
    arriving, end = apart(events), T0 + 500 * HOUR
    stores = []
    for order in (arriving, chance.sample(arriving, len(arriving))):
        store = Store(funnel)
        for event in [*order, *looks, Event("tick", end)]:
            store.take(event)
        stores.append(store)
    assert not arriving or stores[0].stands(end) == stores[1].stands(end)
