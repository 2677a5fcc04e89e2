"""``funnelflow show`` and ``glossary``: definitions in plain words, or drawn."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import zip_longest
from typing import Any, Literal

import click

from funnelflow.cli.find import default_definition, definition_here, names_here
from funnelflow.cli.options import as_json, command, complete_definition
from funnelflow.cli.output import note, say_text
from funnelflow.cli.session import Session, answer, current
from funnelflow.cli.text import Line, Page, Text, dim, line, section, stack, strong
from funnelflow.compare import GlossaryEntry, Meaning, Way
from funnelflow.compare import glossary as entries_of
from funnelflow.criteria import AllOf, AnyOf, AtLeast, Custom, Field, Leaf, Roles, Rule
from funnelflow.definition import (
    Definition,
    DefinitionError,
    EventType,
    Linked,
    LinkedTransition,
    Stage,
    either,
    takes,
    to_json,
)
from funnelflow.definition.model import arrow
from funnelflow.errors import UsageError

STEP = 2


def definition_lines(linked: Linked, page: Page) -> list[Line]:
    """Draw a definition so that somebody who has never seen it knows what its words mean.

    Args:
        linked: The definition.
        page: What it is drawn on.
    """
    definition = linked.definition
    return [
        *_title(definition, page),
        *section("STAGES", _stages(definition, linked, page)),
        *section("TRANSITIONS", _transitions(linked.transitions, page)),
        *section("ALWAYS TRUE", _promises(definition, page)),
        *section("EVENTS", _events(linked, page)),
        *section("FACTS", _fields(linked.fields, page)),
    ]


def _title(definition: Definition, page: Page) -> list[Line]:
    head = line(strong(definition.name), f", version {definition.version}")
    force = f"A move may be forced by: {', '.join(definition.force)}." if definition.force else ""
    texts = [text for text in (definition.title, definition.about, force) if text]
    return [head, *stack((page.paragraph(text) for text in texts), spaced=True)]


def _stages(definition: Definition, linked: Linked, page: Page) -> list[Line]:
    stages = (_stage(name, stage, linked, page) for name, stage in definition.walk())
    return stack(stages, spaced=True)


def _stage(name: str, stage: Stage, linked: Linked, page: Page) -> list[Line]:
    indent = STEP * (1 + name.count("."))
    title = f" {stage.title}" if stage.title else ""
    said = [stage.about]
    said += [f"also called: {', '.join(stage.aliases)}"] if stage.aliases else []
    said += [f"looked after by: {stage.owner}"] if stage.owner else []
    return [
        line(
            " " * indent,
            strong(name),
            title,
            dim(_nature(name, stage, linked)),
        ),
        *stack(page.paragraph(text, indent=indent + STEP) for text in said),
        *page.bullets(stage.playbook, indent=indent + STEP),
    ]


def _nature(name: str, stage: Stage, linked: Linked) -> str:
    """Return what is particular about a stage, in brackets."""
    inner = linked.leaf_of(name)
    nature: list[str] = [stage.type] if stage.type != "open" else []
    nature += ["contacts start here"] if name == linked.initial else []
    nature += [f"entered at {inner}"] if inner != name else []
    return f"  ({', '.join(nature)})" if nature else ""


def _transitions(transitions: Iterable[LinkedTransition], page: Page) -> list[Line]:
    return stack((_transition(one, page) for one in transitions), spaced=True)


def _transition(linked: LinkedTransition, page: Page) -> list[Line]:
    written = linked.transition
    sets = [f"sets {name} to {source}" for name, source in written.sets.items()]
    return [
        line("  ", strong(arrow(written)), dim(f"  {takes(written)}")),
        *page.paragraph(written.about, indent=4),
        *rule_lines(linked.rule, page, 4),
        *page.bullets(sets, indent=4),
    ]


def _promises(definition: Definition, page: Page) -> list[Line]:
    """Draw what the definition promises; there is a blank line above if it promises anything."""
    promises = page.bullets([promise.label for promise in definition.always], indent=STEP)
    return stack([promises] if promises else [], spaced=True)


def rule_lines(rule: Rule | None, page: Page, indent: int) -> list[Line]:
    """Draw a requirement in plain words, groups with theirs indented below them."""
    match rule:
        case None:
            return []
        case AllOf(label="", rules=rules):
            return stack(rule_lines(inner, page, indent) for inner in rules)
        case AllOf() | AnyOf() | AtLeast():
            head = page.paragraph(_group(rule), indent=indent, first="• ")
            return head + stack(rule_lines(inner, page, indent + 2) for inner in rule.rules)
        case _:
            return page.paragraph(_criterion(rule), indent=indent, first="• ")


def _group(rule: AllOf | AnyOf | AtLeast) -> str:
    needs = {AllOf: "all of these", AnyOf: "any of these"}.get(type(rule), "")
    if isinstance(rule, AtLeast):
        needs = f"at least {rule.count} of these {len(rule.rules)}"
    return f"{rule.label}: {needs}" if rule.label else needs


def _criterion(rule: Leaf | Custom | Roles) -> str:
    """Return what a criterion asks for, its label first."""
    if isinstance(rule, Roles):
        return f"Only by: {either(rule.by)}"
    if isinstance(rule, Custom):
        return f"{rule.label or rule.name}: criterion {rule.name} of plugin {rule.provider}"
    words = rule.expression.words()
    return words if rule.label.casefold() in ("", words.casefold()) else f"{rule.label}: {words}"


def _events(linked: Linked, page: Page) -> list[Line]:
    rows = [row for one in linked.events.values() for row in _event_rows(one.event)]
    return _glossary(rows, page)


def _event_rows(event: EventType) -> list[tuple[Text, Text]]:
    """Return what an event is, then which facts it brings and which it changes."""
    said: list[Text] = [event.about or event.title] if event.about or event.title else []
    said += [dim(f"also called: {', '.join(event.aliases)}")] if event.aliases else []
    said += [dim(f"brings: {', '.join(event.fields)}")] if event.fields else []
    said += [dim(f"changes: {', '.join(event.sets)}")] if event.sets else []
    if event.activity:
        when = "no activity" if event.activity == "false" else f"activity if {event.activity}"
        said.append(dim(when))
    return list(zip_longest([strong(event.name)], said, fillvalue=""))


def _fields(fields: Mapping[str, Field], page: Page) -> list[Line]:
    rows = [
        row
        for field in fields.values()
        for row in (
            (strong(field.name), field.ask or field.about or field.label),
            ("", dim(_type(field))),
        )
    ]
    return _glossary(rows, page)


def _glossary(rows: Sequence[Sequence[Text]], page: Page) -> list[Line]:
    return [(), *page.grid(rows, indent=2, wrapped=True)] if rows else []


def _type(field: Field) -> str:
    if field.choices:
        return either([field.words(choice) for choice in field.choices])
    return f"{field.type} in {field.unit}" if field.unit else str(field.type)


@command(
    "show",
    "funnelflow show",
    "funnelflow show dialogue",
    "funnelflow show standard --diagram mermaid",
    "funnelflow show standard --diagram svg --with-counts",
    "funnelflow show definitions/standard.yaml --json",
)
@click.argument("definition", required=False, shell_complete=complete_definition)
@click.option(
    "--diagram",
    "form",
    type=click.Choice(["mermaid", "dot", "svg"]),
    help="Draw it: the source text of a diagram, or a picture.",
)
@click.option(
    "--with-counts",
    is_flag=True,
    help="With --diagram svg: how many contacts are where, and went where.",
)
@as_json
def show(
    definition: str | None, form: Literal["mermaid", "dot", "svg"] | None, *, with_counts: bool
) -> int:
    """Explain a definition, or draw it.

    DEFINITION is a file or the name of a definition; without it, the
    workspace's own. Shows every stage with what to do in it, every transition
    with its criteria in plain words, and the words it speaks of.
    """
    session = current()
    if with_counts and form != "svg":
        raise UsageError(
            "counts stand in the picture", hint="funnelflow show --diagram svg --with-counts"
        )
    linked = _own(session) if definition is None else definition_here(definition, session)
    if form == "svg":
        say_text(_picture(linked, session, with_counts=with_counts))
    elif form is not None:
        from funnelflow.engine.diagram import diagram  # noqa: PLC0415  # loads the graph support

        say_text(diagram(linked, form).expandtabs(2))  # a tab would be shown as an escape
    else:
        answer(lambda: to_json(linked.definition), lambda page: definition_lines(linked, page))
    return 0


def _picture(linked: Linked, session: Session, *, with_counts: bool) -> str:
    """Draw a definition, with the counts of the funnel as it is in use where they are wanted."""
    from funnelflow.report.stage_pictures import definition_picture  # noqa: PLC0415  # only here

    if not with_counts:
        return definition_picture(linked).file()
    name = linked.definition.name
    with session.open() as workspace:
        (report,) = workspace.report(name)
        in_use = workspace.linked(name)
    stages = {stage.stage: stage for stage in report.stages}
    return definition_picture(in_use, stages, report.flow).file()


def _own(session: Session) -> Linked:
    """Load the workspace's own definition; as it is in use where its file has errors now."""
    name = default_definition(session)
    try:
        return definition_here(name, session)
    except DefinitionError as error:
        with session.open() as workspace:
            linked = workspace.linked(name)
        note(f"{error.message}\nshown is the version in use")
        return linked


