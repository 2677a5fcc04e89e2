"""The documents' sessions: what is read from them, and when an output is the same."""

import datetime as dt
from pathlib import Path

import console
import pytest
from console import Command, File, Place
from forks import Start

DOCUMENT = """\
# Title

<!-- file: some/funnel.yaml -->
```yaml
funnel: tiny
```

```console
$ funnelflow one
first line

second line
$ funnelflow two \\
    --three
```

```yaml
not: a file
```
"""


@pytest.fixture
def place(tmp_path: Path, run_forked: Start) -> Place:
    """A place whose commands need not import anything."""
    return Place(tmp_path, run_funnelflow=run_forked)


def test_reads_files_and_commands_in_order():
    file, one, two = console.read(DOCUMENT)
    assert file == File("some/funnel.yaml", "funnel: tiny\n")
    assert isinstance(one, Command)
    assert isinstance(two, Command)
    assert (one.line, one.source) == (9, "funnelflow one")
    assert one.shown == "first line\n\nsecond line\n"
    assert (two.source, two.shown) == ("funnelflow two      --three", "")


def test_the_same_output_is_the_same():
    assert console.same("a\nb\n", "a\nb\n")


def test_a_changed_output_is_not_the_same():
    assert not console.same("a\nb\n", "a\nc\n")


def test_a_missing_line_is_not_the_same():
    assert not console.same("a\n", "a\nb\n")


def test_durations_and_rates_are_all_the_same():
    assert console.same("done in 0.8 s, 1,200 events/s\n", "done in 12 s, 93,000 events/s\n")


def test_other_numbers_are_not():
    assert not console.same("3 contacts\n", "4 contacts\n")


def test_an_ellipsis_stands_for_any_lines():
    assert console.same("a\n…\nd\n", "a\nb\nc\nd\n")
    assert console.same("a\n…\nd\n", "a\nd\n")
    assert not console.same("a\n…\nd\n", "a\nb\nc\n")


def test_empty_lines_at_the_end_do_not_count():
    assert console.same("a\n\n", "a\n")


def test_funnelflow_really_runs(tmp_path: Path):
    assert Place(tmp_path).run("funnelflow --version").startswith("funnelflow ")


def test_standard_error_is_shown_too(place: Place):
    assert "no-such-command" in place.run("funnelflow no-such-command")


def test_a_command_runs_where_cd_has_led(place: Place, tmp_path: Path):
    (tmp_path / "below").mkdir()
    place.run("cd below")
    place.write(File("x.txt", "x"))
    assert (tmp_path / "below" / "x.txt").read_text() == "x"


def test_commands_run_one_after_the_other(place: Place):
    assert place.run("pip install -e . && funnelflow --version") == place.run(
        "funnelflow --version"
    )


def test_an_ampersand_in_quotes_is_no_command(place: Place):
    assert "no command 'a && b'" in place.run("funnelflow 'a && b'")


def test_a_directory_that_is_not_there_is_reported(place: Place):
    assert place.run("cd gone") == "there is no directory gone\n"


def test_a_variable_that_is_exported_stays(place: Place):
    place.run("export FUNNELFLOW_DATABASE=elsewhere.db && funnelflow init shop && cd shop")
    assert "elsewhere.db" in place.run("funnelflow config show")


def test_a_package_is_there_as_if_it_were_installed(tmp_path: Path, capsys):
    (tmp_path / "greeting").mkdir()
    (tmp_path / "greeting" / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "greeting"\nversion = "3"\n'
        '[project.entry-points."funnelflow.v1"]\ngreeting = "greeting"\n'
        '[tool.hatch.build.targets.wheel]\ninclude = ["greeting.py"]\n'
    )
    (tmp_path / "greeting" / "greeting.py").write_text('"""Says hello."""\n')
    document = tmp_path / "d.md"
    document.write_text("```console\n$ funnelflow plugins list\n?\n```\n", encoding="utf-8")
    assert console.main(["--with", str(tmp_path / "greeting"), str(document)]) == 1
    assert "greeting" in capsys.readouterr().out


def test_other_commands_are_refused(place: Place):
    with pytest.raises(ValueError, match="not rm"):
        place.run("rm -r x")


def test_a_difference_names_the_command_and_gives_the_real_output(place: Place):
    text = "```console\n$ funnelflow --version\nfunnelflow 0.0.0-never\n```\n"
    (found,) = console.differences(text, place)
    assert found.command.source == "funnelflow --version"
    assert found.real.startswith("funnelflow ")


def test_an_updated_document_has_no_differences(place: Place):
    text = "before\n```console\n$ funnelflow --version\n?\n\n$ cd .\n```\nafter\n"
    new = console.updated(text, list(console.differences(text, place)))
    assert list(console.differences(new, place)) == []
    assert new.startswith("before\n```console\n$ funnelflow --version\nfunnelflow ")
    assert new.endswith("\n\n$ cd .\n```\nafter\n")


def test_the_command_line_says_where_a_document_differs(tmp_path: Path, capsys):
    document = tmp_path / "d.md"
    document.write_text("```console\n$ funnelflow --version\n?\n```\n", encoding="utf-8")
    assert console.main([str(document)]) == 1
    assert "d.md:2: $ funnelflow --version" in capsys.readouterr().out
    assert console.main(["--update", str(document)]) == 0
    assert console.main([str(document)]) == 0


def test_an_output_with_an_ellipsis_is_left_to_its_author(tmp_path: Path, capsys):
    document = tmp_path / "d.md"
    document.write_text("```console\n$ funnelflow --version\n…\n?\n```\n", encoding="utf-8")
    assert console.main(["--update", str(document)]) == 1
    assert "\n…\n?\n" in document.read_text(encoding="utf-8")
    assert "d.md:2" in capsys.readouterr().out


NOW = dt.datetime(2031, 5, 6, 12, 0, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("real", "shown"),
    [
        ("since 2031-05-06 12:00 UTC", "since 2026-03-02 09:30 UTC"),
        ('"2031-05-06T11:59:58.123456Z"', '"2026-03-02T09:30:00Z"'),
        ("on 2031-07-05 12:00 (in 59 days)", "on 2026-05-01 09:30 (in 59 days)"),
        ("at 2031-05-06 13:00", "at 2031-05-06 13:00"),
        ("at 2025-11-04 10:00", "at 2025-11-04 10:00"),
        ("at 2031-05-01 12:00", "at 2031-05-01 12:00"),
    ],
)
def test_the_present_is_shifted_to_the_documents_own(real: str, shown: str):
    assert console.in_document_time(real, NOW) == shown
