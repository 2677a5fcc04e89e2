"""`list --where` answers in the database as Python does, unknowns included."""

import datetime as dt

import pytest
from attrs import evolve
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from funnelflow.criteria import BOOLEAN, CriterionError, Scope, compile_expression
from funnelflow.errors import StoreError
from funnelflow.storage import contact_filters as filtering
from funnelflow.storage.changes import Change
from funnelflow.storage.tracked_contacts import CONTACT_FACTS
from funnelflow.storage.unit_of_work import UnitOfWork
from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, PIPELINE, T0

VALUES = {
    "budget": [0.0, -0.0, 0.1, 5000.0, 1e300, -1e-300],
    "replies": [0, 1, -1, 2**53 + 1, 2**63 - 1, -(2**63)],
    "authority": [True, False],
    "email": [
        "",
        "a",
        "A",
        "ab",
        "å",
        "a%b_c",
        "it's",
        "\U0001f600",
        'x"y\\z',
        "1",
        "true",
        "null",
    ],
    "met_on": [T0, T0 + DAY, dt.datetime(1, 1, 1, tzinfo=dt.UTC)],
    "pause": [dt.timedelta(0), dt.timedelta(days=-3), dt.timedelta(microseconds=1)],
    "tags": [(), ("a",), ("a", "b"), ("it's", "å")],
}
LITERALS = {
    "budget": ["0.0", "5000.0", "0.1", "-1.5", "1e300"],
    "replies": ["0", "1", "-1", "9007199254740993", "9223372036854775807"],
    "email": ["''", "'a'", "'A'", "'ab'", "'å'", "'a%b_c'", '"it\'s"', "'😀'", "'1'", "'null'"],
    "met_on": [
        "now", "timestamp('2026-03-01T09:00:00Z')", "timestamp('2026-03-02T10:00:00+01:00')",
    ],
    "pause": ["duration('0s')", "duration('-72h')", "duration('0.000001s')"],
    "authority": ["true", "false"],
}  # fmt: skip
SIGNS = ["==", "!=", "<", "<=", ">", ">="]


def comparisons(name: str) -> st.SearchStrategy[str]:
    signs = SIGNS[:2] if name == "authority" else SIGNS
    sides = st.sampled_from([f"contact.{name}", *LITERALS[name]])
    return st.builds(
        "{} {} {}".format, sides.filter(lambda s: "contact" in s), st.sampled_from(signs), sides
    )


ATOMS = st.one_of(
    *(comparisons(name) for name in LITERALS),
    st.sampled_from([f"has(contact.{name})" for name in VALUES]),
    st.sampled_from(
        [
            "contact.authority",
            "contact.email.startsWith('a')",
            "contact.email.contains('_')",
            "contact.email.endsWith('c')",
            "contact.email in ['a', 'å', 'null']",
            "contact.replies in [0, 9223372036854775807]",
            "'a' in contact.tags",
            "size(contact.tags) > 1",
            "size(contact.email) == 1",
            "contact.tags == ['a']",
            "contact.replies + 1 > 1",
            "contact.budget / 2.0 > 1.0",
            "contact.met_on + duration('24h') > now",
            "contact.id < 'c2'",
            "contact.stage == 'target'",
            "contact.stage_since <= contact.updated_at",
            "contact.created_at < now",
            "contact.funnel == 'pipeline'",
        ]
    ),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: (
        st.builds("({}) && ({})".format, inner, inner)
        | st.builds("({}) || ({})".format, inner, inner)
        | st.builds("!({})".format, inner)
        | st.builds("({}) ? ({}) : ({})".format, inner, inner, inner)
    ),
    max_leaves=5,
)


@pytest.fixture
def crowd(workspace, clock) -> Workspace:
    """Give a workspace in which every value of every field occurs, and is missing, often."""

    def add(chunk: UnitOfWork) -> None:
        for number in range(60):
            facts = {
                name: values[number % len(values)]
                for place, (name, values) in enumerate(VALUES.items())
                if (number + place) % 4
            }
            chunk.take(Change(f"c{number}", "add", T0 + number * DAY / 24, facts))
        chunk.write()

    clock.now = T0 + 2 * DAY
    workspace.context.transact(add)
    return workspace


def test_the_database_and_python_give_the_same_contacts(crowd):
    people = list(crowd.list())
    scope = Scope({**CONTACT_FACTS, **crowd.funnel().linked.fields})
    now = T0 + 2 * DAY
    crowd._context = evolve(crowd.context, clock=lambda: now)

    @settings(
        max_examples=150,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(where=CONDITIONS)
    def check(where):
        try:
            holds = compile_expression(where, scope, BOOLEAN).holds
        except CriterionError:
            return
        expected = [
            stored.id
            for stored in people
            if holds(
                {
                    "id": stored.id,
                    "funnel": stored.funnel,
                    "stage": stored.contact.stage,
                    "stage_since": stored.contact.since,
                    "updated_at": stored.contact.clock,
                    "created_at": stored.created_at,
                    **stored.contact.fields,
                },
                {},
                now,
            )
        ]
        assert [stored.id for stored in crowd.list(where)] == expected, where
        assert [stored.id for stored in crowd.list(where, limit=2)] == expected[:2]

    check()


def test_a_filter_that_sql_can_say_is_not_asked_again(crowd, monkeypatch):
    monkeypatch.setattr(filtering, "test_of", lambda *_: lambda _: pytest.fail("asked again"))
    assert len(list(crowd.list("contact.budget > 1.0 && has(contact.email)"))) > 3


def test_a_field_of_the_vocabulary_comes_before_what_is_built_in(directory, database):
    (directory / "pipeline.yaml").write_text(
        PIPELINE.replace("  budget:", "  stage: integer\n  budget:")
    )
    with Workspace.create(directory, "pipeline", database=database) as workspace:
        workspace.add("ada", {"stage": 3})
        assert [stored.id for stored in workspace.list("contact.stage == 3")] == ["ada"]


def test_facts_that_are_no_json_any_more_are_a_clear_error(crowd):
    with crowd.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE positions SET fields = '{x' "
            "WHERE contact = (SELECT number FROM contacts WHERE id = 'c7')"
        )
    with pytest.raises(StoreError, match="has been altered") as caught:
        list(crowd.list("contact.budget > 1.0"))
    assert "funnelflow verify" in caught.value.hint
