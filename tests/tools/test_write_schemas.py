"""The schemas stand where the first lines of the definitions that ship here look for them."""

import json
from pathlib import Path

import pytest
import write_schemas

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "definitions").rglob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_the_first_line_of_what_ships_leads_to_a_schema(path, tmp_path):
    write_schemas.main(tmp_path / "definitions" / "schemas")
    head, _, named = path.read_text("utf-8").splitlines()[0].partition("$schema=")
    folder = tmp_path / "definitions" / path.parent.relative_to(ROOT / "definitions")
    assert head == "# yaml-language-server: "
    assert "properties" in json.loads((folder / named).resolve().read_text("utf-8"))
