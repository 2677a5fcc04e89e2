"""Values that are of the right kind and still make no sense where they stand."""

import datetime as dt

import pytest
from attrs import evolve

from funnelflow.definition import Criterion, Definition, Group, Stage, Transition, check

from .strategies import VOCABULARY
from .support import HEAD, read, told

SOUND = Definition(
    "small", VOCABULARY, "a", (Stage("a"), Stage("b", type="won")), (Transition("a", "b", "form"),)
)
START = HEAD + "stages: {lead: , prospect: {type: won}}\n"


def codes(**changed):
    return [p.code for p in check(evolve(SOUND, **changed))]


def requiring(*items):
    return (Transition("a", "b", "form", require=items),)


@pytest.mark.parametrize("version", [0, -1, 2**31, True, "1", 1.0])
def test_a_version_counts_from_one(version):
    assert codes(version=version) == ["F209" if type(version) is int else "F103"]


def test_there_is_a_stage_to_begin_in():
    assert codes(initial="") == ["F402"]
    assert codes(initial="c") == ["F402"]


def test_there_are_stages():
    assert codes(stages=(), transitions=()) == ["F401", "F402"]


def test_a_wait_is_at_least_a_minute():
    minute = dt.timedelta(minutes=1)
    assert codes(transitions=(Transition("a", "b", after=minute),)) == []
    short = Transition("a", "b", after=minute - dt.timedelta(microseconds=1))
    assert codes(transitions=(short,)) == ["F411"]


def test_nobody_can_take_what_time_takes():
    timed = Transition("a", "b", after=dt.timedelta(days=1), by="sales")
    assert codes(transitions=(timed,)) == ["F410"]
    assert codes(transitions=(evolve(timed, on="form"),)) == ["F410"]
    assert codes(transitions=(evolve(timed, after=None),)) == []


def test_since_needs_after():
    assert codes(transitions=(Transition("a", "b", "form", since="activity"),)) == ["F412"]


def test_a_transition_leaves_something():
    assert "F102" in codes(transitions=(Transition((), "b", "form"),))


def test_what_is_listed_twice_is_reported():
    assert codes(transitions=(Transition(("a", "a"), "b", ("form", "form")),)) == ["F213", "F213"]


def test_a_group_has_items():
    assert codes(transitions=requiring(Group("any", ()))) == ["F105"]


@pytest.mark.parametrize("count", [-1, 0, 3])
def test_a_count_is_possible(count):
    items = (Criterion("A", "contact.fits"), Criterion("B", "contact.fits"))
    assert codes(transitions=requiring(Group("at_least", items, count))) == ["F209"]
    assert codes(transitions=requiring(Group("at_least", items, 2))) == []


def test_a_criterion_is_one_thing():
    assert "F105" in codes(transitions=requiring(Criterion("A")))
    assert "F105" in codes(transitions=requiring(Criterion("A", "contact.fits", "round")))


def test_a_criterion_without_a_label_is_warned_about():
    (problem,) = check(evolve(SOUND, transitions=requiring(Criterion("", "contact.fits"))))
    assert (problem.code, problem.severity) == ("F107", "warning")


@pytest.mark.parametrize(
    ("changed", "variant", "count"),
    [
        (
            {"stages": tuple(Stage(f"s{n}") for n in range(2_001))},
            "count",
            2_001,
        ),
        (
            {"transitions": (Transition("a", "b", "form"),) * 20_001},
            "count",
            20_001,
        ),
        (
            {"transitions": requiring(*(Criterion("A", "contact.fits"),) * 201)},
            "criteria",
            201,
        ),
        (
            {"transitions": requiring(*(Criterion("A", "contact.fits"),) * 200) * 151},
            "count",
            30_202,
        ),
    ],
)
def test_sizes_are_bounded(changed, variant, count):
    (problem,) = check(evolve(SOUND, **changed))
    assert (problem.code, problem.variant) == ("F003", variant)
    assert problem.parameters["count"] == count


def test_stages_are_not_nested_without_end():
    stage = Stage("deep")
    for _ in range(5_000):
        stage = Stage("deep", stages=(stage,))
    assert codes(stages=(stage,)) == ["F003"]


def test_groups_are_not_nested_without_end():
    item = Criterion("A", "contact.fits")
    for _ in range(5_000):
        item = Group("any", (item,))
    assert codes(transitions=requiring(item)) == ["F003"]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("version: 0", "6:10-11 F209"),
        ("transitions: [{from: lead, to: prospect, after: 5s}]", "6:49-51 F411"),
        ("transitions: [{from: lead, to: prospect, after: 5d, by: [sales]}]", "6:57-64 F410"),
        ("transitions: [{from: [lead, lead], to: prospect}]", "6:29-33 F213"),
        ("transitions: [{from: lead, to: prospect, since: activity}]", "6:49-57 F412"),
        ("transitions: [{from: [], to: prospect}]", "6:22-24 F102"),
    ],
)
def test_a_value_is_shown_where_it_stands(tmp_path, line, place):
    assert place in [told(p) for p in read(tmp_path, START + line + "\n").problems]


def test_a_missing_initial_is_reported_with_the_line_to_add(tmp_path):
    text = START.replace("initial: lead\n", "")
    (problem,) = [p for p in read(tmp_path, text).problems if p.code == "F402"]
    assert (problem.variant, problem.parameters) == ("missing", {"stage": "lead"})


def test_a_missing_name_is_reported(tmp_path):
    text = START.replace("funnel: small\n", "")
    assert "1:1-7 F102" in [told(p) for p in read(tmp_path, text).problems]
