"""Hostile and broken files end in a clear problem, quickly, and never in a traceback."""

import os
import sys
import time
from pathlib import Path

import pytest

from funnelflow.definition import DefinitionError, load_definition, read_definition, render_problems

from .support import HEAD, codes, only, read, told

SOUND = HEAD + "stages: {lead: {type: won}}\n"


def write(directory, data):
    path = directory / "small.yaml"
    path.write_bytes(data)
    return read_definition(path)


def test_a_sound_file_has_no_problems(tmp_path):
    reading = read(tmp_path, SOUND)
    assert codes(reading) == ["F304"] * 3
    assert reading.linked is not None


def test_a_missing_file_is_reported(tmp_path):
    problem = only(read_definition(tmp_path / "none.yaml"))
    assert (problem.code, problem.variant) == ("F001", "unreadable")
    assert problem.parameters == {"reason": "no such file or directory"}


def test_a_directory_is_reported(tmp_path):
    assert only(read_definition(tmp_path)).variant == "directory"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    assert only(read_definition(tmp_path / "pipe.yaml")).variant == "special"


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device")
def test_a_device_is_not_read():
    assert only(read_definition("/dev/zero")).code == "F001"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read_is_reported(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SOUND)
    path.chmod(0)
    assert only(read_definition(path)).parameters == {"reason": "permission denied"}


@pytest.mark.parametrize("name", ["a\0b.yaml", "x" * 5000 + ".yaml"])
def test_a_path_that_cannot_be_is_reported(tmp_path, name):
    assert only(read_definition(tmp_path / name)).code == "F001"


@pytest.mark.parametrize("data", [b"", b"\n\n", b"   ", b"\xef\xbb\xbf"])
def test_an_empty_file_is_reported(tmp_path, data):
    assert only(write(tmp_path, data)).variant == "empty"


def test_a_file_of_comments_alone_is_reported(tmp_path):
    problem = only(write(tmp_path, b"# nothing yet\n"))
    assert (problem.code, problem.variant) == ("F001", "comments")


@pytest.mark.parametrize("text", ["- a\n- b", "just text", "5", "'quoted'", "[]", "~"])
def test_a_file_that_is_no_mapping_is_reported(tmp_path, text):
    problem = only(read(tmp_path, text))
    assert (told(problem), problem.variant) == ("1:1- F103", "file")


@pytest.mark.parametrize(
    ("data", "variant", "parameters"),
    [
        (SOUND.encode("utf-16"), "encoding", {"encoding": "UTF-16"}),
        (SOUND.encode("utf-16-be"), "binary", {}),
        (SOUND.encode("utf-32"), "encoding", {"encoding": "UTF-32"}),
        (bytes(range(256)), "binary", {}),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "binary", {}),
        ("funnel: käse".encode("latin-1"), "byte", {"byte": 0xE4}),
        (b"funnel: \xed\xa0\x80", "byte", {"byte": 0xED}),
        (b"funnel: \xc0\xaf", "byte", {"byte": 0xC0}),
    ],
)
def test_another_encoding_is_reported(tmp_path, data, variant, parameters):
    problem = only(write(tmp_path, data))
    assert (problem.code, problem.variant, problem.parameters) == ("F002", variant, parameters)


def test_a_byte_that_is_no_utf_8_is_found_where_it_stands(tmp_path):
    assert (
        told(only(write(tmp_path, b"funnel: small\ntitle: caf\xc3\xa9 k\xe4se"))) == "2:14-15 F002"
    )


def test_a_byte_order_mark_of_utf_8_is_no_problem(tmp_path):
    reading = write(tmp_path, b"\xef\xbb\xbf" + SOUND.encode())
    assert reading.linked is not None


def test_windows_line_ends_are_no_problem(tmp_path):
    reading = read(tmp_path, (SOUND + "titel: x\n").replace("\n", "\r\n"))
    assert told(reading.problems[-1]) == "6:1-6 F101"


@pytest.mark.parametrize(
    "character",
    [
        "\x07",
        "\x1b",
        "\x7f",
        "\x85",
        "\u202e",
        "\u2066",
        "\u200f",
        "\u200b",
        "\u2028",
        "\ufeff",
        "\r",
    ],
)
def test_what_cannot_be_seen_is_found_where_it_stands(tmp_path, character):
    problem = only(read(tmp_path, f"funnel: small\ntitle: a{character}b\n"))
    assert told(problem) == "2:9-10 F002"
    assert problem.parameters == {"character": f"U+{ord(character):04X}"}


