"""The words of every problem of an expression, held by one file.

After a change of wording, write the file again and read what differs:
``FUNNELFLOW_WRITE_WORDING=1 pytest tests/criteria/test_wording.py``.
"""

import os
from pathlib import Path

from funnelflow.criteria import (
    BOOLEAN,
    EXPRESSION_CODES,
    NUMBER,
    CriterionError,
    compile_expression,
    unschedulable,
)
from funnelflow.criteria.expression_problems import fields_of, show_problem

from .test_messages import MISTAKES, SCOPE, placed
from .test_moments import UNSCHEDULABLE
from .test_suspicious import ALWAYS, NEVER, WITHOUT_RESULT
from .test_suspicious import SCOPE as SUSPICIOUS_SCOPE
from .worlds import SCOPE as WORLD

WORDING = Path(__file__).with_name("wording.txt")
COSTLY = ["contact.fits" + " " * 2000, "(" * 60, "!" * 300 + "contact.fits"]


def reported():
    """Yield every source with its problems."""
    sources = [placed(marked)[0] for marked, _ in MISTAKES]
    for source in [*sources, *COSTLY]:
        yield source, problems_of(source, SCOPE)
    yield "contact.email", problems_of("contact.email", SCOPE, NUMBER)
    yield "event.amount > 5", problems_of("event.amount > 5", SUSPICIOUS_SCOPE)
    for marked in [*NEVER, *ALWAYS, *WITHOUT_RESULT]:
        source = placed(marked)[0]
        yield source, compile_expression(source, SUSPICIOUS_SCOPE).warnings
    for marked, _ in [*UNSCHEDULABLE, ("«event.at < now»", "")]:
        expression = compile_expression(placed(marked)[0], WORLD)
        yield expression.source, unschedulable(expression, automatic=True)


def problems_of(source, scope, expect=BOOLEAN):
    """Return what is wrong with a source."""
    try:
        return compile_expression(source, scope, expect).warnings
    except CriterionError as error:
        return error.problems


def test_the_words_are_those_of_the_file():
    shown = [show_problem(source, problem) for source, found in reported() for problem in found]
    text = "\n\n".join("\n".join(line[:100] for line in one.splitlines()) for one in shown) + "\n"
    if os.environ.get("FUNNELFLOW_WRITE_WORDING"):
        WORDING.write_text(text, encoding="utf-8")
    assert text == WORDING.read_text(encoding="utf-8")


def test_every_wording_occurs():
    found = [problem for _, problems in reported() for problem in problems]
    used = {(one.code, EXPRESSION_CODES[one.code].wording(one.variant)) for one in found}
    written = {(c, w) for c, entry in EXPRESSION_CODES.items() for w in entry.wordings.values()}
    assert written - used == set()


def test_every_help_occurs():
    used = {
        (problem.code, template)
        for _, problems in reported()
        for problem in problems
        if (template := help_template(problem))
    }
    written = {
        (code, template)
        for code, entry in EXPRESSION_CODES.items()
        for wording in entry.wordings.values()
        for template in wording.help
    }
    assert written - used == set()


def help_template(problem):
    """Return the template from which the help of a problem is made; empty if there is none."""
    wording = EXPRESSION_CODES[problem.code].wording(problem.variant)
    for template in wording.help:
        if fields_of(template) <= problem.parameters.keys():
            return template
    return ""
