"""What plugins' criteria would answer today to what they were asked; that is no damage."""

import datetime as dt
from collections.abc import Iterator
from typing import NamedTuple

from attrs import define

from funnelflow.criteria import Custom, CustomAnswer, Facts, Fields
from funnelflow.criteria.custom import question_of, seen_by
from funnelflow.engine.answers import Ask
from funnelflow.maintenance.verify_contacts import ADVICE, Finding


class _Call(NamedTuple):
    """A question, as it is put to a plugin."""

    rule: Custom
    fields: Fields
    facts: Facts
    now: dt.datetime


class _Offer(NamedTuple):
    """A criterion as its plugin offered it when it answered, and as one offers it now."""

    criterion: str
    plugin: str
    then: str
    now: str


@define
class _Tally:
    """How often a criterion was asked again."""

    asked: int = 0
    differing: int = 0
    first: str = ""


class AnswersToday:
    """Asks plugins' criteria again what they have answered, and counts what differs.

    Args:
        ask: Asks a criterion.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._given: dict[object, tuple[CustomAnswer, _Call]] = {}
        self._tallies: dict[_Offer, _Tally] = {}
        self._closed: dict[tuple[str, str], str] = {}

    def used(
        self, given: CustomAnswer, rule: Custom, fields: Fields, facts: Facts, now: dt.datetime
    ) -> None:
        """Note an answer that decides about a contact again: the last one to each question."""
        if not given.failure:
            question = question_of(given.criterion, given.arguments)
            seen = seen_by(given, given.looked)
            self._given[question, seen] = given, _Call(rule, dict(fields), facts, now)

    def conclude(self, contact_id: str) -> None:
        """Ask again what was answered about a contact."""
        for given, call in self._given.values():
            self._compare(contact_id, given, self._ask(*call))
        self._given.clear()

    def _compare(self, contact_id: str, given: CustomAnswer, today: CustomAnswer) -> None:
        if today.failure and not today.plugin:
            self._closed.setdefault((given.plugin, given.criterion), today.failure)
        if today.failure:
            return
        offer = _Offer(given.criterion, today.plugin, given.version, today.version)
        tally = self._tallies.setdefault(offer, _Tally())
        tally.asked += 1
        if today.met is not given.met:
            tally.differing += 1
            tally.first = tally.first or contact_id

    def findings(self) -> Iterator[Finding]:
        """Yield what plugins would answer otherwise, and the criteria that nobody can ask."""
        for (plugin, criterion), reason in sorted(self._closed.items()):
            said = f"{criterion} cannot be asked again: {reason.partition(':')[0]}"
            hint = f"{ADVICE['plugin']}; it opens nothing new until a plugin offers it again"
            yield Finding("plugin", plugin or criterion, 0, said, hint, "plugin")
        for offer, tally in sorted(self._tallies.items()):
            if tally.differing:
                yield _differing(offer, tally)


def _differing(offer: _Offer, tally: _Tally) -> Finding:
    """Return that a plugin would answer otherwise today."""
    of = f"{tally.differing:,} of {tally.asked:,}"
    versions = f"version {offer.then} answered then, {offer.now} now"
    if offer.then == offer.now:
        versions = f"version {offer.now}" if offer.now else "a plugin without a version"
    said = (
        f"{offer.criterion} would answer {of} questions differently today ({versions}), "
        f"the first about {tally.first}"
    )
    hint = f"{ADVICE['plugin']}; new evidence about a contact asks again"
    return Finding("plugin", offer.plugin, 0, said, hint, "plugin")
