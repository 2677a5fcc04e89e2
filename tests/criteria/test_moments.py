"""When a criterion changes by time alone: at the very microsecond, and never unnoticed."""

import bisect
import datetime as dt
import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.criteria import (
    AllOf,
    AnyOf,
    AtLeast,
    CriterionError,
    Custom,
    Leaf,
    Roles,
    check_rule,
    compile_expression,
    next_change,
    schedule,
    unschedulable,
)
from funnelflow.criteria.times import LONGEST, SECONDS

from .worlds import (
    CONTACTS,
    EVENTS,
    NOW,
    SCOPE,
    duration_literal,
    heavy,
    sources,
    timestamp_literal,
)

MICRO = dt.timedelta(microseconds=1)
SECOND = dt.timedelta(seconds=1)
FIRST = dt.datetime.min.replace(tzinfo=dt.UTC)
LAST = dt.datetime.max.replace(tzinfo=dt.UTC)
HOURS = dt.timedelta(hours=1)


def change(source, contact=None, after=NOW, event=None):
    """Return the next change of a criterion."""
    return next_change(compile_expression(source, SCOPE), contact or {}, event or {}, after)


@pytest.mark.parametrize(
    ("source", "moment"),
    [
        ("contact.due < now", NOW + HOURS + MICRO),
        ("contact.due <= now", NOW + HOURS),
        ("now > contact.due", NOW + HOURS + MICRO),
        ("now >= contact.due", NOW + HOURS),
        ("now == contact.due", NOW + HOURS),
        ("now != contact.due", NOW + HOURS),
        ("!(now < contact.due)", NOW + HOURS),
        ('now - contact.due >= duration("72h")', NOW + 73 * HOURS),
        ('now - contact.due > duration("72h")', NOW + 73 * HOURS + MICRO),
        ('contact.due - now < duration("30m")', NOW + HOURS / 2 + MICRO),
        ('contact.due + duration("1h") < now', NOW + 2 * HOURS + MICRO),
        ('now - duration("1h") >= contact.due', NOW + 2 * HOURS),
        ("contact.due - contact.wait <= now", NOW + HOURS - MICRO),
        ("contact.flag ? now > contact.due : false", NOW + HOURS + MICRO),
        ("(contact.flag ? now : contact.due) > contact.due", NOW + HOURS + MICRO),
        ("(contact.flag ? contact.due : now) > contact.due", None),
        ("(now > contact.due ? 1 : 2) == 1", NOW + HOURS + MICRO),
        ("(now > contact.due) == contact.flag", NOW + HOURS + MICRO),
        ("contact.flag || now > contact.due", None),
        ("!contact.flag || now > contact.due", NOW + HOURS + MICRO),
        ("contact.other_flag || now > contact.due", NOW + HOURS + MICRO),
        ("contact.other_flag && now > contact.due", NOW + HOURS + MICRO),
        ("contact.seen < now", None),
        ("contact.flag", None),
        ("now < contact.due && now > contact.due", None),
        ('now >= timestamp("2027-01-01T00:00:00Z")', dt.datetime(2027, 1, 1, tzinfo=dt.UTC)),
        ('now + duration("1h") > contact.due', NOW + MICRO),
    ],
)
def test_the_next_change_is_found_to_the_microsecond(source, moment):
    contact = {"due": NOW + HOURS, "wait": MICRO, "flag": True}
    if "contact.other_flag &&" in source:
        moment = NOW + HOURS + MICRO  # false before, unknown from then on
    assert change(source, contact) == moment


def test_an_unknown_that_a_false_absorbed_is_a_change_of_its_own():
    expression = compile_expression("contact.flag && now > contact.due", SCOPE)
    contact = {"due": NOW + HOURS}
    assert expression.value(contact, {}, NOW) is False
    moment = next_change(expression, contact, {}, NOW)
    assert moment == NOW + HOURS + MICRO
    assert expression.value(contact, {}, moment) is None


def test_a_time_in_the_past_changes_nothing_any_more():
    assert change("now > contact.due", {"due": NOW - HOURS}) is None


def test_the_last_moment_of_all_may_be_a_change():
    assert change("now >= contact.due", {"due": LAST}) == LAST
    assert change("now > contact.due", {"due": LAST}) is None


def test_a_fact_that_nobody_knows_changes_nothing():
    assert change("now > contact.due") is None
    assert change("now - contact.due > contact.wait", {"due": NOW}) is None


