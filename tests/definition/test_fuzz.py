"""Whatever is done to a sound file, reading it ends in problems with places, never in an error."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.definition import LoadedFile, read_definition, render_problems, shipped_definitions
from funnelflow.definition.problems import MOST

SHIPPED = Path(shipped_definitions())
SOUND = (SHIPPED / "dialogue.yaml").read_text()
LINES = SOUND.splitlines()
PIECES = [
    *("!", "&a ", "*a ", "[", "]", "{", "}", ": ", " #", "- ", "? ", "|", ">", "%", "@", "`"),
    *("'", '"', "\\", "\t", "\n", "\n\n", "---\n", "...\n", "<<: ", "!!str ", "  ", ",", "~"),
    *("null", "5", "1e999", "9" * 40, "true", "contact.x", "é", "\u202e", "\x00", "x: y: z"),
    *("from", "to", "stages", "extends: dialogue\n", "vocabulary: standard\n", "at_least: 9"),
]


def check_reading(reading: LoadedFile):
    """Check that every problem has a place that is there, and can be shown in every form."""
    assert len(reading.problems) <= 2 * MOST + 2
    for problem in reading.problems:
        assert problem.message
        if problem.position is not None and problem.position.path in reading.sources:
            lines = reading.sources[problem.position.path].split("\n")
            assert 1 <= problem.position.line <= len(lines)
            assert 1 <= problem.position.column <= len(lines[problem.position.line - 1]) + 1
    has_errors = any(problem.severity == "error" for problem in reading.problems)
    is_vocabulary = reading.definition is None and not has_errors
    assert (reading.linked is None) == (has_errors or is_vocabulary)
    for form in ("full", "concise", "json", "github", "sarif"):
        render_problems(reading.problems, reading.sources, form)


def read_bytes(data: bytes) -> LoadedFile:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "small.yaml"
        path.write_bytes(data)
        return read_definition(path)


places = st.integers(0, len(SOUND))
edits = st.lists(
    st.tuples(places, st.integers(0, 30), st.sampled_from(PIECES)), min_size=1, max_size=4
)


@given(edits)
def test_pieces_put_in_and_taken_out(edited):
    text = SOUND
    for place, length, piece in edited:
        text = text[:place] + piece + text[place + length :]
    check_reading(read_bytes(text.encode()))


@given(st.lists(st.integers(0, len(LINES) - 1), min_size=1, max_size=60))
def test_lines_in_any_order(numbers):
    check_reading(read_bytes("\n".join(LINES[number] for number in numbers).encode()))


@given(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=5))
def test_bytes_altered(altered):
    data = bytearray(SOUND.encode())
    for place, byte in altered:
        data[place % len(data)] = byte
    check_reading(read_bytes(bytes(data)))


@given(st.binary(max_size=300))
def test_any_bytes(data):
    check_reading(read_bytes(data))


@pytest.mark.parametrize("end", range(0, len(SOUND), 211))
def test_a_file_cut_short(end):
    check_reading(read_bytes(SOUND[:end].encode()))
