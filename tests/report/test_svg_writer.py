"""Pictures and their text: escaped, cleaned, measured, and seen in light and dark."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.report.markup import clean, element, escaped
from funnelflow.report.svg_writer import (
    DARK,
    LIGHT,
    OURS,
    draw,
    fitted,
    style,
    width_of,
    write,
)

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert('x')</script> \"&\" \u202egnirts \x1b[31m  שלום\u0000\ud800"


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG 2.2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, as WCAG 2.2 defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_what_is_drawn_stand_out_from_their_ground(palette):
    texts = [(name, "page") for name in ("ink", "muted", "bar", "won", "lost", "back")]
    texts += [(f"on-heat{n}", f"heat{n}") for n in range(5)] + [("on-bar", "bar"), ("ink", "soft")]
    assert [pair for pair in texts if contrast(*(palette[name] for name in pair)) < 4.5] == []
    assert contrast(palette["edge"], palette["page"]) >= 3


def test_a_colour_is_used_only_if_both_palettes_have_it():
    assert LIGHT.keys() == DARK.keys()
    assert set(re.findall(r"var\(--([a-z0-9-]+)\)", style())) <= LIGHT.keys()


@given(st.text(st.characters(exclude_categories=[]), max_size=40))
def test_whatever_a_text_is_a_picture_of_it_is_xml_that_holds_it_as_text(text):
    picture = draw("one", text, text, (10, 10), [write(0, 0, text), element("g", text)])
    root = ET.fromstring(picture.file())
    assert root.findtext(f"{SVG}g/{SVG}text") == root.findtext(f"{SVG}title") == clean(text)


def test_what_would_change_how_the_text_around_it_reads_is_shown_as_an_escape():
    said = escaped(HOSTILE)
    assert said.startswith("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &quot;&amp;&quot; ")
    assert "\\x202egnirts \\x1b[31m" in said
    assert "שלום\\x00\\xd800" in said


def test_a_picture_has_a_title_and_the_same_in_words_and_says_who_drew_it():
    text = draw("one", "A title", "In words", (400, 20), []).file()
    root = ET.fromstring(text)
    named = {e.get("id"): e.text for e in root.iter() if e.get("id")}
    assert OURS in text.splitlines()[0]
    assert named[root.attrib["aria-labelledby"]] == "A title"
    assert named[root.attrib["aria-describedby"]] == "In words"
    assert (root.get("viewBox"), root.get("role")) == ("0 0 400 52", "img")


@pytest.mark.parametrize("text", ["", "Opportunity", "W" * 50, "見込み客の一覧表", "e\u0301" * 90])
def test_a_text_that_fits_is_left_alone_and_another_is_cut(text):
    assert fitted(text, width_of(text) + 0.01) == text
    cut = fitted(text, 60)
    assert width_of(cut) <= 60
    assert cut == text or cut.endswith("…")


def test_a_text_that_was_cut_says_all_of_itself_when_pointed_at():
    assert "<title>A very long name" in write(0, 0, "A very long name of a stage", width=60)
    assert "<title>" not in write(0, 0, "Short", width=60)
