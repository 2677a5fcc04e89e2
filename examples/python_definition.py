"""A funnel built in Python, and run without a file or a database.

    python examples/python_definition.py

The records are those that a YAML file is read into, so everything that holds for a file
(checks, scenarios, explanations) holds here as well.
"""

import datetime as dt
from typing import Any

from funnelflow.criteria import NUMBER, TEXT, Field
from funnelflow.definition import (
    Criterion,
    Definition,
    EventType,
    Group,
    Stage,
    Transition,
    Vocabulary,
    check,
)
from funnelflow.engine import Decision, Funnel, decide

KITCHENS = Definition(
    name="kitchens",
    vocabulary=Vocabulary(
        name="kitchens",
        fields={
            "phone": Field("phone", TEXT, ask="Which number can we call?"),
            "budget": Field("budget", NUMBER, unit="EUR", ask="What may the kitchen cost?"),
            "width": Field("width", NUMBER, unit="cm", ask="When can we come and measure?"),
        },
        events={"inquired": EventType("inquired"), "visited": EventType("visited")},
    ),
    initial="visitor",
    stages=(Stage("visitor"), Stage("inquiry"), Stage("planning", type="won")),
    transitions=(
        Transition(sources=("visitor",), to="inquiry", on=("inquired",)),
        Transition(
            sources=("inquiry",),
            to="planning",
            on=("visited",),
            require=Group(
                "all",
                (
                    Criterion("We can call them", "has(contact.phone)"),
                    Criterion("Budget is at least 8,000", "contact.budget >= 8000"),
                    Criterion("The room is measured", "has(contact.width)"),
                ),
            ),
        ),
    ),
)


def tell(decision: Decision) -> None:
    """Print what became of one event, and what kept it from being more."""
    print(f"{decision.event.name}: {decision.contact} {decision.outcome}, now {decision.after}")
    for way in decision.blocking:
        for criterion in way.leaves():
            print(f"  {criterion.verdict.value:8} {criterion.label}: {criterion.words}")
    for field in decision.questions():
        print(f"  to ask: {field.ask}")


def main() -> None:
    """Run one story, and print each decision."""
    for problem in check(KITCHENS):
        print(problem.message)
    funnel = Funnel(KITCHENS)
    contact = funnel.new_contact("ada")
    at = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
    story: tuple[tuple[str, dict[str, Any]], ...] = (
        ("add", {"phone": "+44 20 7946 0000"}),
        ("inquired", {"budget": 6000}),
        ("visited", {}),
        ("visited", {"budget": 9000, "width": 320}),
    )
    for day, (name, facts) in enumerate(story):
        event = funnel.event(name, at + dt.timedelta(days=day), facts, actor="grace")
        decision = decide(funnel, contact, event)
        tell(decision)
        contact = decision.contact_after


if __name__ == "__main__":
    main()
