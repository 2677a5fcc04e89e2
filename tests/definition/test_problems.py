"""Problems are collected whole, in order, each once; beyond a bound they are counted."""

import pickle

from funnelflow.criteria import Position
from funnelflow.definition.problems import MOST, Problems, suggest
from funnelflow.definition.yaml.nodes import Span


def at(line, column=1):
    return Span(Position("a.yaml", line, column), column + 1)


def test_problems_come_in_the_order_of_the_file():
    problems = Problems()
    for span in (at(3), at(1, 5), at(1, 2), Span(Position("A.yaml", 9, 9))):
        problems.report("F203", span, name="m")
    assert [(p.path, p.position.line, p.position.column) for p in problems.all()] == [
        ("A.yaml", 9, 9),
        ("a.yaml", 1, 2),
        ("a.yaml", 1, 5),
        ("a.yaml", 3, 1),
    ]


def test_the_same_problem_is_reported_once():
    problems = Problems()
    problems.report("F203", at(1), name="m")
    problems.report("F203", at(1), name="m")
    assert len(problems.all()) == 1


def test_the_severity_is_that_of_the_code():
    problems = Problems()
    problems.report("F403", at(1), name="m")
    assert not problems.has_errors
    problems.report("F203", at(1), name="m")
    assert problems.has_errors


def test_what_is_beyond_the_bound_is_counted():
    problems = Problems("small")
    for line in range(MOST + 7):
        problems.report("F203", at(line + 1), name="m")
    *listed, last = problems.all()
    assert len(listed) == MOST
    assert (last.code, last.severity, last.parameters) == ("F009", "error", {"count": 7})


def test_many_warnings_do_not_hide_an_error():
    problems = Problems()
    for line in range(MOST + 7):
        problems.report("F403", at(line + 1), name="m")
    problems.report("F203", at(1), name="m")
    assert problems.has_errors
    found = problems.all()
    assert "F203" in [p.code for p in found]
    assert (found[-1].code, found[-1].severity) == ("F009", "warning")


def test_notes_that_are_left_out_are_no_warning():
    problems = Problems()
    for line in range(MOST + 7):
        problems.report("F416", at(line + 1), stage="m")
    assert problems.all()[-1].severity == "note"


def test_what_was_left_out_elsewhere_is_counted_too():
    one, other = Problems(), Problems()
    for _ in range(MOST + 7):
        other.report("F203", at(1), name="m")
    one.take(other)
    assert one.all()[-1].parameters == {"count": 7}


def test_among_very_many_names_the_nearest_is_still_found():
    names = [f"stage_{n}" for n in range(3_000)]
    for name in ("stage_1234x", "sta_1234", "xtage_1234"):
        assert suggest(name, names)() == {"guess": "stage_1234"}
    assert suggest("zzz", names)()["known"][0] == "stage_0"


def test_a_problem_holds_data_and_its_text_is_made_when_it_is_shown():
    problems = Problems("small")
    problems.report("F009", at(3), count=1_200)
    (problem,) = problems.found
    assert (problem.code, problem.parameters) == ("F009", {"count": 1_200})
    assert problem.message.startswith("1,200 more")
    assert (problem.severity, problem.position.line, problem.end_column) == ("error", 3, 2)
    assert pickle.loads(pickle.dumps(problem)) == problem


def test_what_is_suggested_is_not_found_out_for_what_is_not_kept():
    problems, asked = Problems(), []

    def find():
        asked.append(1)
        return {"guess": "lead"}

    for _ in range(MOST + 7):
        problems.report("F009", at(1), suggestion=find, count=1)
    assert len(asked) == MOST


def test_the_nearest_name_is_suggested_as_data():
    assert suggest("prospct", ["lead", "prospect"])() == {"guess": "prospect"}
    assert suggest("x", ["lead", "prospect"])() == {"known": ("lead", "prospect")}
    assert suggest("x", [])() == {}
    assert suggest("x", [f"name{n}" for n in range(20)])()["known"][-2:] == ("name7", "…")
