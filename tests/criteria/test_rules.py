"""Rules: one fast answer and one with reasons, always the same."""

import datetime as dt

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.criteria import (
    BOOLEAN,
    NUMBER,
    TEXT,
    AllOf,
    AnyOf,
    AtLeast,
    Custom,
    Field,
    Leaf,
    Roles,
    Verdict,
    check_rule,
    compile_expression,
    compile_rule,
)
from funnelflow.errors import UsageError

from .worlds import CONTACTS, EVENTS, NOW, SCOPE, heavy, sources

MET, NOT_MET, UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN
ADA = {"flag": True, "count": 3, "budget": 3000.0}


def leaf(source, label="a label"):
    return Leaf(label, compile_expression(source, SCOPE))


YES, NO, OPEN = leaf("contact.flag"), leaf("contact.count > 5"), leaf("contact.other_flag")


def custom(function, **arguments):
    return Custom("asks a plugin", function, "some-plugin", "some_criterion", arguments)


def raises(_):
    raise RuntimeError("no\x1b[31m connection")


def exits(_):
    raise SystemExit(3)


CUSTOMS = [
    custom(lambda _: True),
    custom(lambda _: False),
    custom(lambda _: None),
    custom(lambda _: "yes"),
    custom(lambda _: 1),
    custom(raises),
    custom(exits),
]


def answer(rule, contact=ADA, event=None, roles=()):
    """Answer a rule both ways, which must agree."""
    check = check_rule(rule, contact, event or {}, NOW, roles)
    assert compile_rule(rule)(contact, event or {}, NOW, roles) is (check.verdict is MET)
    return check


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        (YES, MET),
        (NO, NOT_MET),
        (OPEN, UNKNOWN),
        (AllOf("", (YES, YES)), MET),
        (AllOf("", (YES, OPEN)), UNKNOWN),
        (AllOf("", (NO, OPEN)), NOT_MET),
        (AllOf("", ()), MET),
        (AnyOf("", (NO, YES, OPEN)), MET),
        (AnyOf("", (NO, OPEN)), UNKNOWN),
        (AnyOf("", (NO, NO)), NOT_MET),
        (AnyOf("", ()), NOT_MET),
        (AtLeast(2, "", (YES, YES, NO)), MET),
        (AtLeast(2, "", (YES, NO, OPEN)), UNKNOWN),
        (AtLeast(2, "", (NO, NO, OPEN)), NOT_MET),
        (AtLeast(0, "", ()), MET),
        (AtLeast(1, "", (AllOf("", (YES, NO)), AnyOf("", (YES, NO)))), MET),
        (Roles(("sales",)), NOT_MET),
        (CUSTOMS[0], MET),
        (CUSTOMS[1], NOT_MET),
        (CUSTOMS[2], UNKNOWN),
        (CUSTOMS[3], UNKNOWN),
        (CUSTOMS[4], UNKNOWN),
        (CUSTOMS[5], UNKNOWN),
        (CUSTOMS[6], UNKNOWN),
    ],
)
def test_a_rule_is_met_not_met_or_unknown(rule, verdict):
    assert answer(rule).verdict is verdict


def test_a_custom_criterion_shows_its_arguments_and_what_it_reads_and_asks_for_the_rest():
    reads = (Field("budget", NUMBER, unit="EUR"), Field("region", TEXT, ask="Where are you?"))
    arguments = {"least": 2, "regions": ("north", "south")}
    rule = Custom("Engaged", lambda _: None, "acme", "engaged", arguments, reads)
    check = answer(rule)
    assert check.words == (
        "engaged of plugin acme cannot tell (least: 2, regions: north, south); "
        "budget is 3,000 EUR, region is unknown"
    )
    assert [(seen.name, seen.value) for seen in check.seen] == [
        ("contact.budget", 3000.0),
        ("contact.region", None),
    ]
    assert [field.ask for field in check.missing] == ["Where are you?"]
    assert answer(evolve(rule, function=lambda _: True)).missing == ()


def test_a_leaf_says_why_and_carries_its_label_and_source():
    check = answer(NO)
    assert (check.label, check.kind, check.source) == ("a label", "criterion", "contact.count > 5")
    assert check.words == "count is 3; needs more than 5"
    assert check.needs == 0
    assert [seen.value for seen in check.seen] == [3]


def test_a_leaf_without_a_label_is_called_by_what_it_asks_for():
    assert answer(leaf("contact.count > 5", "")).label == "count is more than 5"


@pytest.mark.parametrize(
    ("roles", "verdict", "words"),
    [
        (("sales",), MET, "the role is sales"),
        (("support", "manager"), MET, "the role is manager"),
        (("support",), NOT_MET, "the roles are support; needs sales or manager"),
        ((), NOT_MET, "no role; needs sales or manager"),
    ],
)
def test_roles_say_who_may_act(roles, verdict, words):
    check = answer(Roles(("sales", "manager")), roles=roles)
    assert (check.label, check.kind) == ("by sales or manager", "roles")
    assert (check.verdict, check.words) == (verdict, words)


