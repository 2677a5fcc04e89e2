"""Tables and paragraphs: aligned, and wrapped only where somebody is looking."""

from hypothesis import given
from hypothesis import strategies as st

from funnelflow.cli.text import (
    PLAIN,
    Page,
    TextSpan,
    bullets,
    columns,
    flow,
    grid,
    paint,
    paragraph,
)

NARROW = Page(width=30, terminal=True)


def drawn(lines, page=PLAIN):
    return paint(lines, page).splitlines()


def cells(*texts):
    return [TextSpan(text) for text in texts]


def test_columns_line_up():
    assert drawn(grid([cells("a", "b"), cells("long", "c")], PLAIN)) == ["a     b", "long  c"]


def test_columns_line_up_behind_wide_characters():
    assert drawn(grid([cells("日本", "b"), cells("a", "c")], PLAIN)) == ["日本  b", "a     c"]


def test_a_shorter_row_is_no_trouble():
    assert drawn(grid([cells("a"), cells("b", "c")], PLAIN)) == ["a", "b  c"]


def test_nothing_gives_no_lines():
    assert grid([], PLAIN) == []


def test_a_pipe_gets_whole_rows():
    assert drawn(grid([cells("x" * 200, "y")], PLAIN)) == ["x" * 200 + "  y"]


def test_a_terminal_gets_the_widest_column_wrapped():
    assert drawn(grid([cells("id", "one two three four five six seven")], NARROW), NARROW) == [
        "id  one two three four five",
        "    six seven",
    ]


@given(
    st.lists(st.lists(st.text("ab 日", max_size=50), min_size=1, max_size=3), max_size=4),
    st.integers(36, 90),
)
def test_a_table_fits_the_terminal(rows, width):
    page = Page(width=width, terminal=True)
    lines = drawn(grid([cells(*row) for row in rows], page), page)
    assert all(columns(one, page) <= width for one in lines)


def test_a_paragraph_hangs_behind_its_label():
    page = Page(width=20)
    assert drawn(paragraph("one two three four", page, first="known: ")) == [
        "known: one two three",
        "       four",
    ]


def test_bullets_hang_too():
    page = Page(width=12)
    assert drawn(bullets(["one two three", "four"], page)) == ["• one two", "  three", "• four"]


def test_a_line_that_is_too_long_flows_into_the_next():
    page = Page(width=12)
    spans = (TextSpan("ada stays: ", "strong"), TextSpan("one two three"))
    assert drawn(flow(spans, page)) == ["ada stays:", "    one two", "    three"]


def test_a_line_that_fits_stays_one():
    spans = (TextSpan("a ", "strong"), TextSpan("b c"))
    assert flow(spans, PLAIN) == [[TextSpan("a ", "strong"), TextSpan("b c")]]
