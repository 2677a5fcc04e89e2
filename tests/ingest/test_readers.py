"""Reading CSV and JSON Lines: every record once, each with its line; what is wrong, in words."""

import codecs
import gzip
import json
import tracemalloc

import pytest

from funnelflow.errors import Error
from funnelflow.ingest import lines, readers
from funnelflow.ingest.file_errors import FileError
from funnelflow.ingest.input import Form, open_input
from funnelflow.ingest.source import survey

from .reading import failure, read


def test_rows_come_with_the_line_on_which_they_begin(write):
    rows, rejected, _ = read(write('a,b\n1,"x\ny"\n\n2,z\n'))
    assert rows == [(2, ["1", "x\ny"]), (5, ["2", "z"])]
    assert rejected == []


def test_the_header_names_the_columns_and_the_delimiter_is_found_out(write):
    with open_input(write("id;Budget, EUR;at\n1;2;3\n")) as opened:
        assert opened.reader.columns == ("id", "Budget, EUR", "at")
        assert opened.reader.delimiter == ";"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_usual_delimiter_is_found_out(write, delimiter):
    rows, _, _ = read(write(f"a{delimiter}b\n1{delimiter}2\n"))
    assert rows == [(2, ["1", "2"])]


def test_a_delimiter_within_quotes_does_not_count_when_it_is_found_out(write):
    with open_input(write('"a,b,c";d\n1;2\n')) as opened:
        assert opened.reader.columns == ("a,b,c", "d")


def test_the_line_in_which_a_spreadsheet_names_its_delimiter_is_understood(write):
    rows, _, _ = read(write("sep=;\r\na;b\r\n1;2\r\n"))
    assert rows == [(3, ["1", "2"])]


def test_a_delimiter_that_was_named_is_used(write):
    rows, _, _ = read(write("a,b|c\n1,2|3\n"), form=Form(delimiter="|"))
    assert rows == [(2, ["1,2", "3"])]


@pytest.mark.parametrize("form", [Form(delimiter="::"), Form(delimiter='"'), Form(format="xml")])
def test_a_form_that_cannot_be_is_refused(write, form):
    with pytest.raises(Error):
        open_input(write("a\n1\n"), form)


def test_mixed_line_ends_are_lines_all_the_same(write):
    rows, _, _ = read(write("a,b\r\n1,2\n3,4\r5,6"))
    assert rows == [(2, ["1", "2"]), (3, ["3", "4"]), (4, ["5", "6"])]


def test_a_row_with_nothing_but_delimiters_is_a_blank_line(write):
    rows, rejected, _ = read(write("a,b\n,,,\n1,2\n"))
    assert rows == [(3, ["1", "2"])]
    assert rejected == []


def test_a_wrong_number_of_cells_rejects_that_row_only(write):
    rows, rejected, _ = read(write("a,b\n1\n1,2\n1,2,3\n"))
    assert rows == [(3, ["1", "2"])]
    assert [(r.line, r.record) for r in rejected] == [(2, ["1"]), (4, ["1", "2", "3"])]
    assert "3 cells, but the header names 2 columns" in rejected[1].reason


def test_a_quote_that_closes_within_its_cell_rejects_that_row_only(write):
    rows, rejected, _ = read(write('a,b\n1,"x"y\n1,2\n'))
    assert rows == [(3, ["1", "2"])]
    assert [(r.line, r.column, r.record) for r in rejected] == [(2, "3", '1,"x"y\n')]


def test_many_bad_rows_after_each_other_are_each_rejected(write):
    rows, rejected, _ = read(write("a,b\n" + '1,"x"y\n' * 500 + "1,2\n"), size=7)
    assert len(rejected) == 500
    assert [r.line for r in rejected] == list(range(2, 502))
    assert rows == [(502, ["1", "2"])]


def test_nul_rejects_the_row_with_line_and_column(write):
    rows, rejected, _ = read(write("a,b\n1,x\0y\n1,2\n" + "1,2\n" * 20))
    assert [(r.line, r.column) for r in rejected] == [(2, "4")]
    assert "NUL" in rejected[0].reason
    assert len(rows) == 21


def test_a_damaged_byte_in_a_utf8_file_rejects_the_row_with_line_and_column(write):
    content = "a,b\nMüller,1\n".encode() + b'"x\nM\xfcller",1\n1,2\n'
    rows, rejected, _ = read(write(content))
    assert [(r.line, r.column) for r in rejected] == [(3, "2")]
    assert "0xfc in line 4" in rejected[0].reason
    assert [line for line, _ in rows] == [2, 5]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"PK\x03\x04rest of a workbook", "spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "spreadsheet"),
        (b"%PDF-1.7", "PDF"),
        (b"SQLite format 3\0", "SQLite"),
        (b"BZh91AY", "bzip2"),
        (b"\0" * 400, "no text file"),
        (b"", "empty"),
        (b"\n\n\r\n", "empty"),
        (codecs.BOM_UTF8, "empty"),
    ],
)
def test_what_is_no_table_is_refused_in_words(write, content, word):
    _, error = failure(write(content))
    assert word in error.message


@pytest.mark.parametrize(("header", "words"), [("a,b\0", "not readable"), ('a,"b', "not closed")])
def test_a_header_that_cannot_name_columns_is_refused(write, header, words):
    _, error = failure(write(header + "\n1,2,3\n"))
    assert words in error.message
    assert error.line == 1


@pytest.mark.parametrize(
    ("header", "columns"),
    [(",a,b", ("", "a", "b")), ("a,b,,", ("a", "b", "", "")), ("a, a", ("a", "a")),
     ('"a\nb",c', ("a b", "c"))],
)  # fmt: skip
def test_a_header_may_have_names_that_cannot_be_read_from(write, header, columns):
    with open_input(write(header + "\n1,2,3\n")) as opened:
        assert opened.reader.columns == columns