def test_an_equality_holds_for_one_microsecond():
    contact = {"due": NOW + HOURS}
    assert change("now == contact.due", contact, NOW + HOURS) == NOW + HOURS + MICRO


def test_a_calculation_that_leaves_the_range_is_a_change():
    near = LAST - HOURS
    assert change('now + duration("1h") > contact.due', {"due": NOW}, near - SECOND) == near + MICRO
    contact = {"due": FIRST}
    moment = FIRST + SECONDS + SECOND
    assert change("now - contact.due > contact.wait", {**contact, "wait": -HOURS}, FIRST) in (
        moment,
        FIRST + LONGEST + MICRO,
    )


# What cannot be scheduled stands between « and ».
UNSCHEDULABLE = [
    ("«now < now + contact.wait»", "both_sides"),
    ("«now - contact.due < contact.due - now»", "both_sides"),
    ("«now - now» < contact.wait", "both_sides"),
    ("contact.flag && «now in contact.visits»", "list"),
    ("«[now]» == contact.visits", "list"),
    ("contact.due in «[contact.seen, now]»", "list"),
    ("size(«[now - contact.due]») > 0", "list"),
    ("(«now > contact.due ? contact.due : contact.seen») > contact.seen", "choice"),
    ("«now.getDayOfWeek()» == 1", "calendar"),
    ("«contact.visits.exists(v, now - v < contact.wait)»", "macro"),
    ("«[now].all(v, v < contact.due)»", "macro"),
]


@pytest.mark.parametrize(("marked", "variant"), UNSCHEDULABLE)
def test_what_cannot_be_scheduled_is_reported_with_its_place(marked, variant):
    start, end = marked.index("«"), marked.index("»") - 1
    expression = compile_expression(marked.replace("«", "").replace("»", ""), SCOPE)
    (problem,) = unschedulable(expression)
    assert (problem.code, problem.variant) == ("E160", variant)
    assert (problem.start, problem.end) == (start, end)
    with pytest.raises(CriterionError):
        schedule(Leaf("", expression))


def test_time_that_opens_alone_has_no_event():
    source = "event.at < now && has(event.note) && contact.flag"
    expression = compile_expression(source, SCOPE)
    assert unschedulable(expression) == ()
    found = unschedulable(expression, automatic=True)
    assert [(one.code, source[one.start : one.end]) for one in found] == [
        ("E161", "event.at"),
        ("E161", "has(event.note)"),
    ]
    assert unschedulable(compile_expression("event.urgent", SCOPE), automatic=True) == ()


@pytest.mark.parametrize(
    "source",
    [
        "now > contact.due ? contact.flag : contact.other_flag",
        "contact.due in (now > contact.seen ? contact.visits : [contact.due])",
        "[now > contact.due] == contact.marks",
        "contact.due in contact.visits",
    ],
)
def test_a_condition_that_reads_now_may_stand_anywhere(source):
    assert unschedulable(compile_expression(source, SCOPE)) == ()


# Small worlds, in which every microsecond can be tried.

GRID = 120
BASES = [
    NOW,
    FIRST,
    LAST - GRID * MICRO,
    FIRST + LONGEST,
    LAST - LONGEST,
]
OFFSETS = st.integers(-8, 60).map(lambda micros: micros * MICRO)
FAR = st.sampled_from(
    [dt.timedelta(0)] * 6
    + [sign * (far + extra) for sign in (1, -1) for far in (LONGEST, SECONDS)
       for extra in (dt.timedelta(0), SECOND, -SECOND)]
)  # fmt: skip
LENGTHS = st.builds(
    lambda far, micros: max(-LONGEST, min(LONGEST, far + micros)),
    st.sampled_from([dt.timedelta(0)] * 4 + [LONGEST, -LONGEST, SECONDS, -SECONDS]),
    st.integers(-40, 40).map(lambda micros: micros * MICRO),
)


def near(base):
    """Draw times around a base, or as far from it as durations reach."""

    def moved(far, offset):
        try:
            return base + far + offset
        except OverflowError:
            return base

    return st.builds(moved, FAR, OFFSETS)


def fixed_time(draw, base):
    """Draw a time that does not read now."""
    literal = timestamp_literal(draw(near(base)))
    return draw(st.sampled_from(["contact.seen", "contact.due", literal]))


def length(draw):
    """Draw a duration that does not read now."""
    literal = duration_literal(draw(LENGTHS))
    return draw(st.sampled_from(["contact.wait", "contact.pause", literal]))


