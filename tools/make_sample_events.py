"""Make the sample events that ship with funnelflow: half a year of an invented sales team.

    python tools/make_sample_events.py            writes src/funnelflow/samples/events.csv
    python tools/make_sample_events.py FILE       writes FILE

The same file comes out every time: the only source of chance is `random.Random.random` with
a fixed seed, the one method that Python promises never to change. Nobody in it exists:
contacts are numbered, addresses end in example.com, phone numbers are from the range that is
reserved for fiction.

What makes it like the real thing: events that share a second (imports, fairs, mailings), long
silences, the same event delivered twice, calls logged days after they took place, moves that
are asked for too early, and people who come back after they were given up.
"""

import csv
import datetime as dt
import io
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

SEED = 20250701
CONTACTS = 640
START = dt.datetime(2025, 7, 1, tzinfo=dt.UTC)
END = dt.datetime(2025, 12, 31, tzinfo=dt.UTC)
OFFICE = dt.timezone(dt.timedelta(hours=1))
FRIDAY = 4
COLUMNS = ("contact", "event", "at", "actor", "facts", "to", "reason", "key")
TARGET = Path(__file__).parents[1] / "src" / "funnelflow" / "samples" / "events.csv"

LISTS = ("trade-directory-2025", "association-members")
FAIR_DAYS = (
    dt.datetime(2025, 9, 16, 14, 30, tzinfo=dt.UTC),
    dt.datetime(2025, 11, 4, 10, tzinfo=dt.UTC),
)
INDUSTRIES = ("manufacturing", "retail", "health", "education", "logistics", "public sector")
REGIONS = ("north", "south", "east", "west")
NEEDS = ("less paperwork", "fewer returns", "a faster quote", "one place for all orders")
REPS = ("rep-1", "rep-2", "rep-3", "rep-4")


class Row(NamedTuple):
    """One line of the file, and when it reached the system that wrote the file."""

    logged: dt.datetime
    contact: str
    event: str
    at: dt.datetime
    actor: str
    facts: dict[str, Any]
    to: str = ""
    reason: str = ""


class Chance:
    """Draws from a seed, by nothing but `random()`."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def happens(self, share: float) -> bool:
        """Say yes in this share of the cases."""
        return self._random() < share

    def whole(self, low: int, high: int) -> int:
        """Draw a whole number between two, both included."""
        return low + int(self._random() * (high - low + 1))

    def one_of(self, *choices: Any) -> Any:
        """Draw one of some values; one that stands twice comes twice as often."""
        return choices[self.whole(0, len(choices) - 1)]


class Story:
    """What happens to one contact; every method that tells of something adds a row."""

    def __init__(self, number: int, chance: Chance) -> None:
        self.id = f"c-{number:04}"
        self.email = f"{self.id}@example.com"
        self.phone = f"+44 20 7946 {number % 1000:04}"
        self.rep = REPS[number % len(REPS)]
        self.chance = chance
        self.rows: list[Row] = []
        self.now = START

    def tell(self, event: str, actor: str, **facts: Any) -> None:
        """Record an event at the present time."""
        self.rows.append(Row(self.now, self.id, event, self.now, actor, facts))

    def work(self, event: str, **facts: Any) -> None:
        """Record what the rep did; one in twenty is logged days later."""
        logged = self.now
        if self.chance.happens(0.05):
            logged += dt.timedelta(days=self.chance.whole(1, 4), hours=2)
        self.rows.append(Row(logged, self.id, event, self.now, self.rep, facts))

    def ask_for(self, stage: str, reason: str = "") -> None:
        """Record that the rep asked for a stage."""
        self.rows.append(Row(self.now, self.id, "move", self.now, self.rep, {}, stage, reason))

    def wait(self, low: int, high: int) -> None:
        """Let some days pass, and go on at some minute of a working day."""
        days = self.chance.whole(low, high)
        then = (self.now + dt.timedelta(days=days)).replace(
            hour=self.chance.whole(7, 16), minute=self.chance.whole(0, 59), second=0
        )
        while then <= self.now or then.weekday() > FRIDAY:
            then += dt.timedelta(days=1)
        self.now = then

    def pause(self, minutes: int) -> None:
        """Let some minutes pass."""
        self.now += dt.timedelta(minutes=minutes)


def make_rows() -> list[Row]:
    """Tell all stories, and put their rows in the order in which they were logged."""
    chance = Chance(SEED)
    rows = [row for number in range(1, CONTACTS + 1) for row in _story(number, chance)]
    rows = [row for row in rows if row.at < END]
    return sorted(rows, key=lambda row: row.logged)  # stable: a tie keeps each story's order


def _story(number: int, chance: Chance) -> list[Row]:
    """Tell one contact's story from the beginning to wherever it has come."""
    story = Story(number, chance)
    beginning = chance.one_of(*BEGINNINGS)
    if beginning(story):
        _follow_up(story)
    return story.rows


