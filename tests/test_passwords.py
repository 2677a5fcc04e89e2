"""No form of a database's URL lets a password be read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.errors import without_passwords
from funnelflow.workspace.settings import Setting

FORMS = (
    "postgresql://ada:{}@host/db",
    "postgresql://ada:{}@host:5432/db?sslmode=require",
    "postgresql://host:5432/db?user=ada&password={}",
    "postgresql://host/db?sslpassword={}&user=ada",
    "postgresql://host/db?p%61ssword={}",
    "postgresql://host/db?PASSWORD={}",
    "host=localhost password={} user=ada",
    "host=localhost password = '{}' user=ada",
    "sqlite:///x?password={}",
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", ["s3cret", "s3/cret", "s3%2Fcret", "s3:cret"])
def test_a_password_is_not_shown(form, secret):
    shown = Setting("database", form.format(secret), "file").shown
    assert "cret" not in shown
    assert "***" in shown


@given(st.text(st.characters(codec="ascii", exclude_characters="?&\n"), min_size=5))
def test_whatever_is_in_it(secret):
    shown = without_passwords(f"postgresql://ada:{secret}@host/db")
    assert shown == "postgresql://ada:***@host/db"


@pytest.mark.parametrize(
    "plain",
    ["funnelflow.db", "postgresql://ada@host/db", "postgresql://host:5432/db?sslmode=require"],
)
def test_what_has_none_is_shown_as_it_is(plain):
    assert without_passwords(plain) == plain


@pytest.mark.parametrize("form", FORMS)
def test_no_command_prints_it(form, tmp_path):
    root = tmp_path / "w"
    root.mkdir()
    written = form.format("s3/cret").replace("host", "127.0.0.1:1")
    (root / "funnelflow.toml").write_text(f'[workspace]\ndatabase = "{written}"\n')
    assert not leaks(root)


def leaks(root: Path) -> list[str]:
    from click.testing import CliRunner  # noqa: PLC0415

    from funnelflow.cli.app import app  # noqa: PLC0415

    found = []
    for line in (
        "config show",
        "config show --json",
        "doctor",
        "list",
        "db status",
        "doctor --json",
    ):
        done = CliRunner().invoke(app, ["-C", str(root), *line.split()], prog_name="funnelflow")
        if "cret" in done.output:
            found.append(f"{line}: {done.output}")
    return found
