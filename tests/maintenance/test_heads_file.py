"""A file of heads is read back as it was written, or refused with the line that is not."""

import hashlib
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from funnelflow.maintenance import HeadsFileError
from funnelflow.maintenance.heads_file import (
    Head,
    WrittenHeads,
    load_heads,
    temporary_database,
    write_heads_file,
)

WRITTEN = WrittenHeads("d" * 64, "2026-03-01T09:30:00.000000Z", ("0" * 64, "1" * 64), 0)


def heads(count: int) -> Iterator[Head]:
    """Yield heads whose keys are in no order."""
    for number in range(count):
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        yield Head(digest[:32], number + 1, digest, digest[32:])


@pytest.fixture
def path(tmp_path) -> Path:
    """Give a file with three heads: four lines, the heads, and the last line."""
    written = tmp_path / "heads.txt"
    write_heads_file(written, WRITTEN, heads(3))
    return written


def load(path: Path) -> tuple[WrittenHeads, list[Head]]:
    """Read a file of heads."""
    with temporary_database() as scratch:
        written = load_heads(path, scratch)
        return written, [Head(*row) for row in scratch.execute("SELECT * FROM heads")]


def test_what_is_read_is_what_was_written(path):
    written, read = load(path)
    assert written == WRITTEN._replace(contacts=3)
    assert read == sorted(heads(3))


@pytest.mark.parametrize(
    ("slices", "line", "said"),
    [
        ([slice(0, 8)], 9, "it has been cut"),
        ([slice(0, 3)], 4, "it has been cut"),
        ([slice(0, 6), slice(7, 9)], 8, "2 contacts and"),
        ([slice(0, 4), slice(5, 9)], 8, "altered"),
        ([slice(0, 5), slice(6, 7), slice(5, 6), slice(7, 9)], 7, "out of order"),
        ([slice(0, 1), slice(2, 3), slice(1, 2), slice(3, 9)], 2, "not as it was written"),
        ([slice(0, 3), slice(5, 6), slice(3, 5), slice(6, 9)], 5, "not as it was written"),
        ([slice(0, 9), slice(8, 9)], 10, "behind the last line"),
        ([slice(1, 9)], 0, "no file of heads"),
        ([], 0, "empty"),
    ],
)
def test_lines_that_are_missing_or_moved_are_noticed(path, slices, line, said):
    lines = path.read_text().splitlines(keepends=True)
    assert len(lines) == 9
    path.write_text("".join(text for part in slices for text in lines[part]))
    with pytest.raises(HeadsFileError, match=said) as raised:
        load(path)
    assert raised.value.to_json()["line"] == line
    assert raised.value.hint


def test_every_altered_character_is_noticed(path):
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(HeadsFileError):
            load(path)


def test_a_file_cut_anywhere_is_refused(path):
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place])
        with pytest.raises(HeadsFileError):
            load(path)


def test_another_file_is_refused_however_large_its_lines(tmp_path):
    path = tmp_path / "dump"
    path.write_bytes(b"\xff" * 1_000_000)
    with pytest.raises(HeadsFileError, match="no file of heads"):
        load(path)


def test_line_ends_of_another_system_do_no_harm(path):
    expected = load(path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert load(path) == expected


def test_a_failure_leaves_the_file_as_it_was(path):
    def failing() -> Iterator[Head]:
        yield from heads(2)
        raise KeyboardInterrupt

    before = path.read_text()
    with pytest.raises(KeyboardInterrupt):
        write_heads_file(path, WRITTEN, failing())
    assert path.read_text() == before
    assert list(path.parent.iterdir()) == [path]


def test_memory_stays_flat(tmp_path):
    path = tmp_path / "heads.txt"
    tracemalloc.start()
    write_heads_file(path, WRITTEN, heads(20_000))
    with temporary_database() as scratch:
        load_heads(path, scratch)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 2_000_000
    assert peak < 500_000
