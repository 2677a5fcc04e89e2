"""What `compare` claims about definitions, held against random stories: no claim may be false.

Stories have events with facts, facts taken back, counters told by hand, waits, and moves by hand.
They are random, but half of their steps try to open a transition of one of the definitions, so
that they get deep into all of them. Needs are held against every story; *always*, *never* and who
contains whom against those without moves by hand, which these claims leave out and say so.
"""

import datetime as dt
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from itertools import permutations
from typing import Any

from attrs import evolve

from funnelflow.compare.needs import Needs, needs_of
from funnelflow.compare.stages_at_once import JointStages, joint_stages
from funnelflow.compare.word_needs import need_table
from funnelflow.compare.words_in_common import SharedWord, is_within, shared_words
from funnelflow.criteria import BOOLEAN, TIMESTAMP, Field, constants_of, rule_expressions
from funnelflow.criteria.cases import Case, is_met
from funnelflow.criteria.implication import find_case
from funnelflow.definition import DefinitionError, Linked, load_definition, shipped_definitions
from funnelflow.engine import Contact, Event, Funnel, GuardedTransition

STORIES = 5_000
MUTANTS = 500
STORIES_A_MUTANT = 60
LONGEST = 9
T0 = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)


def run(what: str = "all", count: str = "") -> None:
    """Print how many claims are false: about shipped definitions, changed ones, or both.

    Args:
        what: ``shipped``, ``mutants``, or ``all``.
        count: How many stories, or changed definitions; the documented number if empty.
    """
    if what in ("all", "shipped"):
        _shipped(int(count or STORIES))
    if what in ("all", "mutants"):
        _mutants(int(count or MUTANTS))


def _shipped(stories: int) -> None:
    files = sorted(shipped_definitions().glob("*.yaml"))
    funnels = [Funnel(load_definition(path)) for path in files]
    claims = Claims(funnels)
    _told(claims)
    start = time.process_time()
    wrong = claims.false_over(stories, random.Random(1))
    spent = time.process_time() - start
    print(f"  over {stories:,} random stories ({spent:.0f} s): {len(wrong)} false claims")
    for text in sorted(wrong)[:20]:
        print(f"    {text}")


def _mutants(count: int) -> None:
    """Compare definitions with copies of them that are changed in one place."""
    rng = random.Random(2)
    files = sorted(shipped_definitions().glob("*.yaml"))
    sources = [Funnel(load_definition(path)) for path in files]
    makers = [mutants(funnel, rng) for funnel in sources]
    verdicts: Counter[str] = Counter()
    wrong: set[str] = set()
    for number in range(count):
        source = sources[number % len(sources)]
        claims = Claims([source, next(makers[number % len(makers)])])
        false, seen = claims.beside_stories(STORIES_A_MUTANT, rng)
        wrong |= {f"{number}: {text}" for text in false}
        verdicts.update(claims.verdicts(seen))
    print(f"{count} definitions changed in one place, {STORIES_A_MUTANT} stories each")
    for verdict, found in verdicts.most_common():
        print(f"  {verdict:<58}{found:>6}")
    print(f"  wrong verdicts: {len(wrong)}")
    for text in sorted(wrong)[:20]:
        print(f"    {text}")


def _told(claims: "Claims") -> None:
    names = [needs.linked.definition.name for needs in claims.needs]
    print(f"{len(names)} definitions, {len(claims.joint)} ordered pairs")
    never = sum(
        joint.never(a, b)
        for joint in claims.joint.values()
        for a in joint.first.leaves
        for b in joint.second.leaves
    )
    contained = sum(
        joint.is_contained(word.stages[one], word.stages[other])
        for (one, other), joint in claims.joint.items()
        for word in claims.words[one, other]
    )
    words = sum(map(len, claims.words.values()))
    print(f"  claimed: {never} pairs of stages never, {contained} of {words} words contained")
    print(f"  words with a difference or a proof of equality: {_share(claims)}")


def _share(claims: "Claims") -> str:
    """Return for how many shared words something useful is said."""
    told = total = 0
    for (one, other), joint in claims.joint.items():
        linked = [joint.first, joint.second]
        for found in need_table(linked).words:
            total += 1
            stages = found.word.stages
            is_equal = joint.is_contained(stages[one], stages[other]) and joint.is_contained(
                stages[one], stages[other], swapped=True
            )
            differs = any(not row.is_same for row in found.rows) or bool(found.ways)
            told += differs or is_equal or bool(found.begins) or bool(found.unreached)
    return f"{told} of {total}"


