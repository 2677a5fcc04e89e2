"""Rejects corrected bit by bit, in any order, give what rows without a mistake give."""

import csv
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, PIPELINE, T0
from .applying import options

COLUMNS = ["contact", "event", "at", "budget", "minutes", "row"]
MISTAKES = {"event": "cald", "at": "2026-13-01", "budget": "much", "minutes": "long"}


def right_row(number):
    """Give a row of an event; each is of another time and says something else."""
    at = f"2026-03-{9 - number:02d}T09:00:00Z"
    cells = (f"c{number % 2}", "called", at, str(number), str(number), str(number))
    return dict(zip(COLUMNS, cells, strict=True))


def wrong_in(row):
    """Name the columns of a row that hold a mistake."""
    return [name for name, mistake in MISTAKES.items() if row[name] == mistake]


def as_file(path, rows):
    """Write rows as CSV."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def rejects_of(summary):
    """Read the rejects of a file."""
    with Path(summary.rejects).open(newline="") as file:
        return list(csv.DictReader(file))


def known(workspace):
    """Give what is known of everybody, and what happened when."""
    people = [(one.id, one.contact.stage, one.contact.fields) for one in workspace.list()]
    told = {(r.contact_id, r.event, r.at) for r in workspace.history(limit=1000).rows}
    return people, {one for one in told if one[1] != "add"}


def created(directory):
    """Make a workspace in a new directory."""
    directory.mkdir()
    (directory / "pipeline.yaml").write_text(PIPELINE)
    return Workspace.create(directory, "pipeline", clock=lambda: T0 + 300 * DAY)


def correct_bit_by_bit(workspace, directory, rows, draw):
    """Apply rows, and what was rejected of them again and again, each time a little more right."""
    for name in count():
        summary = workspace.apply(as_file(directory / f"{name}.csv", rows), options())
        if not summary.counts.rejected:
            return
        rows = draw(st.permutations(rejects_of(summary)))
        for row in rows:
            assert set(row["rejected_column"].split(", ")) <= set(wrong_in(row))
            right = right_row(int(row["row"]))
            chosen = st.sets(st.sampled_from(wrong_in(row)), min_size=1)
            row.update({column: right[column] for column in draw(chosen)})


def test_correcting_in_any_order_gives_what_rows_without_a_mistake_give(tmp_path):
    runs = count()

    @settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(st.sets(st.sampled_from(list(MISTAKES)), min_size=1), min_size=1, max_size=3),
        st.data(),
    )
    def check(mistakes, data):
        place = tmp_path / str(next(runs))
        right = [right_row(number) for number in range(len(mistakes))]
        wrong = [
            {**row, **{column: MISTAKES[column] for column in columns}}
            for row, columns in zip(right, mistakes, strict=True)
        ]
        with created(place) as plain:
            plain.apply(as_file(place / "right.csv", right), options())
            wanted = known(plain)
        with created(tmp_path / f"corrected {place.name}") as workspace:
            correct_bit_by_bit(workspace, place, wrong, data.draw)
            assert known(workspace) == wanted

    check()
