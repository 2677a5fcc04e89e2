"""The funnel of these tests, and a clock that they set."""

import datetime as dt

T0 = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
DAY = dt.timedelta(days=1)

PIPELINE = """\
funnel: pipeline
version: 1
title: Small, with one of everything
initial: target
force: [boss]

fields:
  email: text
  budget: {type: number, unit: EUR, ask: What may it cost}
  authority: {type: boolean, ask: Who signs}
  replies: {type: integer, default: 0}
  met_on: timestamp
  pause: duration
  tags: list of text

events:
  subscribed: {}
  replied: {sets: {replies: contact.replies + 1}}
  called: {fields: {minutes: number}}
  signed: {}
  gave_up: {}

stages:
  target: {}
  lead:
    aliases: [sales lead]
    stages:
      fresh: {}
      warm: {}
  prospect: {}
  customer: {type: won}
  lost: {type: lost}

transitions:
  - from: target
    to: lead
    on: [subscribed]
    require:
      - We can reach them: has(contact.email)
  - from: lead.fresh
    to: lead.warm
    require:
      - They answered twice: contact.replies >= 2
  - from: lead
    to: prospect
    on: [called]
    require:
      - Budget is at least 5,000: contact.budget >= 5000
      - Talks to the decider: contact.authority
  - from: prospect
    to: customer
    on: [signed]
    by: [sales]
    require:
      - Long enough on the phone: contact.replies >= 1
  - {from: lead.warm, to: lead.fresh, after: 30d}
  - {from: [target, lead, prospect], to: lost, on: [gave_up]}
"""

DEALS = """\
funnel: pipeline
version: 2
initial: nurture
force: [boss]
fields:
  budget: number
  seats: integer
  paid: {type: integer, default: 0}
events:
  opened: {}
  accepted: {sets: {paid: contact.paid + 1}}
  purchased: {}
stages:
  nurture: {}
  engaged: {}
  won: {type: won}
  lost: {type: lost}
transitions:
  - {from: nurture, to: engaged, on: accepted}
  - {from: engaged, to: won, on: purchased}
  - from: nurture
    to: engaged
    require:
      - Many seats: contact.seats >= 10
  - {from: nurture, to: lost, after: 30d, since: activity}
"""


class Ticking:
    """A clock that advances one second each time it is looked at."""

    def __init__(self, now: dt.datetime = T0) -> None:
        self.now = now

    def __call__(self) -> dt.datetime:
        self.now += SECOND
        return self.now


def content(rows):
    """Return what rows of a history say, without what each database gives them of its own."""
    own = {"id", "recorded_at", "digest", "run"}
    return [{k: v for k, v in row.to_json().items() if k not in own} for row in rows]
