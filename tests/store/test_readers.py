"""Reading CSV and JSON Lines: every record once, each with its line, from any place on."""

import codecs
import csv
import gzip
import io
import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelflow.errors import FunnelflowError
from funnelflow.store.files import FileError, Form, open_input, survey
from funnelflow.store.files import source as source_module


@pytest.fixture
def write(tmp_path):
    """Write bytes or text to a file and give its path."""

    def _write(content, name="events.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return _write


def read(path, size=1000, form=None, **options):
    """Read a whole input; gives rows, rejections and the last batch."""
    rows, rejected, batch = [], [], None
    with open_input(path, form or Form(), **options) as opened:
        for batch in opened.reader.batches(size):
            rows += batch.rows
            rejected += batch.rejected
    return rows, rejected, batch


def failure(path, form=None):
    """Read until the file goes bad; gives the rows before it and the error."""
    rows = []
    with pytest.raises(FileError) as caught:
        _read_into(rows, path, form or Form())
    return rows, caught.value


def _read_into(rows, path, form):
    with open_input(path, form) as opened:
        for batch in opened.reader.batches(1000):
            rows += batch.rows


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
    with pytest.raises(FunnelflowError):
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


def test_the_survey_tells_a_damaged_utf8_file_from_another_encoding(write):
    path = write(b"a\nM\xfcller\n" + "Müller\n".encode())
    assert survey(path).multibyte
    _, rejected, _ = read(path, known=survey(path))
    assert [r.line for r in rejected] == [2]


def test_a_file_in_another_encoding_is_an_error_with_line_and_column(write):
    rows, error = failure(write("a,b\n1,2\n1,Müller\n".encode("cp1252")))
    assert rows == []
    assert (error.line, error.column) == (3, 4)
    assert "0xfc" in error.message
    assert "--encoding" in error.hint


def test_an_encoding_that_was_named_is_used(write):
    rows, _, _ = read(write("a\nMüller\n".encode("cp1252")), form=Form(encoding="cp1252"))
    assert rows == [(2, ["Müller"])]


def test_bytes_that_are_not_of_the_named_encoding_are_an_error_with_line_and_column(write):
    _, error = failure(write(b"a,b\n1,x\x81\n"), form=Form(encoding="cp1252"))
    assert (error.line, error.column) == (2, 4)


def test_an_encoding_that_nobody_knows_is_refused(write):
    for name in ("utf-99", "base64", "rot13", "idna"):
        _, error = failure(write("a\n1\n"), form=Form(encoding=name))
        assert "encoding" in error.message


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
    ],
)
def test_a_byte_order_mark_names_the_encoding_and_is_no_content(write, mark, encoding):
    content = mark + "näme,b\nä😀,2\n".encode(encoding)
    for form in (Form(), Form(encoding=encoding)):
        with open_input(write(content), form) as opened:
            assert opened.reader.columns == ("näme", "b")
            assert next(opened.reader.batches(9)).rows == [(2, ["ä😀", "2"])]


def test_utf16_without_a_mark_is_recognised(write):
    _, error = failure(write("name,b\n1,2\n".encode("utf-16-le")))
    assert error.hint == "--encoding utf-16-le"


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


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("a,,b", "column 2 has no name"),
        ("a,b,a", "columns 1 and 3 are both named 'a'"),
        ("a, a", "columns 1 and 2 are both named 'a'"),
        ("a,b\0", "not readable"),
        ('a,"b', "not closed"),
    ],
)
def test_a_header_that_cannot_name_columns_is_refused(write, header, words):
    _, error = failure(write(header + "\n1,2,3\n"))
    assert words in error.message
    assert error.line == 1


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


def test_gzip_is_read_as_what_is_in_it(write):
    rows, _, _ = read(write(gzip.compress(b"a,b\n1,2\n"), "events.csv.gz"))
    assert rows == [(2, ["1", "2"])]


def test_gzip_is_known_by_its_first_bytes_whatever_the_name(write):
    rows, _, _ = read(write(gzip.compress(b'{"a": 1}\n'), "events"))
    assert rows == [(1, {"a": 1})]


def test_a_gzip_that_is_cut_off_gives_what_was_there_and_a_clear_error(write):
    lines = "".join(f"{n},{n * n}\n" for n in range(100_000))
    packed = gzip.compress(f"a,b\n{lines}".encode())
    rows, error = failure(write(packed[: len(packed) // 2], "cut.csv.gz"))
    assert len(rows) > 1000
    assert "damaged or cut off" in error.message


def test_a_gzip_with_damaged_bytes_is_a_clear_error(write):
    packed = bytearray(gzip.compress(b"a,b\n" + b"1,2\n" * 1000))
    packed[20:24] = b"\xff\xff\xff\xff"
    _, error = failure(write(bytes(packed), "bad.csv.gz"))
    assert "damaged" in error.message


def test_standard_input_is_read_and_left_open():
    stdin = io.BytesIO(b"a,b\n1,2\n")
    rows, _, batch = read("-", stdin=stdin)
    assert rows == [(2, ["1", "2"])]
    assert batch.last
    assert not stdin.closed


def test_the_format_of_standard_input_is_found_out_from_its_first_character():
    rows, _, _ = read("-", stdin=io.BytesIO(b'\n {"a": [1, {"b": null}]}\n'))
    assert rows == [(2, {"a": [1, {"b": None}]})]


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
            assert opened.reader.lines.skip(batch.place)
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
            assert opened.reader.lines.skip(batch.place)
            rest = [row for b in opened.reader.batches(size) for row in b.rows]
        assert rest == [row for b in batches[number + 1 :] for row in b.rows]


def test_a_place_is_not_found_again_when_what_stood_before_it_changed(write):
    with open_input(write("a\n1\n2\n3\n")) as opened:
        place = next(opened.reader.batches(2)).place
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
            places.add(next(opened.reader.batches(2)).place)
    assert len(places) == 1


def test_the_bytes_read_reach_the_size_of_the_file(write):
    for content in (b"a\n1\n", gzip.compress(b"a\n1\n"), "a\n1\n".encode("utf-16")):
        path = write(content, "x.csv")
        _, _, batch = read(path)
        assert batch.bytes_read == survey(path).size == len(content)