def moving_time(draw, base, depth=2):
    """Draw a time that reads now."""
    form = draw(st.sampled_from(["now", "+", "-", "from", "?", "back"])) if depth else "now"
    if form == "now":
        return form
    if form == "back":
        return f"({fixed_time(draw, base)} + {moving_length(draw, base, depth - 1)})"
    time = moving_time(draw, base, depth - 1)
    if form == "?":
        other = draw(st.sampled_from([fixed_time, moving_time]))(draw, base)
        return f"(contact.flag ? {time} : {other})"
    if form == "from":
        return f"({length(draw)} + {time})"
    return f"({time} {form} {length(draw)})"


def moving_length(draw, base, depth=2):
    """Draw a duration that reads now."""
    if depth > 1 and draw(st.booleans()):
        sign = draw(st.sampled_from("+-"))
        return f"({moving_length(draw, base, depth - 1)} {sign} {length(draw)})"
    sides = [moving_time(draw, base, depth - 1), fixed_time(draw, base)]
    return f"({' - '.join(draw(st.permutations(sides)))})"


def atom(draw, base):
    """Draw a comparison with now, or another condition."""
    kind = draw(st.sampled_from(["time", "time", "length", "length", "other"]))
    if kind == "other":
        return draw(st.sampled_from(["contact.flag", "contact.other_flag", "has(contact.due)"]))
    sides = [moving_time(draw, base), fixed_time(draw, base)]
    if kind == "length":
        sides = [moving_length(draw, base), length(draw)]
    order = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
    return f" {order} ".join(draw(st.permutations(sides)))


@st.composite
def conditions(draw, base, depth=2):
    """Draw a condition that reads now."""
    form = draw(st.sampled_from(["atom", "&&", "||", "==", "!", "?"])) if depth else "atom"
    if form == "atom":
        return atom(draw, base)
    one, two, three = (f"({draw(conditions(base, depth - 1))})" for _ in range(3))
    if form == "!":
        return f"!{one}"
    return f"{one} ? {two} : {three}" if form == "?" else f"{one} {form} {two}"


def contacts(base):
    """Draw contacts whose times lie around a base."""
    values = {
        "seen": near(base),
        "due": near(base),
        "wait": LENGTHS,
        "pause": LENGTHS,
        "flag": st.booleans(),
        "other_flag": st.booleans(),
    }
    return st.one_of(st.fixed_dictionaries(values), st.fixed_dictionaries({}, optional=values))


WORLDS = st.sampled_from(BASES).flatmap(
    lambda base: st.tuples(st.just(base), conditions(base), contacts(base))
)


