"""Reports of made-up contacts, for what draws them: many, few, none, and with hostile names."""

import datetime as dt
import random

from funnelflow.definition import load_definition
from funnelflow.engine import Contact, Event
from funnelflow.engine.story import Stay
from funnelflow.report import Frame, Journey, JourneyDecision, report_of

NOW = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
HOSTILE = "<script>alert(1)</script>\"'&\u202etxt\x1b[31m\x00 שלום عربى 見込み客\ud800"
"""Text that would run, turn around what follows, or be no XML, if it stood there as it is."""

STANDARD = """\
funnel: standard-like
version: 3
title: A funnel with one of everything
initial: target
fields:
  source: text
  lost_reason: text
  budget: {type: number, unit: EUR, ask: What may it cost?}
  decider: {type: boolean, ask: Who signs?}
events: {subscribed: {}, called: {}, bought: {}, gave_up: {}, went_quiet: {}, came_back: {}}
stages:
  target: {}
  lead:
    stages: {inquiry: {}, recycled: {}}
  prospect: {title: Prospect, in two-way dialogue with sales}
  customer: {type: won}
  disqualified: {type: lost}
transitions:
  - {from: target, to: lead, on: subscribed}
  - from: lead
    to: prospect
    on: called
    require:
      - Budget is at least 5,000: contact.budget >= 5000
      - Talks to the decider: contact.decider
  - {from: [lead.inquiry, prospect], to: lead.recycled, on: went_quiet}
  - {from: lead.recycled, to: lead.inquiry, on: came_back}
  - {from: prospect, to: customer, on: bought}
  - {from: [target, lead, prospect], to: disqualified, on: gave_up}
  - {from: disqualified, to: lead.recycled, on: came_back}
""".replace("title: Prospect, in two-way", 'title: "Prospect, in two-way').replace(
    "with sales}", 'with sales"}'
)

ONE_STAGE = """\
funnel: one
version: 1
initial: only
events: {seen: {}}
stages: {only: {}}
transitions: []
"""


def linked_of(tmp_path, text=STANDARD):
    """Link a definition from its text."""
    path = tmp_path / "drawn.yaml"
    path.write_text(text, encoding="utf-8")
    return load_definition(path)


def walk(linked, number, chance, sources, days):
    """Make up one contact's way along the transitions."""
    ways = {}
    for transition in linked.transitions:
        for source, _ in transition.sources:
            ways.setdefault(source, []).append(transition.to)
    at = NOW - dt.timedelta(days=chance.uniform(1, days))
    stage, stays = linked.leaf_of(linked.initial), []
    while True:
        wait = dt.timedelta(days=chance.expovariate(1 / 20))
        following = ways.get(stage, [])
        is_last = not following or at + wait > NOW or len(stays) > 8 or chance.random() < 0.2
        stays.append(Stay(stage, at, None if is_last else at + wait, number, None))
        if is_last:
            break
        at, stage = at + wait, chance.choice(following)
    fields = {"source": chance.choice(sources), "lost_reason": chance.choice(sources)}
    fields |= {"budget": 9000} if chance.random() < 0.5 else {}
    position = Contact(f"c-{number}", stage, fields, stays[-1].entered, NOW)
    decisions = (JourneyDecision(Event("subscribed", stays[0].entered), "stayed"),)
    return Journey(f"c-{number}", tuple(stays), decisions, position)


def counted(linked, count=400, *, by="", sources=("website", "fair", "list"), days=400):
    """Count so many made-up contacts, the same every time."""
    chance = random.Random(13)  # nothing is kept secret by it
    frame = Frame(linked, NOW, by=by)
    return report_of(frame, (walk(linked, n, chance, sources, days) for n in range(count)))