class Claims:
    """What is claimed about some definitions, and what random stories have to say to it."""

    def __init__(self, funnels: Sequence[Funnel]) -> None:
        self.funnels = list(funnels)
        linked = [funnel.linked for funnel in funnels]
        self.needs: tuple[Needs, ...] = needs_of(linked)
        named = {one.definition.name: one for one in linked}
        self.joint: dict[tuple[str, str], JointStages] = {
            (a, b): joint_stages(named[a], named[b]) for a, b in permutations(named, 2)
        }
        self.words: dict[tuple[str, str], tuple[SharedWord, ...]] = {
            (a, b): shared_words([named[a], named[b]]) for a, b in self.joint
        }
        self.wanted = [_claimable(needs) for needs in self.needs]
        self.made = StoryMaker(funnels)

    def false_over(self, stories: int, rng: random.Random) -> set[str]:
        """Return what random stories show to be false."""
        wrong: set[str] = set()
        for _ in range(stories):
            wrong |= self.false_in(self.made.story(rng))
        return wrong

    def false_in(self, story: Sequence[Event]) -> set[str]:
        """Return what one story shows to be false."""
        readers = [_Reader(f, n, w) for f, n, w in zip(self.funnels, self.needs, self.wanted,
                                                       strict=True)]  # fmt: skip
        wrong: set[str] = set()
        has_moved = False
        for event in story:
            has_moved = has_moved or event.name == "move"
            for reader in readers:
                wrong |= reader.take(event)
            if not has_moved:
                wrong |= self._false_at({r.name: r.contact.stage for r in readers})
        return wrong

    def beside_stories(
        self, stories: int, rng: random.Random
    ) -> tuple[set[str], set[tuple[str, str, str]]]:
        """Return what random stories show to be false, and what words one definition uses alone."""
        wrong: set[str] = set()
        seen: set[tuple[str, str, str]] = set()
        for _ in range(stories):
            story = [event for event in self.made.story(rng) if event.name != "move"]
            wrong |= self.false_in(story)
            contacts = [funnel.new_contact("ada") for funnel in self.funnels]
            for event in story:
                for funnel, contact in zip(self.funnels, contacts, strict=True):
                    funnel.step(contact, event)
                seen |= self._only_here(contacts)
        return wrong, seen

    def _only_here(self, contacts: Sequence[Contact]) -> set[tuple[str, str, str]]:
        stages = {f.definition.name: c.stage for f, c in zip(self.funnels, contacts, strict=True)}
        return {
            (one, other, word.word)
            for one, other in self.joint
            for word in self.words[one, other]
            if is_within(stages[one], word.stages[one])
            and not is_within(stages[other], word.stages[other])
        }

    def verdicts(self, seen: set[tuple[str, str, str]]) -> Iterator[str]:
        """Yield for each word what is said of it, beside what stories have shown."""
        for (one, other), joint in self.joint.items():
            for word in self.words[one, other]:
                shown = (one, other, word.word) in seen
                if joint.is_contained(word.stages[one], word.stages[other]):
                    yield "proved to be contained" + (", and WRONG" if shown else "")
                else:
                    yield (
                        "not proved, and a story shows that it is not"
                        if shown
                        else ("not proved, and no story shows that it is not")
                    )

    def _false_at(self, stages: Mapping[str, str]) -> set[str]:
        """Return which claims about two definitions at once are false where somebody is."""
        wrong = set()
        for (one, other), joint in self.joint.items():
            here, there = stages[one], stages[other]
            if joint.never(here, there):
                wrong.add(f"{one} {here} is never {other} {there}")
            for word in self.words[one, other]:
                mine, theirs = word.stages[one], word.stages[other]
                is_only_here = is_within(here, mine) and not is_within(there, theirs)
                if is_only_here and joint.is_contained(mine, theirs):
                    wrong.add(f"{word.word} of {one} is within {other}")
        return wrong


def _claimable(needs: Needs) -> int:
    """Return what is claimed of any leaf that is reached, as bits."""
    bits = 0
    for leaf in needs.linked.leaves:
        bits |= needs.had[leaf] if needs.is_reached(leaf) else 0
    return bits


