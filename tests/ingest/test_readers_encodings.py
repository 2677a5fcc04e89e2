"""The bytes of a file: encodings and their marks, gzip, standard input."""

import codecs
import gzip
import io

import pytest

from funnelflow.ingest.input import Form, open_input
from funnelflow.ingest.source import survey

from .reading import failure, read


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
