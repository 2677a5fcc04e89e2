"""Where answers go, and what a terminal gets."""

import io
import json
from contextlib import redirect_stderr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.cli.output import (
    hint,
    json_text,
    note,
    page_for,
    say,
    say_text,
    watching,
    write_failure,
)
from funnelflow.cli.text import TextSpan, line, printable


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_a_terminal_gets_colours():
    assert page_for(Terminal()).colour


def test_a_pipe_gets_none_and_wraps_at_a_hundred():
    page = page_for(io.StringIO())
    assert (page.colour, page.width) == (False, 100)


def test_columns_says_where_a_pipe_wraps(monkeypatch):
    monkeypatch.setenv("COLUMNS", "72")
    assert page_for(io.StringIO()).width == 72


def test_columns_that_are_no_number_mean_nothing(monkeypatch):
    monkeypatch.setenv("COLUMNS", "wide")
    assert page_for(io.StringIO()).width == 100


def test_no_color_turns_colours_off(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert not page_for(Terminal()).colour


def test_no_output_at_all_is_a_page_too():
    assert not page_for(None).terminal


def test_answers_go_to_stdout_and_remarks_to_stderr(capsys):
    say([line("answer")])
    note("remark")
    hint("do this")
    assert capsys.readouterr() == ("answer\n", "remark\nhint: do this\n")


def test_an_empty_hint_says_nothing(capsys):
    hint("")
    assert capsys.readouterr().err == ""


def test_the_lines_of_a_hint_stand_below_each_other(capsys):
    hint("one\ntwo")
    assert capsys.readouterr().err == "hint: one\n      two\n"


def test_text_laid_out_already_is_cleaned_line_by_line(capsys):
    say_text("a\n\x1b[2Jb\n")
    assert capsys.readouterr().out == "a\n\\x1b[2Jb\n"


def test_spans_reach_a_pipe_without_colours(capsys):
    say([line(TextSpan("no", "bad"))])
    assert capsys.readouterr().out == "no\n"


def test_an_error_is_a_message_and_a_hint(capsys):
    write_failure("usage", "no \x1b", "try")
    assert capsys.readouterr() == ("", "error: no \\x1b\nhint: try\n")


def test_an_error_as_json_is_one_object(capsys):
    write_failure("usage", "no", "try", {"code": "usage"})
    assert json.loads(capsys.readouterr().err) == {"error": {"code": "usage"}}


def test_json_keeps_readable_text_readable():
    assert json_text({"name": "日本 é"}) == '{"name": "日本 é"}'


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_says_the_same_and_moves_no_terminal(text: str):
    shown = json_text(text)
    assert json.loads(shown) == text
    assert printable(shown) == shown


@pytest.fixture
def screen(monkeypatch):
    """Return a terminal on which every step is drawn."""
    monkeypatch.setattr("funnelflow.cli.output.monotonic", iter(range(100)).__next__)
    return Terminal()


def left_on(shown):
    """Return what a person sees on the last line: each return starts it anew."""
    line = ""
    for part in shown.getvalue().rpartition("\n")[2].split("\r"):
        line = part + line[len(part) :]
    return line.rstrip()


def test_progress_says_how_much_of_the_whole_is_behind(screen):
    with redirect_stderr(screen), watching("reading e.csv", "rows") as step:
        step(1234, 100, 50)
        assert left_on(screen) == f"reading e.csv {'█' * 15}{'·' * 15} 50% 1,234 rows"
        step(2000, 100, 90)
        assert left_on(screen).endswith("90% 2,000 rows, 0 s left")


def test_progress_without_a_size_counts(screen):
    with redirect_stderr(screen), watching("verifying", "contacts") as step:
        step(7)
        assert left_on(screen) == "verifying 7 contacts"


def test_progress_leaves_nothing_behind(screen):
    with redirect_stderr(screen), watching("verifying", "contacts") as step:
        step(7)
    assert left_on(screen) == ""


def test_progress_makes_way_for_what_is_said_meanwhile(screen):
    with redirect_stderr(screen), watching("verifying", "contacts") as step:
        step(7)
        note("remark")
        assert "\rremark\n" in screen.getvalue()
        step(8)
        assert left_on(screen) == "verifying 8 contacts"


def test_control_characters_in_a_name_do_not_reach_the_terminal_with_progress(screen):
    with redirect_stderr(screen), watching("\x1b[2J", "rows") as step:
        step(1)
    assert "\x1b" not in screen.getvalue()


def test_no_terminal_gets_no_progress(capsys):
    with watching("verifying", "contacts") as step:
        step(7)
    assert capsys.readouterr() == ("", "")


def test_a_dumb_terminal_gets_no_progress(screen, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    with redirect_stderr(screen), watching("verifying", "contacts") as step:
        step(7)
    assert screen.getvalue() == ""