class _Reader:
    """One definition reads a story, and notes what of all that is claimed has been so."""

    def __init__(self, funnel: Funnel, needs: Needs, wanted: int) -> None:
        self.name = funnel.definition.name
        self.contact: Contact = funnel.new_contact("ada")
        self._funnel, self._needs, self._wanted = funnel, needs, wanted
        self._had = 0
        self._moments: list[Case] = []

    def take(self, event: Event) -> set[str]:
        """Take one event; return the claims about needs that it shows to be false."""
        self._moments.clear()
        path = self._funnel.step(self.contact, event, self._watch).path
        if not path:
            return set()
        for number, need in enumerate(self._needs.universe):
            bit = 1 << number
            if self._wanted & bit and not self._had & bit and self._was_so(need):
                self._had |= bit
        for taken in path:
            given = self._needs.given[taken.index]
            self._had |= given & ~self._criteria
        missing = self._needs.had[self.contact.stage] & ~self._had
        return {f"{self.name} {self.contact.stage}: {n.words}" for n in self._needs.listed(missing)}

    @property
    def _criteria(self) -> int:
        return sum(1 << n for n, need in enumerate(self._needs.universe) if need.rule is not None)

    def _was_so(self, need: Any) -> bool:
        return need.rule is not None and any(is_met(need.rule, case) for case in self._moments)

    def _watch(
        self,
        _kind: str,
        _tried: Sequence[GuardedTransition],
        contact: Contact,
        event: Event,
        now: dt.datetime,
    ) -> None:
        self._moments.append(Case(dict(contact.fields), event.facts, now, event.roles))


class StoryMaker:
    """Makes random stories in the vocabulary of some definitions.

    Args:
        funnels: The definitions; the first that knows an event or a field says what it may be.
    """

    def __init__(self, funnels: Sequence[Funnel]) -> None:
        self._linked = [funnel.linked for funnel in funnels]
        self._funnels = list(funnels)
        self._fields: dict[str, Field] = {}
        self._own: dict[str, Mapping[str, Field]] = {}
        self._stages = sorted({name for one in self._linked for name in one.stages})
        for one in self._linked:
            self._fields = {**one.fields, **self._fields}
            for name, event in one.events.items():
                self._own.setdefault(name, event.event.fields)
        self._values = {n: _values(f, self._linked) for n, f in self._fields.items()}
        self._roles = sorted({r for one in self._linked for t in one.transitions
                              for r in t.transition.by})  # fmt: skip
        self._facts_for: Callable[[int, int], dict[str, Any] | None] = cache(self._opening)

    def story(self, rng: random.Random) -> list[Event]:
        """Make a story."""
        clock, events = T0, []
        contacts = [funnel.new_contact("ada") for funnel in self._funnels]
        may_move = rng.random() < 1 / 3
        for _ in range(rng.randint(1, LONGEST)):
            clock += rng.choice([dt.timedelta(minutes=1), dt.timedelta(hours=5),
                                 dt.timedelta(days=rng.randint(1, 200))])  # fmt: skip
            event = self._step(rng, clock, contacts, may_move=may_move)
            events.append(event)
            for funnel, contact in zip(self._funnels, contacts, strict=True):
                funnel.step(contact, event)
        return events

    def _step(
        self, rng: random.Random, at: dt.datetime, contacts: Sequence[Contact], *, may_move: bool
    ) -> Event:
        roles = tuple(self._roles) if rng.random() < 1 / 2 else ()
        if rng.random() < 1 / 2:
            event = self._towards(rng, at, contacts, roles)
            if event is not None:
                return event
        kind = rng.choice(["set", "tick", *(["move", "move"] if may_move else []), *["event"] * 6])
        if kind == "tick":
            return Event("tick", at)
        if kind == "move":
            return Event("move", at, self._random(rng), to=rng.choice(self._stages), roles=roles)
        name = kind if kind == "set" else rng.choice(sorted(self._own))
        own = {n: rng.choice(_values(f, ())) for n, f in self._own.get(name, {}).items()
               if rng.random() < 2 / 3}  # fmt: skip
        return Event(name, at, {**self._random(rng), **own}, roles=roles)

    def _towards(
        self,
        rng: random.Random,
        at: dt.datetime,
        contacts: Sequence[Contact],
        roles: tuple[str, ...],
    ) -> Event | None:
        """Return an event that tries to open a transition of one of the definitions."""
        place = rng.randrange(len(self._linked))
        here = contacts[place].stage
        out = [
            t for t in self._linked[place].transitions if here in {leaf for leaf, _ in t.sources}
        ]
        if not out:
            return None
        chosen = rng.choice(out)
        facts = self._facts_for(place, chosen.index)
        if facts is None:
            return None
        on = chosen.transition.on
        return Event(rng.choice(on) if on else "set", at, dict(facts), roles=roles)

    def _opening(self, place: int, index: int) -> dict[str, Any] | None:
        rule = self._linked[place].transitions[index].rule
        found = find_case([] if rule is None else [rule])
        return {**found.contact, **found.event} if found else None

    def _random(self, rng: random.Random) -> dict[str, Any]:
        """Return some facts, some of them taken back."""
        names = rng.sample(sorted(self._fields), rng.choice([0, 0, 1, 1, 2, 4]))
        return {n: None if rng.random() < 1 / 4 else rng.choice(self._values[n]) for n in names}


