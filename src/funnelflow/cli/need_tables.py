"""How what definitions ask is drawn: a table of facts against definitions for each word."""

from collections.abc import Iterator, Sequence
from typing import Any

from funnelflow.cli.text import Line, Page, Text, dim, line, section, stack, strong
from funnelflow.compare import Need, NeedCell, NeedRow, NeedTable, WayNeeds, WordNeeds
from funnelflow.definition import either

_MOST_WAYS = 4
_COMPARED = 2


def on_the_way() -> str:
    """Return what it means that something is asked."""
    return (
        "What is asked was so on the way there, at the moment of a step that everybody takes: that "
        "is proved. It may have been taken back since. A move by hand may stand for an event. "
        "Forced moves, and who was placed when a definition was adopted, are left out."
    )


def need_word_lines(word: WordNeeds, table: NeedTable, page: Page) -> list[Line]:
    """Draw what definitions ask of everybody whom they call by a word.

    Args:
        word: The word.
        table: What they ask.
        page: What it is drawn on.
    """
    names = [name for name in table.definitions if name in word.word.stages]
    others = f" (also: {', '.join(word.word.others)})" if word.word.others else ""
    rows = _table(word, names, page)
    return [
        line(strong(word.word.word.upper()), others),
        *stack(page.paragraph(text, indent=2) for text in word_sentences(word, names)),
        *([(), *rows] if rows else []),
        *stack(_ways(name, ways, page) for name, ways in word.ways.items()),
    ]


def word_sentences(word: WordNeeds, names: Sequence[str]) -> Iterator[str]:
    """Yield in sentences who asks what."""
    for name in word.unreached:
        yield f"No transition of {name} leads there."
    for name in word.begins:
        yield f"In {name} everybody begins there, so it asks for nothing."
    groups: dict[tuple[str, ...], list[str]] = {}
    for row in word.rows:
        if row.is_about_criteria:
            askers = row.askers()
            is_apart = not row.is_same and len(askers) == len(row.cells)
            groups.setdefault((*askers, "*") if is_apart else askers, []).append(_named(row))
    for askers, subjects in groups.items():
        yield _who_asks(askers, subjects, names)
    for name in word.ways:
        if not any(row.is_about_criteria and name in row.askers() for row in word.rows):
            yield f"In {name} no criterion lies on every way there."
    yield from _passed(word)


def _named(row: NeedRow) -> str:
    """Return what a row is about, by its label where it looks at several fields."""
    labels = [label for cell in row.cells.values() for label in cell.labels if label]
    is_long = "," in row.subject and bool(labels)
    return (
        f"\N{LEFT DOUBLE QUOTATION MARK}{labels[0]}\N{RIGHT DOUBLE QUOTATION MARK}"
        if is_long
        else row.subject
    )


def _passed(word: WordNeeds) -> Iterator[str]:
    """Yield which other words everybody has been called by before, or still is."""
    found: dict[str, list[str]] = {}
    for row in word.rows:
        for name, cell in row.cells.items():
            for need in cell.needs if cell.stand == "needs" else ():
                if need.kind == "stage":
                    said = need.words.replace("one", f"a {row.subject}")
                    found.setdefault(said, []).append(name)
    for said, names in found.items():
        yield f"In {_listed(names)} everybody {said}."


def _who_asks(askers: tuple[str, ...], subjects: Sequence[str], names: Sequence[str]) -> str:
    """Say who asks for some things."""
    is_apart = askers[-1:] == ("*",)
    askers = askers[:-1] if is_apart else askers
    what = _listed(list(dict.fromkeys(subjects)))
    if len(askers) == 1:
        return f"Only {askers[0]} asks for {what}."
    who = "All" if len(askers) > _COMPARED else "Both"
    if len(askers) < len(names):
        who = _listed(askers)
    return f"{who} ask for {what}{', each in its own way' if is_apart else ''}."


def _listed(texts: Sequence[str]) -> str:
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last


def _table(word: WordNeeds, names: Sequence[str], page: Page) -> list[Line]:
    rows: list[list[Text]] = [
        [row.subject, *(cell_text(row, row.cells[name]) for name in names if name in row.cells)]
        for row in sorted(word.rows, key=lambda row: not row.is_about_criteria)
    ]
    heads = [strong(name) for name in names if name not in word.unreached]
    return page.grid(rows, heads=("", *heads), indent=2, wrapped=True)


def cell_text(row: NeedRow, cell: NeedCell) -> Text:
    """Return what one definition asks about one thing, in few words."""
    if cell.stand == "not asked":
        return dim("not asked")
    words = "; ".join(need_words(need, row.subject) for need in cell.needs)
    return f"excluded: {words}" if cell.stand == "excludes" else words


def need_words(need: Need, subject: str) -> str:
    """Return what is needed, without its subject where that stands beside it."""
    return need.words.replace(f"{subject} is ", "")


def _ways(name: str, ways: Sequence[WayNeeds], page: Page) -> list[Line]:
    """Draw the ways into a stage on none of which the same criterion lies."""
    shown = [_way(way) for way in ways[:_MOST_WAYS]]
    if len(ways) > _MOST_WAYS:
        shown.append(f"and {len(ways) - _MOST_WAYS} more")
    return section(f"  The ways of {name}", [
        *page.bullets(shown, indent=2)
    ])  # fmt: skip


def _way(way: WayNeeds) -> str:
    takes = f" on {either(way.on)}" if way.on else ""
    asked = [need.label or need.words for need in way.needs if need.rule is not None]
    return f"from {either(way.sources)}{takes}: {', '.join(asked) or 'nothing is asked'}"


def needs_data(table: NeedTable) -> list[dict[str, Any]]:
    """Return what definitions ask as data: each thing that is said here is proved."""
    return [
        {
            "word": word.word.word,
            "others": list(word.word.others),
            "stages": dict(word.word.stages),
            "proved": True,
            "unreached": list(word.unreached),
            "begins": list(word.begins),
            "needs": [_row_data(row) for row in word.rows],
            "ways": {
                name: [
                    {
                        "from": list(way.sources),
                        "on": list(way.on),
                        "needs": [_need_data(need) for need in way.needs],
                    }
                    for way in ways
                ]
                for name, ways in word.ways.items()
            },
        }
        for word in table.words
    ]


def _row_data(row: NeedRow) -> dict[str, Any]:
    cells = {
        name: {
            "stand": cell.stand,
            "needs": [
                {**_need_data(need), "label": label}
                for need, label in zip(cell.needs, cell.labels, strict=False)
            ],
        }
        for name, cell in row.cells.items()
    }
    return {"subject": row.subject, "same": row.is_same, "definitions": cells}


def _need_data(need: Need) -> dict[str, Any]:
    return {"kind": need.kind, "words": need.words, "label": need.label}