def test_commas_behind_the_last_column_say_nothing(write):
    rows, rejected, _ = read(write("a,b\n1,2,,\n3,4,,5\n"))
    assert rows == [(2, ["1", "2"])]
    assert [rejection.line for rejection in rejected] == [3]


@pytest.mark.parametrize("first", ["", "a\n1\n"])
def test_a_gzip_of_nothing_but_blank_lines_ends_with_a_word(tmp_path, monkeypatch, first):
    monkeypatch.setattr(lines, "MAX_BLANK", 1 << 20)
    monkeypatch.setattr(readers, "MAX_BLANK", 1 << 20)
    path = tmp_path / "blank.csv.gz"
    path.write_bytes(gzip.compress(first.encode() + b"\n" * (12 << 20)))
    rows, error = failure(str(path))
    assert "blank lines" in error.message
    assert len(rows) == (1 if first else 0)


def test_a_first_line_of_json_that_cannot_be_read_is_one_rejected_row(write):
    path = write('{"contact": NaN}\n{"contact": "ada"}\n', "e.jsonl")
    rows, rejected, _ = read(path)
    assert rows == [(2, {"contact": "ada"})]
    assert [(r.line, r.reason[:3]) for r in rejected] == [(1, "NaN")]
    with open_input(path) as opened:
        assert opened.reader.columns == ("contact",)


def test_a_missing_file_and_a_directory_are_clear_errors(tmp_path):
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(FileError):
            open_input(str(path))
    with pytest.raises(FileError):
        survey(str(tmp_path / "nowhere.csv"))


def test_an_unclosed_quote_ends_the_reading_at_its_line_and_column(write):
    rows, error = failure(write("a,b\n1,2\n3,4\n" + '"x\ny","oops,5\n' + "6,7\n" * 1000))
    assert rows == [(2, ["1", "2"]), (3, ["3", "4"])]
    assert (error.line, error.column) == (5, 4)


def test_an_unclosed_quote_before_other_quotes_ends_the_reading_too(write):
    rows, error = failure(write('a,b\n1,2\n"3,4\n5,"6"\n7,"8"\n'))
    assert rows == [(2, ["1", "2"])]
    assert (error.line, error.column) == (3, 1)


def test_a_file_that_is_one_endless_line_is_refused_in_bounded_memory(write):
    _peak_stays_small(write(b"a,b\n1," + b"x" * 30_000_000), "longer than")


def test_an_endless_quoted_cell_is_refused_in_bounded_memory(write):
    _peak_stays_small(write(b'a,b\n1,"' + b"xxxxxxxxx\n" * 3_000_000), "not closed")


def test_an_endless_cell_in_json_lines_is_refused_in_bounded_memory(write):
    _peak_stays_small(write(b'{"a":"' + b"x" * 30_000_000, "big.jsonl"), "longer than")


def _peak_stays_small(path, words):
    tracemalloc.start()
    _, error = failure(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert words in error.message
    assert error.line in {1, 2}
    assert error.column
    assert peak < 12_000_000


def test_a_long_cell_is_an_error_with_its_line(write):
    _, error = failure(write("a,b\n1,2\n1," + "x" * 200_000 + "\n"))
    assert error.line == 3
    assert "131,072" in error.message


def test_batches_stay_small_when_rows_are_large(write):
    row = json.dumps({"a": "x" * 100_000}) + "\n"
    with open_input(write(row * 300, "large.jsonl")) as opened:
        sizes = [len(batch.rows) for batch in opened.reader.batches(100_000)]
    assert sum(sizes) == 300
    assert max(sizes) < 120


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        ("[1]", "1", "must be one JSON object"),
        ('"text"', "1", "must be one JSON object"),
        ('{"a": NaN}', "", "NaN is no JSON value"),
        ('{"a": -Infinity}', "", "is no JSON value"),
        ('{"a": 1, "a": 2}', "a", "comes twice"),
        ('{"x": {"a": 1, "a": 1}}', "a", "comes twice"),
        ('{"a": 1} {"b": 2}', "9", "something stands behind the object"),
        ("  {'a': 1}", "4", "no JSON"),
        ('{"a": ', "6", "no JSON"),
        ('{"a": "\1"}', "8", "control character"),
        ('{"a": "\0"}', "8", "control character"),
        ('{"a": ' + "[" * 50_000 + "}", "", "nested too deeply"),
        ('{"a": ' + "9" * 5_000 + "}", "", "far too long"),
        ("{a: 1}", "2", "no JSON"),
    ],
)
def test_a_line_that_is_no_json_object_is_rejected_alone(write, line, column, words):
    rows, rejected, _ = read(write(f'{{"a": 1}}\n{line}\n{{"a": 2}}\n', "e.jsonl"))
    assert rows == [(1, {"a": 1}), (3, {"a": 2})]
    assert [(r.line, r.column, r.record) for r in rejected] == [(2, column, line + "\n")]
    assert words in rejected[0].reason


def test_a_damaged_byte_in_json_lines_rejects_the_line(write):
    content = '{"a": "ü"}\n'.encode() + b'{"a": "\xfc"}\n{"a": 2}\n'
    rows, rejected, _ = read(write(content, "e.jsonl"))
    assert [line for line, _ in rows] == [1, 3]
    assert [(r.line, r.column) for r in rejected] == [(2, "8")]


def test_a_json_list_is_told_from_json_lines(write):
    _, error = failure(write('[\n{"a": 1}\n]\n', "e.json"))
    assert "one JSON list" in error.message


def test_a_file_without_rows_has_one_last_batch(write):
    rows, _, batch = read(write("a,b\n"))
    assert rows == []
    assert batch.last