def _values(field: Field, definitions: Sequence[Linked]) -> list[Any]:
    """Return values of a field: at what criteria compare it with, and beside it."""
    if field.type.is_list:
        return [(), tuple(field.choices[:2])]
    if field.choices:
        return list(field.choices)
    if field.type == BOOLEAN:
        return [True, False]
    if field.type == TIMESTAMP:
        return [T0 + dt.timedelta(days=days) for days in (-400, -20, 0, 30)]
    constants = {
        value
        for one in definitions
        for t in one.transitions
        if t.rule is not None
        for expression in rule_expressions(t.rule)
        for name, value in constants_of(expression)
        if name == field.name and not isinstance(value, tuple)
    }
    if not field.type.is_numeric:
        return [*sorted(map(str, constants)), "something"]
    near = {n + by for n in constants if isinstance(n, int | float) for by in (-1, 0, 1)}
    return [field.normalise(n) for n in sorted(near or {0, 1, 5})]


def mutants(funnel: Funnel, rng: random.Random) -> Iterator[Funnel]:
    """Yield definitions that differ from one in a single place, without end."""
    definition = funnel.definition
    while True:
        place = rng.randrange(len(definition.transitions))
        transition = definition.transitions[place]
        changed = _changed(
            transition, rng, list(funnel.linked.leaves), sorted(funnel.linked.events)
        )
        transitions = list(definition.transitions)
        transitions[place : place + 1] = [] if changed is None else [changed]
        made = evolve(
            definition, name="mutant", transitions=tuple(transitions), always=(), scenarios=()
        )
        with suppress(DefinitionError):  # what makes no sense is passed over
            yield Funnel(made)


def _changed(transition: Any, rng: random.Random, leaves: list[str], events: list[str]) -> Any:
    """Return a transition with one thing changed; None for one that is left out."""
    kind = rng.choice(["drop", "to", "require", "require", "require", "on", "same"])
    if kind == "drop":
        return None
    if kind == "to":
        return evolve(transition, to=rng.choice(leaves), resume=False)
    if kind == "on" and transition.on:
        return evolve(transition, on=(rng.choice(events),))
    if kind == "require" and transition.require is not None:
        return evolve(transition, require=_other_requirement(transition.require, rng))
    return evolve(transition, about="Changed in words alone.")


def _other_requirement(item: Any, rng: random.Random) -> Any:
    """Return a requirement with a threshold moved, a comparison turned, or a criterion dropped."""
    if hasattr(item, "items"):
        place = rng.randrange(len(item.items))
        items = list(item.items)
        if len(items) > max(1, item.count) and rng.random() < 1 / 3:
            del items[place]
        else:
            items[place] = _other_requirement(items[place], rng)
        return evolve(item, items=tuple(items))
    source = item.expression
    for old, new in rng.sample(_TURNS, len(_TURNS)):
        if old in source:
            return evolve(item, expression=source.replace(old, new, 1))
    return evolve(item, expression=f"!({source})") if source else item


_TURNS = [(" > 0", " > 1"), (" >= ", " > "), (" > ", " >= "), (" <= ", " < "), ("==", "!="),
          ("&&", "||"), (" > 0", " >= 0"), ("0", "1")]  # fmt: skip
