"""The words of the problems of definitions: held by one file, and filled in by every report.

After a change of wording, write the file again and read what differs:
``FUNNELFLOW_WRITE_WORDING=1 pytest tests/definition/test_wording.py``.
"""

import ast
import os
from pathlib import Path

import pytest

import funnelflow
from funnelflow.criteria import AS_WRITTEN, EXPRESSION_CODES
from funnelflow.criteria.expression_problems import fields_of
from funnelflow.definition import CODES

WORDING = Path(__file__).with_name("wording.txt")
OWN = [code for code in CODES.values() if code.code not in EXPRESSION_CODES]
WORDINGS = [(code, variant) for code in OWN for variant in code.wordings]


def lines_of(code):
    """Yield a code with the templates of each of its variants."""
    yield f"{code.code} {code.severity}: {code.title}"
    for variant, wording in code.wordings.items():
        yield f"  {variant}: {wording.message}"
        yield from (f"    help: {template}" for template in wording.help)


def test_the_words_are_those_of_the_file():
    text = "".join(f"{line}\n" for code in OWN for line in lines_of(code))
    if os.environ.get("FUNNELFLOW_WRITE_WORDING"):
        WORDING.write_text(text, encoding="utf-8")
    assert text == WORDING.read_text(encoding="utf-8")


@pytest.mark.parametrize(("code", "variant"), WORDINGS, ids=[f"{c.code}-{v}" for c, v in WORDINGS])
def test_a_message_is_one_line_without_a_full_stop(code, variant):
    wording = code.wordings[variant]
    assert variant.isidentifier()
    assert variant != AS_WRITTEN
    for text in (wording.message, *wording.help):
        assert text.isprintable()
        assert not text.endswith(".")


def reports():
    """Yield every report in the source that names its code: place, code, variant, keywords."""
    for path in Path(funnelflow.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "attr", "") == "report"
                and node.args
            ):
                code = getattr(node.args[0], "value", None)
                if isinstance(code, str) and code in CODES:
                    yield f"{path.name}:{node.lineno}", CODES[code], node


@pytest.mark.parametrize(
    ("code", "call"), [pytest.param(c, n, id=f"{p}-{c.code}") for p, c, n in reports()]
)
def test_a_report_gives_what_its_template_needs(code, call):
    given = {keyword.arg for keyword in call.keywords}
    says_where = ast.unparse(call.func.value).endswith(("problems", "checking"))
    written = call.args[1 + says_where] if len(call.args) > 1 + says_where else ast.Constant("")
    choices = [written.body, written.orelse] if isinstance(written, ast.IfExp) else [written]
    for choice in choices:
        if isinstance(choice, ast.Constant) and None not in given:
            assert choice.value == "" or choice.value in code.wordings
            assert fields_of(code.wording(choice.value).message) <= given