def test_a_group_counts_what_is_met():
    check = answer(AtLeast(2, "Two of three", (YES, NO, OPEN)))
    assert (check.label, check.kind, check.needs) == ("Two of three", "at_least", 2)
    assert check.words == "1 of 3 met; needs 2"
    assert [one.verdict for one in check.checks] == [MET, NOT_MET, UNKNOWN]


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        (AllOf("", (YES, OPEN)), {"other_flag"}),
        (AllOf("", (NO, OPEN)), set()),
        (AnyOf("", (NO, OPEN)), {"other_flag"}),
        (AnyOf("", (YES, OPEN)), set()),
        (AtLeast(2, "", (YES, NO, OPEN)), {"other_flag"}),
        (AtLeast(2, "", (NO, NO, OPEN)), set()),
        (AllOf("", (leaf("has(contact.name)"), OPEN)), {"name", "other_flag"}),
        (AnyOf("", (leaf("has(contact.name)"), NO)), {"name"}),
    ],
)
def test_a_group_asks_for_what_could_make_it_met(rule, names):
    assert {field.name for field in answer(rule).missing} == names


def test_a_group_saw_every_fact_once():
    seen = answer(AllOf("", (NO, leaf("contact.count < 9 && contact.flag")))).seen
    assert [one.name for one in seen] == ["contact.count", "contact.flag"]


def test_the_leaves_are_the_answers_at_the_bottom():
    rule = AllOf("", (YES, AnyOf("", (NO, Roles(("sales",)))), CUSTOMS[0]))
    labels = [check.label for check in answer(rule).leaves()]
    assert labels == ["a label", "a label", "by sales", "asks a plugin"]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (CUSTOMS[0], "some_criterion of plugin some-plugin says yes"),
        (CUSTOMS[1], "some_criterion of plugin some-plugin says no"),
        (CUSTOMS[2], "some_criterion of plugin some-plugin cannot tell"),
        (CUSTOMS[3], "some_criterion of plugin some-plugin gave str, not True, False or None"),
        (
            CUSTOMS[5],
            "some_criterion of plugin some-plugin raised RuntimeError: no·[31m connection",
        ),
        (CUSTOMS[6], "some_criterion of plugin some-plugin raised SystemExit: 3"),
    ],
)
def test_a_plugin_s_criterion_names_the_plugin_and_what_went_wrong(rule, words):
    assert answer(rule).words == words


def test_a_plugin_s_criterion_is_asked_with_facts_time_and_arguments():
    asked = []
    rule = custom(lambda call: bool(asked.append(call)) or True, minimum=5)
    check_rule(rule, ADA, {"amount": 1.0}, NOW, ())
    assert (dict(asked[0].fields), dict(asked[0].facts)) == (ADA, {"amount": 1.0})
    assert (asked[0].now, asked[0].arguments) == (NOW, {"minimum": 5})


def test_a_plugin_s_criterion_cannot_change_the_facts():
    def meddles(call):
        call.fields["count"] = 99
        return True

    contact = dict(ADA)
    assert answer(custom(meddles), contact).verdict is UNKNOWN
    assert contact == ADA


def test_an_interrupt_is_not_swallowed():
    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_rule(custom(interrupted), ADA, {}, NOW, ())


def test_a_rule_nested_beyond_reason_is_refused():
    rule = YES
    for _ in range(200):
        rule = AllOf("", (rule,))
    with pytest.raises(UsageError, match="nested more than"):
        compile_rule(rule)


@pytest.mark.parametrize("group", [AllOf, AnyOf, lambda label, rules: AtLeast(1, label, rules)])
def test_the_deepest_rule_with_the_deepest_expressions_compiles(group):
    source = "contact.flag"
    for _ in range(24):
        source = f"({source} ? contact.flag : contact.other_flag) == contact.flag"
    rule = AllOf("", (leaf(source), leaf("contact.flag")))
    for _ in range(29):
        rule = group("", (rule,))
    assert answer(rule).verdict is MET


def test_a_big_rule_is_one_function():
    rule = AnyOf("", tuple(leaf(f"contact.count == {number}") for number in range(500)))
    assert answer(rule, {"count": 499}).verdict is MET
    assert answer(rule, {"count": 500}).verdict is NOT_MET


LEAVES = st.one_of(
    sources(BOOLEAN, 1).map(leaf),
    st.lists(st.sampled_from(["sales", "support"]), max_size=2).map(lambda by: Roles(tuple(by))),
    st.sampled_from(CUSTOMS),
)


def groups(rules):
    several = st.lists(rules, max_size=3).map(tuple)
    return st.one_of(
        st.builds(AllOf, st.just(""), several),
        st.builds(AnyOf, st.just(""), several),
        st.builds(AtLeast, st.integers(0, 4), st.just(""), several),
    )


RULES = st.recursive(LEAVES, groups, max_leaves=8)


@heavy
@given(RULES, CONTACTS, EVENTS, st.sampled_from([(), ("sales",), ("support", "other")]))
def test_the_fast_answer_is_true_exactly_where_the_verdict_is_met(rule, contact, event, roles):
    check = answer(rule, contact, event, roles)
    assert check.words.isprintable()
    if check.verdict is MET:
        assert check.missing == ()


def test_times_are_compared_with_the_time_of_the_question():
    rule = leaf("contact.seen < now")
    later = NOW + dt.timedelta(days=1)
    assert compile_rule(rule)({"seen": NOW}, {}, later, ()) is True
    assert compile_rule(rule)({"seen": NOW}, {}, NOW, ()) is False
