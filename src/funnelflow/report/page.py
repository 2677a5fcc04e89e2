"""The report as one page of HTML: everything is in it, it asks for nothing, and it runs nothing.

Its content security policy lets it load and run nothing at all; the one style sheet is named by its
digest. All text goes through `markup.element`, which escapes it.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from shlex import quote
from typing import Final, TypeAlias

from attrs import evolve

from funnelflow.definition import Linked
from funnelflow.report.explaining import NumberDefinition, definition_of
from funnelflow.report.markup import Markup, clean, element, escaped, joined, shortened
from funnelflow.report.page_cells import PageCell, PageRow, PageSection, PageTable
from funnelflow.report.page_sections import sections_of
from funnelflow.report.sections import Report
from funnelflow.report.svg_writer import OURS, Picture, style

MOST_TABLE_ROWS: Final = 200
"""How many rows of a table a page has; it says how many it leaves out."""
MOST_NAMES: Final = 400
"""Of how many numbers of a kind a part lists the command that lists their contacts."""
LONGEST_NAME: Final = 200
"""How long the name of a number is for which a command is listed."""
LARGEST: Final = 1_900_000
"""How many bytes the parts of a page take at most; what comes after that is left out."""
NumberAddress: TypeAlias = Callable[[str, str], str]
"""Returns where the contacts of a number are listed, by its funnel and its name."""
_SHORT: Final = 26
"""Up to how many characters the head of a row stays on one line."""
_NARROW: Final = 440
"""Up to this width a picture takes the width of a phone."""

_PAGE_STYLE: Final = """\
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
header,main,footer{max-width:76rem;margin:0 auto;padding:0 1rem}
h1{font-size:1.7rem;line-height:1.25;margin:1.5rem 0 .5rem}
h2{font-size:1.35rem;margin:2.5rem 0 .25rem}
h3{font-size:1.1rem;margin:2rem 0 .25rem;padding-top:1rem;border-top:1px solid var(--grid)}
p{margin:.25rem 0 1rem;max-width:44rem}
a{color:var(--bar)}
:focus-visible{outline:3px solid var(--bar);outline-offset:2px}
.skip{position:absolute;left:-99rem}
.skip:focus{position:static}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;padding:0;list-style:none}
nav a{display:inline-block;padding:.25rem 0}
.parts{display:flex;flex-wrap:wrap;gap:1rem 2rem;align-items:flex-start}
.pictures{flex:0 1 auto;max-width:100%;min-width:0}
.tables{flex:0 1 auto;max-width:100%;min-width:0}
figure{margin:0 0 1rem}
figcaption{font-weight:600;margin-bottom:.25rem}
.scroll{overflow-x:auto;max-width:100%}
.fits svg{max-width:100%;height:auto;display:block}
table{border-collapse:collapse;margin:0 0 1rem;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:.25rem 0}
th,td{padding:.25rem .6rem;border-bottom:1px solid var(--grid);text-align:left;vertical-align:top}
thead th{vertical-align:bottom;color:var(--muted);font-weight:600}
tbody th{font-weight:400}
td.n,th.n{text-align:right}
td.n,.s{white-space:nowrap}
.few{color:var(--muted);font-size:.85em}
.muted{color:var(--muted)}
summary{cursor:pointer;padding:.4rem 0;color:var(--bar)}
dt{font-weight:600;margin-top:.75rem}
dd{margin:0 0 .25rem}
code{font:.9em ui-monospace,monospace;overflow-wrap:anywhere}
pre{margin:.25rem 0;white-space:pre-wrap;overflow-wrap:anywhere}
@media print{
body{font-size:10pt}
nav,.skip,dd pre{display:none}
.scroll{overflow:visible}
table{font-size:8pt}
th,td{padding:.1rem .35rem}
thead .s{white-space:normal}
svg{max-width:100%;height:auto}
figure,tr{break-inside:avoid}
h2,h3,caption{break-after:avoid}
details::details-content{content-visibility:visible;height:auto;block-size:auto}
a{color:inherit;text-decoration:none}
}
"""


def report_page(
    reports: Sequence[Report],
    *,
    options: Mapping[str, str | None] | None = None,
    definitions: Mapping[str, Linked] | None = None,
    addresses: NumberAddress | None = None,
    home: str = "",
) -> str:
    """Return a page with everything that reports say.

    Args:
        reports: The report of each funnel.
        options: What was asked for beyond the funnel, by the name of the option of ``report``;
            None for what was not.
        definitions: The definitions that are drawn too, by the name of the funnel.
        addresses: Returns the address at which the contacts of a number are listed; None where
            there is none, and the page says by which command they are.
        home: The address of a page that this one leads back to; empty for none.
    """
    css = _css()
    title = f"Report: {', '.join(one.funnel for one in reports) or 'no funnel'}"
    known = definitions or {}
    room = _Room(LARGEST)
    bodies = [
        _funnel(one, options or {}, known.get(one.funnel), room, addresses) for one in reports
    ]
    if not reports:
        bodies = [element("p", "There is no funnel that a contact has entered.")]
    return "".join(
        [
            f"<!doctype html>\n{OURS}\n",
            '<html lang="en">\n',
            element("head", *_head(title, css)),
            "\n<body>\n",
            element("a", "To the numbers", class_="skip", href="#main"),
            element("nav", element("a", "Back", href=home), aria_label="Back") if home else "",
            _header(reports),
            element("main", *bodies, id="main"),
            _footer(),
            "\n</body>\n</html>\n",
        ]
    )


def report_policy() -> str:
    """Return the content security policy of a report's page, for a server's header."""
    return _policy(_css())


def _css() -> str:
    return style(page=True) + _PAGE_STYLE


def _policy(css: str) -> str:
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


class _Room:
    """How many more bytes a page may have."""

    def __init__(self, size: int) -> None:
        self.left = size

    def take(self, markup: Markup) -> bool:
        """Whether there is room for markup; takes it."""
        size = len(markup.encode())
        if size > self.left:
            return False
        self.left -= size
        return True


def _head(title: str, css: str) -> Iterator[Markup]:
    yield Markup('<meta charset="utf-8"/>')
    yield element("meta", http_equiv="Content-Security-Policy", content=_policy(css))
    yield element("meta", name="viewport", content="width=device-width, initial-scale=1")
    yield element("meta", name="color-scheme", content="light dark")
    yield element("meta", name="referrer", content="no-referrer")
    yield element("meta", name="generator", content="funnelflow")
    yield element("title", title)
    yield element("link", rel="icon", href="data:,")  # so that no browser asks for one
    yield element("style", Markup(css))


def _header(reports: Sequence[Report]) -> Markup:
    if len(reports) == 1:
        return element("header", element("h1", _data(reports[0].title or reports[0].funnel)))
    links = [
        element("li", element("a", _data(one.title or one.funnel), href=f"#{one.funnel}"))
        for one in reports
    ]
    nav = element("nav", element("ul", *links), aria_label="Funnels")
    return element("header", element("h1", "Report"), nav if links else "")


def _footer() -> Markup:
    return element(
        "footer",
        element(
            "p",
            "Made by funnelflow. Shares of fewer than 20 are not said, as they mean little: how "
            "many of how many stands there instead. This page loads and runs nothing.",
            class_="muted",
        ),
    )


def _data(text: str) -> Markup:
    """Return text of the data, whose direction changes nothing around it."""
    return element("bdi", shortened(text))


def _funnel(
    report: Report,
    options: Mapping[str, str | None],
    definition: Linked | None,
    room: _Room,
    addresses: NumberAddress | None,
) -> Markup:
    """Return everything about a funnel."""
    parts = list(sections_of(report, definition))
    command = ["funnelflow", "report", "--funnel", report.funnel, *_typed(report, options)]

    def listed(name: str) -> Markup:
        if addresses is not None:
            return element("a", shortened(name), href=addresses(report.funnel, name))
        return escaped(" ".join(map(quote, [*command, "--who", name])))

    drawn: list[Markup] = []
    left: list[str] = []
    for part in parts:
        markup = _section(part, report.funnel, listed)
        if room.take(markup):
            drawn.append(markup)
        else:
            left.append(part.title)
    links = [
        element("li", element("a", part.title, href=f"#{report.funnel}-{part.key}"))
        for part in parts
        if part.title not in left
    ]
    less = f"Left out, as the page would grow too large: {', '.join(left)}." if left else ""
    return element(
        "section",
        element("h2", _data(report.funnel), Markup(f", version {report.version}")),
        element("p", _about(report)),
        element("nav", element("ul", *links), aria_label=f"Parts of {report.funnel}"),
        *drawn,
        element("p", less, class_="muted") if less else "",
        id=report.funnel,
    )


def _typed(report: Report, options: Mapping[str, str | None]) -> Iterator[str]:
    """Yield the options as they are typed, but for a field that this funnel does not have."""
    fields = {cohorts.by for cohorts in report.cohorts}
    for name, value in options.items():
        if value and (name != "by" or value in fields):
            yield from (f"--{name}", value)


def _about(report: Report) -> str:
    """Return what a report is about, in a paragraph."""
    when = f"{report.at:%Y-%m-%d %H:%M} UTC"
    how = f"by {report.period}, in the zone {report.zone}"
    count = report.entries.value
    said = [f"{count:,} {'contact' if count == 1 else 'contacts'}, as of {when}; {how}."]
    if report.known_at is not None:
        known = report.known_at
        when = f"row {known:,}" if isinstance(known, int) else f"{known:%Y-%m-%d %H:%M} UTC"
        said.append(f"By what was known at {when}.")
    if report.erased:
        said.append(f"{report.erased:,} erased since are in none of the numbers.")
    return " ".join(said)


def _section(part: PageSection, funnel: str, listed: Callable[[str], Markup]) -> Markup:
    """Return a part: its pictures, and its tables beside or below them."""
    pictures = [_figure(evolve(one, name=f"{funnel}-{one.name}")) for one in part.pictures]
    first, rest = part.tables[:1], part.tables[1:]
    below = [_table(one) for one in rest]
    more = f"{len(rest):,} more {'table' if len(rest) == 1 else 'tables'}"
    tables = element("div", *map(_table, first), class_="tables") if first else ""
    return element(
        "section",
        element("h3", part.title),
        element("p", part.about),
        element(
            "div",
            element("div", *pictures, class_="pictures") if pictures else "",
            tables,
            class_="parts",
        ),
        element("details", element("summary", more), *below) if below else "",
        _meaning(part, listed),
        Markup("\n"),
        id=f"{funnel}-{part.key}",
    )


def _figure(picture: Picture) -> Markup:
    is_narrow = picture.width <= _NARROW
    drawn = element(
        "div",
        picture.inline(),
        class_="fits" if is_narrow else "scroll",
        tabindex=None if is_narrow else "0",
        role=None if is_narrow else "group",
        aria_label=None if is_narrow else picture.title,
    )
    return element("figure", element("figcaption", _data(picture.title)), drawn)


def _table(table: PageTable) -> Markup:
    """Return a table that can be scrolled sideways, by keys too."""
    shown = table.rows[:MOST_TABLE_ROWS]
    numeric = [
        any(row[at].is_number for row in shown if at < len(row)) for at in range(len(table.heads))
    ]
    heads = [
        element("th", _data(head), scope="col", class_=_look(head, is_number=is_number))
        for head, is_number in zip(table.heads, numeric, strict=True)
    ]
    rows = [_row(row) for row in shown]
    left = len(table.rows) - len(shown)
    if not rows:
        rows = [element("tr", element("td", "nobody", colspan=str(len(heads)), class_="muted"))]
    return element(
        "div",
        element(
            "table",
            element("caption", _data(table.caption)),
            element("thead", element("tr", *heads)),
            element("tbody", *rows),
        ),
        element("p", f"{left:,} more rows are left out.", class_="muted") if left > 0 else "",
        class_="scroll",
        tabindex="0",
        role="group",
        aria_label=clean(shortened(table.caption)),
    )


def _row(row: PageRow) -> Markup:
    head, *cells = row
    look = _look(head.text, is_number=head.is_number)
    return element(
        "tr", element("th", _data(head.text), scope="row", class_=look), *map(_cell, cells)
    )


def _look(head: str, *, is_number: bool) -> str | None:
    """Return the classes of a head: a short one stays on one line."""
    looks = [*(["n"] if is_number else []), *(["s"] if len(head) <= _SHORT else [])]
    return " ".join(looks) or None


def _cell(cell: PageCell) -> Markup:
    few = joined(" ", element("span", "few", class_="few")) if cell.is_small else ""
    text = escaped(cell.text) if cell.is_number else _data(cell.text)
    return element("td", text, few, class_="n" if cell.is_number else None)


def _meaning(part: PageSection, listed: Callable[[str], Markup]) -> Markup:
    """Return what the numbers of a part mean, and what lists their contacts."""
    names = dict.fromkeys(
        cell.name for table in part.tables for row in table.rows for cell in row if cell.name
    )
    if not names:
        return Markup()
    own = dict(part.definitions)
    kinds: dict[NumberDefinition, list[str]] = {}
    for name in names:
        found = own.get(name)
        kind = NumberDefinition(name, name, found) if found is not None else definition_of(name)
        kinds.setdefault(kind, []).append(name)
    said = [markup for kind, known in kinds.items() for markup in _kind(kind, known, listed)]
    summary = "What these numbers mean, and how to list the contacts they count"
    return element("details", element("summary", summary), element("dl", *said))


def _kind(
    kind: NumberDefinition, names: Sequence[str], listed: Callable[[str], Markup]
) -> Iterable[Markup]:
    yield element("dt", _data(kind.title), " ", element("code", kind.pattern))
    yield element("dd", _data_whole(kind.text))
    if kind.pattern == "velocity":  # worked out from other numbers, it counts nobody itself
        return
    fitting = [name for name in names if len(name) <= LONGEST_NAME][:MOST_NAMES]
    lines = [element("code", listed(name)) for name in fitting]
    left = len(names) - len(lines)
    more = [f"and {left:,} more, named alike"] if left else []
    yield element("dd", element("pre", Markup("\n".join(map(escaped, [*lines, *more])))))


def _data_whole(text: str) -> Markup:
    return element("bdi", text)