_WIDE = Page(width=10_000, colour=False, encoding="utf-8", terminal=False)


def glossary_lines(entries: Sequence[GlossaryEntry], page: Page) -> list[Line]:
    """Draw every word with what each definition means by it.

    Args:
        entries: The words.
        page: What they are drawn on.
    """
    return stack((_entry(entry, page) for entry in entries), spaced=True)[1:]


def criteria_texts(rule: Rule | None) -> list[str]:
    """Return in plain words what a rule asks for, a line a criterion."""
    return ["".join(span.text for span in drawn) for drawn in rule_lines(rule, _WIDE, 0)]


def _entry(entry: GlossaryEntry, page: Page) -> list[Line]:
    meanings = (_meaning(meaning, page) for meaning in entry.meanings)
    return [line(strong(entry.word.upper())), *stack(meanings, spaced=True)]


def _meaning(meaning: Meaning, page: Page) -> list[Line]:
    owner = f", looked after by {meaning.owner}" if meaning.owner else ""
    head = line("  ", strong(meaning.definition), f": {meaning.stage}{owner}")
    about, ways = page.paragraph(meaning.about, indent=4), (_way(w, page) for w in meaning.ways)
    return [head, *about, *stack(ways), *_to_do(meaning.playbook, page)]


def _way(way: Way, page: Page) -> list[Line]:
    takes = f" on {' or '.join(way.on)}" if way.on else ""
    head = line("    ", dim(f"from {', '.join(way.source)}{takes}"))
    return [head, *rule_lines(way.rule, page, 6)]