def _background(story: Story, source: str = "") -> dict[str, Any]:
    """Make up what is known of somebody from the start."""
    chance = story.chance
    facts: dict[str, Any] = {"source": source} if source else {}
    if chance.happens(0.8):
        facts |= {"kind": "business", "company": f"Example {story.id[2:]}"}
        facts |= {"industry": chance.one_of(*INDUSTRIES)}
    else:
        facts["kind"] = "person"
    if chance.happens(0.7):
        facts["region"] = chance.one_of(*REGIONS)
    return facts


def _begin(story: Story) -> None:
    """Start some time in the first five months, at any minute of the day."""
    minutes = story.chance.whole(0, 150 * 24 * 60)
    story.now = START + dt.timedelta(minutes=minutes)


def _from_web(story: Story) -> bool:
    """They look around, and most of them leave an address on a form."""
    _begin(story)
    source = story.chance.one_of("search", "search", "website", "advertisement", "social")
    story.tell("add", "web", **_background(story, source))
    for _ in range(story.chance.whole(0, 2)):
        story.tell(
            "content_viewed", "web", topic=story.chance.one_of("product", "pricing", "article")
        )
        story.pause(story.chance.whole(1, 9))
    if not story.chance.happens(0.9):
        return False
    how = story.chance.one_of("form_submitted", "form_submitted", "downloaded", "quote_requested")
    story.tell(how, "web", **({} if story.chance.happens(0.06) else {"email": story.email}))
    return True


def _from_newsletter(story: Story) -> bool:
    """They subscribe, get the series, and some of them click."""
    _begin(story)
    story.tell("add", "web", **_background(story, "website"))
    story.tell("subscribed", "web", email=story.email, newsletter="monthly")
    story.pause(30)
    story.tell("message", "mailer", direction="outbound", automated=True)
    if story.chance.happens(0.5):
        story.wait(1, 20)
        story.tell("link_clicked", "web")
    return story.chance.happens(0.4)


def _from_list(story: Story) -> bool:
    """A list is imported in one go, and everybody on it gets the same mail at the same second."""
    first = int(story.id[2:]) % 2
    story.now = START + dt.timedelta(days=20 + 70 * first, hours=8)
    story.tell("add", "import", **_background(story), email=story.email)
    story.tell("listed", "import", list=LISTS[first])
    story.now += dt.timedelta(days=1)
    story.tell("message", "mailer", direction="outbound", automated=True)
    if not story.chance.happens(0.35):
        return False
    story.pause(story.chance.whole(5, 3000))
    story.tell(story.chance.one_of("link_clicked", "downloaded", "form_submitted"), "web")
    return True


def _from_fair(story: Story) -> bool:
    """Cards from a fair are typed in that evening, all with the same time."""
    story.now = FAIR_DAYS[int(story.id[2:]) % 2]
    story.tell("add", "import", **_background(story, "fair"))
    story.tell("form_submitted", "import", channel="fair", phone=story.phone, email=story.email)
    return story.chance.happens(0.8)


def _from_referral(story: Story) -> bool:
    """A customer recommends them; they are called soon, and often know what they want."""
    _begin(story)
    story.tell("add", story.rep, **_background(story), phone=story.phone)
    story.tell("referred", story.rep, by="a customer")
    return True


BEGINNINGS = (
    *(_from_web,) * 9,
    *(_from_newsletter,) * 3,
    *(_from_list,) * 4,
    *(_from_fair,) * 2,
    *(_from_referral,) * 2,
)


def _follow_up(story: Story) -> None:
    """A rep takes them up, or nobody does."""
    chance = story.chance
    story.wait(0, 6)
    if chance.happens(0.12):
        return
    if chance.happens(0.3):
        story.work("message", direction="outbound")
        story.wait(0, 5)
        if chance.happens(0.5):
            story.tell("message", story.id, direction="inbound")
            story.wait(0, 3)
    if chance.happens(0.25):
        story.work("call", direction="outbound", way="one_way")
        story.wait(1, 4)
    _qualify(story)


