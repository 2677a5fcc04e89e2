"""Criteria with their verdicts: marks, labels, and what was seen, side by side."""

from hypothesis import given
from hypothesis import strategies as st

from funnelflow.cli.decisions import check_lines, count_verdicts, said
from funnelflow.cli.text import PLAIN, Page
from funnelflow.criteria import NUMBER, TEXT, Check, Field, Seen, Verdict
from funnelflow.engine.questions import criteria_of, open_criteria

MET, NOT_MET, UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN
AUTHORITY = Field("authority", TEXT, ask="Who signs the contract?")
BUDGET = Field("budget", NUMBER)


def leaf(label, verdict=MET, words="email is ada@example.com", missing=()):
    return Check(label, "criterion", verdict, words, missing=missing)


def group(*checks, kind="all", label="", verdict=NOT_MET, needs=0):
    return Check(label, kind, verdict, "", checks=checks, needs=needs)


def drawn(check, page=PLAIN):
    return page.paint(check_lines(check, page)).splitlines()


def test_a_refusal_reads_like_the_one_in_the_design():
    check = group(
        leaf("We can reach them"),
        leaf("Budget is at least 5,000", NOT_MET, "budget is 3,000"),
        leaf("Talks to the decider", UNKNOWN, "unknown", (AUTHORITY,)),
        leaf("Buys within three months", MET, "buying_horizon_days is 60"),
    )
    assert drawn(check) == [
        "  ✓ We can reach them           email is ada@example.com",
        "  ✗ Budget is at least 5,000    budget is 3,000",
        '  ? Talks to the decider        unknown: ask "Who signs the contract?"',
        "  ✓ Buys within three months    buying_horizon_days is 60",
    ]


def test_groups_are_indented_under_their_line():
    bant = group(
        leaf("Budget", MET, "budget is 5"),
        leaf("Authority", UNKNOWN, "unknown"),
        leaf("Need", NOT_MET, "need is none"),
        kind="at_least",
        needs=2,
    )
    assert drawn(group(leaf("Reachable"), bant)) == [
        "  ✓ Reachable        email is ada@example.com",
        "  ✗ at least 2 of these 3: 1 met, 1 not met, 1 unknown",
        "      ✓ Budget       budget is 5",
        "      ? Authority    unknown",
        "      ✗ Need         need is none",
    ]


def test_a_group_with_a_label_keeps_it():
    check = group(leaf("a"), leaf("b"), kind="any", label="Engaged")
    assert drawn(check)[0].startswith("  ✗ Engaged (any of these 2)")


def test_wide_labels_do_not_break_the_alignment():
    lines = drawn(group(leaf("予算がある", MET, "a"), leaf("abc", MET, "b")))
    assert [PLAIN.columns(line[: line.index(end)]) for line, end in zip(lines, "ab", strict=True)]
    assert PLAIN.columns(lines[0].removesuffix("a")) == PLAIN.columns(lines[1].removesuffix("b"))


def test_combining_characters_do_not_break_the_alignment():
    lines = drawn(group(leaf("e\u0301te\u0301", MET, "x"), leaf("abc", MET, "x")))
    assert len({PLAIN.columns(line.removesuffix("x")) for line in lines}) == 1


def test_ascii_outputs_get_ascii_marks():
    page = Page(encoding="ascii")
    lines = drawn(group(leaf("a"), leaf("b", NOT_MET), leaf("c", UNKNOWN)), page)
    assert [line[2] for line in lines] == ["+", "-", "?"]


def test_long_words_are_wrapped_beside_the_label():
    lines = drawn(leaf("Label", NOT_MET, "one two three four five six seven eight"), Page(width=60))
    assert lines == [
        "  ✗ Label       one two three four five six seven eight",
    ]
    lines = drawn(leaf("Label", NOT_MET, "word " * 20), Page(width=62))
    assert len(lines) > 1
    assert all(line.startswith(" " * 16) for line in lines[1:])


def test_a_narrow_terminal_gets_the_words_below_the_label():
    lines = drawn(leaf("We can reach them", MET, "email is ada@example.com"), Page(width=40))
    assert lines == ["  ✓ We can reach them", "      email is ada@example.com"]


def test_data_in_words_cannot_colour_the_terminal():
    page = Page(colour=True)
    shown = page.paint(check_lines(leaf("a", MET, "need is \x1b[31mred[/red]"), page))
    assert "\\x1b[31mred[/red]" in shown


def test_a_transition_without_criteria_has_nothing_to_draw():
    assert check_lines(None, PLAIN) == []


def test_groups_of_all_without_a_label_are_counted_through():
    inner = group(leaf("b"), leaf("c", NOT_MET))
    check = group(leaf("a"), inner)
    assert [c.label for c in criteria_of(check)] == ["a", "b", "c"]
    assert [c.label for c in open_criteria(check)] == ["c"]


def test_what_to_ask_stands_in_for_unknown():
    assert said(leaf("x", UNKNOWN, "unknown", (AUTHORITY,))) == (
        'unknown: ask "Who signs the contract?"'
    )


def test_without_a_question_the_words_stand():
    assert said(leaf("x", UNKNOWN, "nobody knows the budget", (BUDGET,))) == (
        "nobody knows the budget"
    )


def test_a_tally_leaves_out_what_is_not_there():
    assert count_verdicts([leaf("a"), leaf("b"), leaf("c", UNKNOWN)]) == "2 met, 1 unknown"


checks = st.recursive(
    st.builds(
        leaf,
        st.text("ab 日é\u0301", max_size=40),
        st.sampled_from(Verdict),
        st.text("ab 日é", max_size=80),
    ),
    lambda inner: st.builds(
        lambda items, kind: group(*items, kind=kind, needs=1),
        st.lists(inner, min_size=1, max_size=3),
        st.sampled_from(["all", "any", "at_least"]),
    ),
    max_leaves=6,
)


@given(checks, st.integers(60, 120))
def test_no_line_is_wider_than_the_terminal(check, width):
    page = Page(width=width, terminal=True)
    assert all(page.columns(line) <= width for line in drawn(check, page))


def test_what_only_an_event_can_tell_is_not_asked():
    direction = Field("direction", TEXT, ask="Who wrote it?")
    seen = (Seen("event.direction", direction, None),)
    check = Check("x", "criterion", UNKNOWN, "", seen=seen, missing=(direction,))
    assert said(check) == "unknown: only an event tells"