def _to_do(playbook: Sequence[str], page: Page) -> list[Line]:
    if not playbook:
        return []
    return [line("    ", dim("what to do")), *page.bullets(playbook, indent=6)]


_STYLE = """\
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222}
h1{font-size:1.6rem}h2{margin-top:2.5rem;border-bottom:2px solid #ddd;text-transform:capitalize}
.meanings{display:grid;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr));gap:1rem}
section{border:1px solid #ddd;border-radius:.5rem;padding:0 1rem 1rem}
h3{margin-bottom:0}.stage,.owner,.from{color:#666}li{margin:.2rem 0}"""


def glossary_page(entries: Sequence[GlossaryEntry], titles: Mapping[str, str]) -> str:
    """Write the page.

    Args:
        entries: The words.
        titles: The title of each definition, by its name.
    """
    listed = "".join(
        f"<li><strong>{escape(name)}</strong>: {escape(title)}</li>"
        for name, title in titles.items()
    )
    words = "\n".join(_entry_html(entry) for entry in entries)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>What we mean by our words</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n"
        f"<h1>What we mean by our words</h1>\n<ul>{listed}</ul>\n{words}\n</body>\n</html>\n"
    )


def _entry_html(entry: GlossaryEntry) -> str:
    meanings = "\n".join(_meaning_html(meaning) for meaning in entry.meanings)
    return f'<h2>{escape(entry.word)}</h2>\n<div class="meanings">\n{meanings}\n</div>'


def _meaning_html(meaning: Meaning) -> str:
    owner = f'<p class="owner">looked after by {escape(meaning.owner)}</p>' if meaning.owner else ""
    about = f"<p>{escape(meaning.about)}</p>" if meaning.about else ""
    ways = "".join(_way_html(way) for way in meaning.ways)
    to_do = f"<p>What to do</p>{_list(meaning.playbook)}" if meaning.playbook else ""
    stage = f'<p class="stage">{escape(meaning.stage)}</p>'
    return (
        f"<section><h3>{escape(meaning.definition)}</h3>{stage}"
        f"{about}{owner}{ways}{to_do}</section>"
    )


def _way_html(way: Way) -> str:
    takes = f" on {' or '.join(way.on)}" if way.on else ""
    texts = [text.strip().removeprefix("• ") for text in criteria_texts(way.rule)]
    return f'<p class="from">from {escape(", ".join(way.source))}{escape(takes)}</p>{_list(texts)}'


def _list(texts: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>" if texts else ""


@command(
    "glossary",
    "funnelflow glossary dialogue outreach",
    "funnelflow glossary dialogue outreach --html",
    "funnelflow glossary qualified levels --json",
)
@click.argument("definitions", nargs=-1, shell_complete=complete_definition)
@click.option("--html", is_flag=True, help="Write a page for a wiki.")
@as_json
def glossary(definitions: tuple[str, ...], *, html: bool) -> int:
    """Put definitions' words side by side.

    For every word: what each of the DEFINITIONS means by it, its criteria in plain
    words, who looks after a contact there, and what to do. Without DEFINITIONS,
    of all there are. Words that more of them use come first.
    """
    session = current()
    names = definitions or names_here(session)
    linked = [definition_here(name, session) for name in names]
    entries = entries_of(linked)
    if html and not session.json:
        say_text(glossary_page(entries, {d.definition.name: d.definition.title for d in linked}))
    else:
        answer(lambda: _data(entries), lambda page: glossary_lines(entries, page))
    return 0


def _data(entries: Sequence[GlossaryEntry]) -> Any:
    return [
        {"word": entry.word, "meanings": [_meaning_data(m) for m in entry.meanings]}
        for entry in entries
    ]


def _meaning_data(meaning: Meaning) -> Any:
    return {
        "definition": meaning.definition,
        "stage": meaning.stage,
        "about": meaning.about,
        "owner": meaning.owner,
        "playbook": list(meaning.playbook),
        "ways": [
            {"from": list(way.source), "on": list(way.on), "criteria": criteria_texts(way.rule)}
            for way in meaning.ways
        ],
    }
