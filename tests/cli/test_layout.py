"""Tables and paragraphs: aligned, and wrapped only where somebody is looking."""

from hypothesis import given
from hypothesis import strategies as st

from funnelflow.cli.text import PLAIN, Page, TextSpan

NARROW = Page(width=30, terminal=True)


def drawn(lines, page=PLAIN):
    return page.paint(lines).splitlines()


def cells(*texts):
    return [TextSpan(text) for text in texts]


def test_columns_line_up():
    assert drawn(PLAIN.grid([cells("a", "b"), cells("long", "c")])) == ["a     b", "long  c"]


def test_columns_line_up_behind_wide_characters():
    assert drawn(PLAIN.grid([cells("日本", "b"), cells("a", "c")])) == ["日本  b", "a     c"]


def test_a_shorter_row_is_no_trouble():
    assert drawn(PLAIN.grid([cells("a"), cells("b", "c")])) == ["a", "b  c"]


def test_nothing_gives_no_lines():
    assert PLAIN.grid([]) == []


def test_a_pipe_gets_whole_rows():
    assert drawn(PLAIN.grid([cells("x" * 200, "y")])) == ["x" * 200 + "  y"]


def test_a_terminal_gets_the_widest_column_wrapped():
    assert drawn(NARROW.grid([cells("id", "one two three four five six seven")]), NARROW) == [
        "id  one two three four five",
        "    six seven",
    ]


@given(
    st.lists(st.lists(st.text("ab 日", max_size=50), min_size=1, max_size=3), max_size=4),
    st.integers(36, 90),
)
def test_a_table_fits_the_terminal(rows, width):
    page = Page(width=width, terminal=True)
    lines = drawn(page.grid([cells(*row) for row in rows]), page)
    assert all(page.columns(one) <= width for one in lines)


def test_a_paragraph_hangs_behind_its_label():
    page = Page(width=20)
    assert drawn(page.paragraph("one two three four", first="known: ")) == [
        "known: one two three",
        "       four",
    ]


def test_bullets_hang_too():
    page = Page(width=12)
    assert drawn(page.bullets(["one two three", "four"])) == ["• one two", "  three", "• four"]


def test_a_line_that_is_too_long_flows_into_the_next():
    page = Page(width=12)
    spans = (TextSpan("ada stays: ", "strong"), TextSpan("one two three"))
    assert drawn(page.flow(spans)) == ["ada stays:", "    one two", "    three"]


def test_a_line_that_fits_stays_one():
    spans = (TextSpan("a ", "strong"), TextSpan("b c"))
    assert PLAIN.flow(spans) == [[TextSpan("a ", "strong"), TextSpan("b c")]]
