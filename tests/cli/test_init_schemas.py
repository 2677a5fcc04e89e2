"""What `init` copies stays complete for editors: the schemas come with it."""

import json
import re
from pathlib import Path

import pytest

from funnelflow.cli.start import make_workspace, plan


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    name, files = plan(tmp_path / "shop", "standard")
    make_workspace(tmp_path / "shop", name, files)
    return tmp_path / "shop"


def test_the_schema_that_a_copied_file_names_stands_beside_it(workspace: Path):
    for path in (workspace / "definitions").rglob("*.yaml"):
        (named,) = re.findall(r"\$schema=(\S+)$", path.read_text("utf-8"), re.MULTILINE)
        assert "properties" in json.loads((path.parent / named).read_text("utf-8"))


def test_the_schema_of_a_vocabulary_is_that_of_vocabularies(workspace: Path):
    text = (workspace / "definitions" / "vocabularies" / "standard.yaml").read_text("utf-8")
    assert "$schema=../schemas/vocabulary.schema.json\n" in text
