"""Laws: whatever was written is read back, from any place on, in any packing."""

import csv
import gzip
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelflow.ingest import source as source_module
from funnelflow.ingest.input import Form, open_input
from funnelflow.ingest.source import survey

from .reading import read

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)


TABLES = st.lists(st.lists(CELLS, min_size=3, max_size=3).filter(any), max_size=25)


def as_csv(table, end):
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if end == "\n" else csv.QUOTE_MINIMAL  # the writer forgets a lone \r
    writer = csv.writer(text, lineterminator=end, quoting=quoting)
    writer.writerows([["a", "b", "c"], *table])
    return text.getvalue().encode()


@given(TABLES, st.sampled_from(["\n", "\r\n"]), st.integers(1, 6), st.integers(1, 50))
@settings(max_examples=150, deadline=None)
def test_whatever_a_csv_writer_writes_is_read_back_from_any_place(table, end, size, block):
    content = as_csv(table, end)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source_module, "BLOCK", block)
        with open_input("-", Form("csv", "", ","), stdin=io.BytesIO(content)) as opened:
            batches = list(opened.reader.batches(size))
        assert [cells for batch in batches for _, cells in batch.rows] == table
        assert [batch.last for batch in batches] == [False] * (len(batches) - 1) + [True]
        _check_resuming(content, batches, size)


def _check_resuming(content, batches, size):
    read_so_far = 0
    for batch in batches:
        read_so_far += len(batch.rows)
        with open_input("-", Form("csv", "", ","), stdin=io.BytesIO(content)) as opened:
            assert opened.reader.lines.skip(batch.offset)
            rest = [row for b in opened.reader.batches(size) for row in b.rows]
        assert rest == [row for b in batches for row in b.rows][read_so_far:]


@given(st.lists(st.dictionaries(CELLS, CELLS), min_size=1, max_size=12), st.integers(1, 5))
@settings(deadline=None)
def test_whatever_is_written_as_json_lines_is_read_back_from_any_place(objects, size):
    content = "".join(json.dumps(o, ensure_ascii=False) + "\n" for o in objects).encode()
    with open_input("-", Form("jsonl"), stdin=io.BytesIO(content)) as opened:
        batches = list(opened.reader.batches(size))
    assert [o for batch in batches for _, o in batch.rows] == objects
    for number, batch in enumerate(batches):
        with open_input("-", Form("jsonl"), stdin=io.BytesIO(content)) as opened:
            assert opened.reader.lines.skip(batch.offset)
            rest = [row for b in opened.reader.batches(size) for row in b.rows]
        assert rest == [row for b in batches[number + 1 :] for row in b.rows]


def test_a_place_is_not_found_again_when_what_stood_before_it_changed(write):
    with open_input(write("a\n1\n2\n3\n")) as opened:
        place = next(opened.reader.batches(2)).offset
    for changed in ("a\n1\n9\n3\n", "a\n1\n"):
        with open_input(write(changed)) as opened:
            assert not opened.reader.lines.skip(place)


def test_a_place_is_the_same_in_every_packing(write):
    text = "a,b\nä,1\nö,2\nü,3\n"
    packings = [
        write(text, "plain.csv"),
        write(gzip.compress(text.encode()), "packed.csv.gz"),
        write(text.encode("utf-16"), "wide.csv"),
    ]
    places = set()
    for path in packings:
        with open_input(path) as opened:
            places.add(next(opened.reader.batches(2)).offset)
    assert len(places) == 1


def test_the_bytes_read_reach_the_size_of_the_file(write):
    for content in (b"a\n1\n", gzip.compress(b"a\n1\n"), "a\n1\n".encode("utf-16")):
        path = write(content, "x.csv")
        _, _, batch = read(path)
        assert batch.bytes_read == survey(path).size == len(content)