def _qualify(story: Story) -> None:
    """The rep asks, gets some answers, and sometimes asks for the stage before its time."""
    chance = story.chance
    good = chance.happens(0.45)
    answers = _answers(chance, good=good)
    known = {name: value for name, value in answers.items() if chance.happens(0.7)}
    if chance.happens(0.6):
        story.work("call", direction="outbound", way="two_way", **known)
    else:
        story.work("assessed", **known)
    if chance.happens(0.4):
        story.pause(chance.whole(2, 40))
        story.ask_for("prospect")
    if not good:
        _end_badly(story)
        return
    if known != answers:
        story.wait(2, 12)
        story.work("assessed", **{n: v for n, v in answers.items() if n not in known})
    _sell(story)


def _answers(chance: Chance, *, good: bool) -> dict[str, Any]:
    """Make up their answers; those that do not suffice fall short in one or two places."""
    facts: dict[str, Any] = {
        "budget": chance.whole(50, 400) * 100,
        "authority": "decides",
        "horizon_days": chance.one_of(14, 30, 45, 60, 90),
        "need": chance.one_of(*NEEDS),
    }
    if good:
        return facts
    spoilt = {
        "budget": chance.whole(5, 45) * 100,
        "authority": chance.one_of("influences", "influences", "none"),
        "horizon_days": chance.one_of(120, 180, 365),
    }
    first, second = (chance.one_of(*spoilt) for _ in range(2))
    return facts | {first: spoilt[first], second: spoilt[second]}


def _sell(story: Story) -> None:
    """An offer goes out, and comes back as an order, as silence, or as a reason."""
    chance = story.chance
    story.wait(2, 14)
    if chance.happens(0.6):
        story.work("meeting", channel=chance.one_of("in_person", "video"))
        story.wait(2, 10)
    if chance.happens(0.15):
        story.ask_for("customer")
        story.pause(5)
    amount = chance.whole(45, 250) * 100
    if chance.happens(0.75):
        story.work("quoted", amount=amount)
        story.wait(3, 25)
    end = chance.one_of("order", "order", "order", "silence", "later", "no")
    if end == "order":
        story.tell("purchased", "shop", amount=amount)
    elif end == "later":
        story.work("postponed", next_contact_at=_rfc3339(story.now + dt.timedelta(days=90)))
        _come_back(story)
    elif end == "no":
        story.work("disqualified", lost_reason=chance.one_of("competitor", "no_budget", "no_need"))


def _end_badly(story: Story) -> None:
    """No prospect: given up with a reason or without, put off, or simply left."""
    chance = story.chance
    story.wait(1, 15)
    end = chance.one_of("reason", "reason", "no reason", "later", "left", "left", "customer")
    if end == "reason":
        reason = chance.one_of("no_budget", "bad_timing", "no_fit", "no_answer", "duplicate")
        story.work("disqualified", lost_reason=reason)
        if reason == "bad_timing" and chance.happens(0.5):
            story.wait(30, 60)
            story.work("reopened")
    elif end == "no reason":
        story.work("disqualified")
    elif end == "later":
        story.work("postponed")
        _come_back(story)
    elif end == "customer":
        story.ask_for("customer", "they said yes on the phone")


def _come_back(story: Story) -> None:
    """Half of those who asked for later show up again."""
    if not story.chance.happens(0.5):
        return
    story.wait(30, 80)
    story.tell(story.chance.one_of("downloaded", "attended", "quote_requested"), "web")
    if story.chance.happens(0.5):
        story.wait(1, 5)
        story.work("call", direction="outbound", way="two_way", **_answers(story.chance, good=True))


def _rfc3339(moment: dt.datetime, *, office: bool = False) -> str:
    """Write a time; the office's own system writes its own zone."""
    if office:
        return moment.astimezone(OFFICE).isoformat(timespec="seconds")
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _lines(rows: list[Row]) -> Iterator[tuple[str, ...]]:
    """Turn rows into cells with a key each; one in a hundred is delivered twice."""
    chance = Chance(SEED + 1)
    again: list[tuple[str, ...]] = []
    for number, row in enumerate(rows, start=1):
        office = row.actor in REPS
        facts = json.dumps(row.facts) if row.facts else ""
        at = _rfc3339(row.at, office=office)
        line = (row.contact, row.event, at, row.actor, facts, row.to, row.reason, f"e-{number:05}")
        yield line
        if chance.happens(0.01):
            again.append(line)
        if again and chance.happens(0.1):
            yield again.pop()
    yield from again


def render() -> str:
    """Give the whole file as text, with a line feed after every line."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_lines(make_rows()))
    return out.getvalue()


def main(arguments: list[str]) -> None:
    """Write the file, and say where and how much."""
    target = Path(arguments[0]) if arguments else TARGET
    text = render()
    target.write_text(text, encoding="utf-8", newline="")
    print(f"{target.name}: {text.count(chr(10)) - 1:,} events")


if __name__ == "__main__":
    main(sys.argv[1:])
