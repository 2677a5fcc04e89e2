"""What would be read from the first rows of a file, and why."""

import json

from funnelflow.ingest.file_options import FileOptions
from funnelflow.ingest.mapping import Condition, FileMapping, Join, Rule
from funnelflow.ingest.row_explaining import explain_file


def explained(workspace, path, *, contacts=False, **said):
    """Give what each row says as (what, column, text, value, why), and what is left."""
    options = FileOptions(mapping=FileMapping(**said), timezone="UTC")
    matched, rows = explain_file(workspace.context, path, options, contacts=contacts)
    return (
        matched,
        [[(c.target, c.column, c.text, c.value, c.why) for c in row.cells] for row in rows],
        rows,
    )


def test_each_thing_that_a_row_says_comes_with_its_column_and_why(workspace, write):
    path = write(
        "who,event,at,user,host,budget,skip\n"
        'ada,subscribed,31.12.2025,ada,example.com,"1.234,5",\n'
        "bob,Note,01.01.2026,,,,\neve,replied,01.01.2026,,,,yes\nx,replied,02.01.2026,,,,\n"
    )
    _, (first, second, third), rows = explained(
        workspace,
        path,
        columns={"contact": "who", "field.email": Join((("user",), ("host",)), "@")},
        constants={"actor": "site"},
        events={"Note": ""},
        rows=(Rule((Condition("skip", ("yes",)),), leave_out=True),),
        decimal=",",
        date_formats=("dd.MM.yyyy",),
    )
    assert first == [
        ("contact", "who", "ada", "ada", "said"),
        ("event", "event", "subscribed", "subscribed", "guessed"),
        ("at", "at", "31.12.2025", "2025-12-31T00:00:00", "guessed"),
        ("actor", "", "", "site", "constant"),
        ("email", "user + host", "ada example.com", "ada@example.com", "said"),
        ("budget", "budget", "1.234,5", 1234.5, "guessed"),
    ]
    assert (second, third) == ([], [])
    assert [row.left_out for row in rows] == [False, True, True]


def test_what_cannot_be_read_says_why(workspace, write):
    path = write(
        '{"contact": "ada", "event": "called", "at": "2026-03-01", "budget": "much"}\n{\n',
        "e.jsonl",
    )
    _, _, rows = explained(workspace, path)
    (budget,) = [cell for cell in rows[0].cells if cell.target == "budget"]
    assert (budget.value, budget.text) == (None, "much")
    assert "is not a number" in budget.problem
    assert "no JSON" in rows[1].problem


def test_a_history_and_facts_are_explained(workspace, write):
    path = write("id,when,name,to\nada,2026-03-01,amount,7\n")
    columns = {"contact": "id", "at": "when", "history.field": "name", "history.value": "to"}
    _, (row,), _ = explained(workspace, path, columns=columns, facts={"amount": "budget"})
    assert row[-1] == ("budget", "", "", 7, "history")
    facts = json.dumps({"budget": 7}).replace('"', '""')
    path = write(f'contact,event,at,facts\nada,called,2026-03-01,"{facts}"\n')
    _, (row,), _ = explained(workspace, path)
    assert row[-1] == ("budget", "", "", 7, "facts")


def test_nothing_is_stored(workspace, write):
    path = write("id,budget\nada,7\n")
    matched, (row,), _ = explained(workspace, path, contacts=True)
    assert row == [
        ("contact", "id", "ada", "ada", "guessed"),
        ("budget", "budget", "7", 7, "guessed"),
    ]
    assert matched.ignored == ()
    assert list(workspace.list()) == []
