"""The table of codes: complete, explained, and used."""

import re
from pathlib import Path

import pytest

import funnelflow
from funnelflow.criteria import EXPRESSION_CODES, SEVERITIES
from funnelflow.definition import CODES

SOURCES = Path(funnelflow.__file__).parent
FOLDERS = tuple(
    Path(__file__).parents[1] / folder for folder in ("definition", "notify", "plugins")
)
OWN = {code for code in CODES if code.startswith("F")}


def test_every_code_that_is_reported_is_in_the_table():
    used = {
        code
        for path in SOURCES.rglob("*.py")
        for code in re.findall(r'"(F\d{3})"', path.read_text())
    }
    assert used <= OWN
    assert OWN - used == {"F602"} - used or used == OWN


def test_the_table_is_in_order():
    assert list(CODES) == [*sorted(OWN), *EXPRESSION_CODES]


def test_the_codes_of_expressions_are_in_it_too():
    assert set(EXPRESSION_CODES) <= set(CODES)


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_a_code_is_explained_in_whole_sentences(code):
    assert re.fullmatch(r"[EF]\d{3}", code.code)
    assert code.severity in SEVERITIES
    assert code.title
    assert code.title[0].islower() or not code.title[0].isalpha()
    assert not code.title.endswith(".")
    assert len(code.explanation) > 40
    assert code.explanation.endswith((".", "`."))


def test_every_code_is_tested():
    files = [path for folder in FOLDERS for path in folder.glob("test_*.py")]
    tests = "".join(path.read_text() for path in files)
    untested = {code for code in OWN if code not in tests.replace(Path(__file__).read_text(), "")}
    assert untested <= set()