def test_the_first_few_unseen_characters_are_listed(tmp_path):
    assert codes(read(tmp_path, "a: " + "\x07" * 1000)) == ["F002"] * 5


@pytest.mark.parametrize("text", ["é", "日本語", "👩‍💻", "العربية", "e\u0301", "­a"])
def test_letters_of_every_script_are_let_in(tmp_path, text):
    assert "F002" not in codes(read(tmp_path, SOUND + f"title: {text}\n"))


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(24)
)
HOSTILE = {
    "an alias bomb": BOMB,
    "a merge bomb": "a: &a {x: 1}\n" + "b: {<<: *a}\n" * 2000,
    "deep lists": "a: " + "[" * 500_000,
    "deep mappings": "a: " + "{a: " * 200_000,
    "deep dashes": "- " * 300_000,
    "deep indentation": "\n".join(" " * n + "a:" for n in range(1_000)),
    "many keys": "\n".join(f"k{n}: 1" for n in range(90_000)),
    "one key again and again": "a: 1\n" * 150_000,
    "many values": "a: [" + "x," * 400_000 + "]",
    "many anchors": "a: [" + ", ".join(f"&a{n} x" for n in range(50_000)) + "]",
    "many tags": "a: [" + ", ".join("!!x y" for n in range(90_000)) + "]",
    "a long text": "title: " + "x" * 1_000_000,
    "a long key": "x" * 1_000_000 + ": 1",
    "a long line of brackets": "- L: " + "[" * 3_000 + "]" * 2_999 + "x == 1",
    "a long number": "version: " + "9" * 1_000_000,
    "a long hexadecimal number": "version: 0x" + "f" * 1_000_000,
    "a long quote": "title: '" + "'' " * 300_000,
    "a long escape": 'title: "' + "\\x41" * 250_000 + '"',
    "many colons": "a: " + "b: " * 300_000,
    "many questions": "? " * 300_000,
    "too many bytes": "# " + "x" * 2_000_000,
    "many documents": "---\n" * 250_000,
    "many stages": SOUND.replace("lead: {", "".join(f"s{n}: ," for n in range(80_000)) + "lead: {"),
    "stages with nothing right": "stages:\n" + "".join(f"  s{n}: [x]\n" for n in range(60_000)),
    "unknown stages": SOUND.replace(
        "{lead:", "{" + "".join(f"st{n}x: ," for n in range(1900)) + "lead:"
    )
    + "transitions:\n"
    + "".join(f"- {{from: sx{n}, to: xs{n}}}\n" for n in range(15_000)),
    "one long condition": SOUND
    + "transitions: [{from: lead, to: lead, require: [{L: '"
    + "contact.fits && " * 60_000
    + "true'}]}]",
    "many conditions": SOUND
    + "transitions:\n- from: lead\n  to: lead\n  on: form\n  require:\n"
    + "".join(f"  - L{n}: contact.score > {n}\n" for n in range(25_000)),
    "many bad conditions": SOUND
    + "transitions:\n- from: lead\n  to: lead\n  on: form\n  require:\n"
    + "".join(f"  - L{n}: contact.scor{n} > {n}\n" for n in range(25_000)),
    "transitions all from one": SOUND
    + "transitions:\n"
    + "".join(
        f"- {{from: lead, to: lead, on: form, require: [{{L: contact.score > {n}}}]}}\n"
        for n in range(15_000)
    ),
    "groups in groups": SOUND
    + "transitions:\n- {from: lead, to: lead, require: "
    + "[{any: " * 200
    + "[{A: contact.fits}]"
    + "}]" * 200
    + "}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_ends_in_problems_and_soon(tmp_path, text):
    path = tmp_path / "small.yaml"
    path.write_text(text)
    start = time.process_time()
    reading = read_definition(path)
    shown = render_problems(reading.problems, reading.sources)
    assert time.process_time() - start < 5, "this takes much too long"
    assert len(reading.problems) <= 210
    assert len(shown) < 200_000
    assert "Traceback" not in shown


def test_loading_a_bad_file_raises_with_every_problem(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SOUND + "titel: x\nversoin: 2\n")
    with pytest.raises(DefinitionError) as caught:
        load_definition(path)
    found = [p.code for p in caught.value.problems if p.severity == "error"]
    assert found == ["F101", "F101"]
    assert f"{path}:6:1: F101 " in caught.value.message
    assert caught.value.hint == "did you mean 'title'?"