@heavy
@given(WORLDS)
def test_no_change_is_skipped_and_none_is_invented(world):
    base, source, contact = world
    expression = compile_expression(source, SCOPE)
    assert unschedulable(expression) == ()
    start = max(base, FIRST + 30 * MICRO) - 30 * MICRO
    grid = [start + n * MICRO for n in range(min(GRID, (LAST - start) // MICRO + 1))]
    truths = [expression.value(contact, {}, moment) for moment in grid]
    for place in {0, 1, 2, 29, 30, 31, len(grid) // 2, len(grid) - 2}:
        later = range(place + 1, len(grid))
        expected = next((grid[n] for n in later if truths[n] is not truths[place]), None)
        found = next_change(expression, contact, {}, grid[place])
        if expected is None:
            assert found is None or found > grid[-1]
        else:
            assert found == expected
        if found is not None:
            assert expression.value(contact, {}, found) is not truths[place]
            assert expression.value(contact, {}, found - MICRO) is truths[place]


def chain(expression, contact, event):
    """Return every change from the first moment on."""
    changes = []
    moment = next_change(expression, contact, event, FIRST)
    while moment is not None:
        changes.append(moment)
        moment = next_change(expression, contact, event, moment)
    return changes


def hold_constant(expression, contact, event, moments):
    """Hold that between changes an answer is the same at every moment tried."""
    edges = [FIRST, *chain(expression, contact, event)]
    tried = {moment for edge in edges for moment in around(edge)}
    truths = [expression.value(contact, event, edge) for edge in edges]
    for moment in {*tried, *moments}:
        truth = truths[bisect.bisect_right(edges, moment) - 1]
        assert expression.value(contact, event, moment) is truth
    for edge in edges[1:]:
        before = expression.value(contact, event, edge - MICRO)
        assert expression.value(contact, event, edge) is not before


def around(moment):
    """Return a moment and its neighbours."""
    return [one for one in (moment, *beside(moment)) if FIRST <= one <= LAST]


def beside(moment):
    """Yield the neighbours of a moment that exist."""
    for step in (-MICRO, MICRO):
        try:
            yield moment + step
        except OverflowError:
            continue


def random_moments(seed):
    """Return 2,000 moments: anywhere in time, and at every distance from one of them."""
    generator = random.Random(seed)
    whole = (LAST - FIRST) // MICRO
    anywhere = [generator.randint(0, whole) for _ in range(1000)]
    scales = [10**n for n in range(16)] * 60
    around_now = [(NOW - FIRST) // MICRO + int(generator.gauss(0, scale)) for scale in scales]
    return [FIRST + micros * MICRO for micros in anywhere + around_now if 0 <= micros <= whole]


SEEDS = st.integers(0, 2**32)


@heavy
@given(WORLDS, SEEDS)
def test_between_changes_nothing_changes_in_all_time(world, seed):
    _, source, contact = world
    hold_constant(compile_expression(source, SCOPE), contact, {}, random_moments(seed))


@heavy
@given(sources(), CONTACTS, EVENTS, SEEDS)
def test_no_expression_changes_between_its_changes(source, contact, event, seed):
    expression = compile_expression(source, SCOPE)
    if "now" in source and not unschedulable(expression):
        hold_constant(expression, contact, event, random_moments(seed))


def leaf(source):
    return Leaf("", compile_expression(source, SCOPE))


def next_verdict(rule, contact, after, roles=()):
    """Return the first of a rule's moments at which its verdict is another."""
    before = check_rule(rule, contact, {}, after, roles).verdict
    moments = schedule(rule).moments(contact, after)
    later = (m for m in moments if check_rule(rule, contact, {}, m, roles).verdict is not before)
    return next(later, None)


def test_a_rule_changes_when_enough_of_it_does():
    rule = AtLeast(
        2, "", (leaf("now > contact.seen"), leaf("now > contact.due"), leaf("contact.flag"))
    )
    contact = {"seen": NOW + HOURS, "due": NOW + 2 * HOURS, "flag": False}
    assert next_verdict(rule, contact, NOW) == NOW + 2 * HOURS + MICRO
    assert next_verdict(rule, {**contact, "flag": True}, NOW) == NOW + HOURS + MICRO


def test_a_plugin_is_not_asked_when_the_rest_of_a_rule_changes():
    asked = []
    custom = Custom("", lambda call: asked.append(call.now), "plugin", "answers")
    rule = AllOf("", (custom, leaf("now > contact.due"), leaf("now > contact.seen")))
    contact = {"due": NOW + HOURS, "seen": NOW + 2 * HOURS}
    last = [NOW + 2 * HOURS, NOW + 2 * HOURS + MICRO]
    assert schedule(rule).moments(contact, NOW + HOURS + MICRO) == last
    assert asked == []


def test_a_schedule_survives_pickling():
    made = pickle.loads(pickle.dumps(schedule(leaf("now > contact.due"))))
    assert made.moments({"due": NOW}, NOW) == [NOW + MICRO]
    assert made.changes
    assert not schedule(leaf("contact.flag")).changes


def test_who_may_act_is_part_of_a_rule():
    rule = AllOf("", (Roles(("sales",)), leaf("now > contact.due")))
    contact = {"due": NOW + HOURS}
    assert next_verdict(rule, contact, NOW) is None
    assert next_verdict(rule, contact, NOW, ("sales",)) == NOW + HOURS + MICRO


RULES = st.recursive(
    conditions(NOW).map(leaf) | st.just(Roles(("sales",))),
    lambda rule: st.one_of(
        st.lists(rule, max_size=3).map(lambda rules: AllOf("", tuple(rules))),
        st.lists(rule, max_size=3).map(lambda rules: AnyOf("", tuple(rules))),
        st.lists(rule, max_size=3).flatmap(
            lambda rules: st.integers(1, 3).map(lambda count: AtLeast(count, "", tuple(rules)))
        ),
    ),
    max_leaves=4,
)


@given(RULES, contacts(NOW), st.sampled_from([(), ("sales",)]))
def test_a_rule_changes_when_its_verdict_does(rule, contact, roles):
    grid = [NOW + n * MICRO for n in range(-10, 70)]
    verdicts = [check_rule(rule, contact, {}, moment, roles).verdict for moment in grid]
    expected = next((m for m, v in zip(grid, verdicts, strict=True) if v is not verdicts[0]), None)
    found = next_verdict(rule, contact, grid[0], roles)
    assert found == expected if expected else found is None or found > grid[-1]
