"""Text for people: cleaned at one place, coloured after that, aligned by display width."""

import re

from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from funnelflow.cli.text import PLAIN, Page, TextSpan, line, printable

COLOUR = Page(colour=True)
ASCII = Page(encoding="ascii")
HARMLESS = re.compile("[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f\ud800-\udfff]*")
any_text = st.text(st.characters())


def test_an_escape_sequence_in_data_is_shown_and_not_sent():
    assert PLAIN.paint([line("\x1b[31mred\x07")]) == "\\x1b[31mred\\x07\n"


def test_direction_marks_and_invisible_characters_are_shown():
    assert printable("a\u202eb\u200bc") == "a\\u202eb\\u200bc"


def test_line_breaks_in_data_are_shown_as_escapes():
    assert printable("a\nb\tc") == "a\\nb\\tc"


def test_line_breaks_of_a_whole_message_are_kept():
    assert printable("a\n\x1bb", newlines=True) == "a\n\\x1bb"


def test_a_lone_surrogate_is_shown():
    assert printable("\ud800") == "\\ud800"


def test_joiners_that_scripts_and_emoji_need_are_kept():
    assert printable("\u200d") == "\u200d"


@given(any_text)
def test_nothing_that_moves_a_terminal_survives(text: str):
    assert HARMLESS.fullmatch(printable(text))


@given(any_text)
def test_cleaning_twice_is_cleaning_once(text: str):
    assert printable(printable(text)) == printable(text)


@given(any_text)
def test_what_is_painted_in_ascii_is_ascii(text: str):
    assert ASCII.paint([line(text)]).isascii()


def test_marks_have_a_plainer_form_where_the_encoding_lacks_them():
    assert ASCII.fitting("✓ ✗ a → b … •") == "+ - a -> b ... *"


def test_other_characters_that_cannot_be_carried_are_escaped():
    assert ASCII.fitting("é") == "\\xe9"


def test_latin_1_keeps_what_it_can():
    assert Page(encoding="latin-1").fitting("é →") == "é ->"


def test_looks_become_colours_only_on_a_coloured_page():
    assert COLOUR.paint([line(TextSpan("no", "bad"))]) == "\x1b[31mno\x1b[0m\n"
    assert PLAIN.paint([line(TextSpan("no", "bad"))]) == "no\n"


def test_data_inside_a_coloured_span_cannot_end_the_colour():
    assert COLOUR.paint([line(TextSpan("\x1b[0mx", "bad"))]) == "\x1b[31m\\x1b[0mx\x1b[0m\n"


def test_markup_in_data_means_nothing():
    assert COLOUR.paint([line("[bold]x[/bold]")]) == "[bold]x[/bold]\n"


def test_spaces_at_the_end_of_a_line_are_left_out():
    assert PLAIN.paint([line("a  ", "   ")]) == "a\n"


def test_wide_characters_count_as_two_columns():
    assert PLAIN.columns("日本") == 4


@given(st.text(st.characters(max_codepoint=0x24F) | st.sampled_from("✓✗→…•·█▌—≥≤")))
def test_what_is_counted_without_wcwidth_is_counted_alike(text: str):
    assert PLAIN.columns(text) == wcswidth(printable(text))


def test_an_emoji_joined_of_several_takes_two_columns():
    assert PLAIN.columns("👩\u200d👩\u200d👧") == 2


def test_combining_characters_take_no_column():
    assert PLAIN.columns("e\u0301") == 1


def test_a_character_shown_as_an_escape_counts_as_what_is_shown():
    assert PLAIN.columns("\x1b") == 4
    assert ASCII.columns("…") == 3


def test_padding_goes_by_display_width():
    assert PLAIN.pad("日本", 6) == "日本  "


def test_cutting_leaves_an_ellipsis():
    assert PLAIN.cut("abcdef", 4) == "abc…"
    assert PLAIN.cut("abcd", 4) == "abcd"


def test_cutting_never_splits_a_wide_character():
    assert PLAIN.cut("日本語", 4) == "日…"


def test_wrapping_breaks_at_spaces():
    assert PLAIN.wrap("one two three", 7) == ["one two", "three"]


def test_wrapping_breaks_a_word_wider_than_the_line():
    assert PLAIN.wrap("abcdefgh", 3) == ["abc", "def", "gh"]


def test_wrapping_nothing_gives_one_empty_line():
    assert PLAIN.wrap("", 10) == [""]


@given(st.text(st.sampled_from("ab 日\u0301é"), max_size=60), st.integers(2, 30))
def test_no_wrapped_line_is_wider_than_asked(text: str, width: int):
    assert all(PLAIN.columns(part) <= width for part in PLAIN.wrap(text, width))


@given(st.text(st.sampled_from("ab 日"), max_size=60), st.integers(2, 30))
def test_wrapping_loses_nothing_but_spaces(text: str, width: int):
    assert "".join(PLAIN.wrap(text, width)).replace(" ", "") == text.replace(" ", "")
