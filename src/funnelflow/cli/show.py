"""``funnelflow show``: a definition as a glossary, as a diagram, or as data."""

from collections.abc import Iterable, Mapping
from typing import Literal

import click

from funnelflow.cli.find import default_definition, definition_here
from funnelflow.cli.options import as_json, command, complete_definition
from funnelflow.cli.output import note, say_text
from funnelflow.cli.session import Session, answer, current
from funnelflow.cli.text import Line, Page, TextSpan, bullets, grid, line, paragraph, section
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
    head = line(TextSpan(definition.name, "strong"), f", version {definition.version}")
    force = f"A move may be forced by: {', '.join(definition.force)}." if definition.force else ""
    texts = [text for text in (definition.title, definition.about, force) if text]
    return [head, *(drawn for text in texts for drawn in ((), *paragraph(text, page)))]


def _stages(definition: Definition, linked: Linked, page: Page) -> list[Line]:
    return [
        drawn
        for name, stage in definition.walk()
        for drawn in ((), *_stage(name, stage, linked, page))
    ]


def _stage(name: str, stage: Stage, linked: Linked, page: Page) -> list[Line]:
    indent = STEP * (1 + name.count("."))
    title = f" {stage.title}" if stage.title else ""
    said = [stage.about] if stage.about else []
    said += [f"also called: {', '.join(stage.aliases)}"] if stage.aliases else []
    said += [f"looked after by: {stage.owner}"] if stage.owner else []
    return [
        line(
            " " * indent,
            TextSpan(name, "strong"),
            title,
            TextSpan(_nature(name, stage, linked), "dim"),
        ),
        *(drawn for text in said for drawn in paragraph(text, page, indent=indent + STEP)),
        *bullets(stage.playbook, page, indent=indent + STEP),
    ]


def _nature(name: str, stage: Stage, linked: Linked) -> str:
    """Return what is particular about a stage, in brackets."""
    inner = linked.leaf_of(name)
    nature: list[str] = [stage.type] if stage.type != "open" else []
    nature += ["contacts start here"] if name == linked.initial else []
    nature += [f"entered at {inner}"] if inner != name else []
    return f"  ({', '.join(nature)})" if nature else ""


def _transitions(transitions: Iterable[LinkedTransition], page: Page) -> list[Line]:
    return [drawn for one in transitions for drawn in ((), *_transition(one, page))]


def _transition(linked: LinkedTransition, page: Page) -> list[Line]:
    written = linked.transition
    arrow = f"{', '.join(written.sources)} → {written.to}"
    return [
        line("  ", TextSpan(arrow, "strong"), TextSpan(f"  {takes(written)}", "dim")),
        *(paragraph(written.about, page, indent=4) if written.about else []),
        *rule_lines(linked.rule, page, 4),
    ]


def _promises(definition: Definition, page: Page) -> list[Line]:
    """Draw what the definition promises; there is a blank line above if it promises anything."""
    drawn = bullets([promise.label for promise in definition.always], page, indent=STEP)
    return [(), *drawn] if drawn else []


def rule_lines(rule: Rule | None, page: Page, indent: int) -> list[Line]:
    """Draw a requirement in plain words, groups with theirs indented below them."""
    match rule:
        case None:
            return []
        case AllOf(label="", rules=rules):
            return [drawn for inner in rules for drawn in rule_lines(inner, page, indent)]
        case AllOf() | AnyOf() | AtLeast():
            head = paragraph(_group(rule), page, indent=indent, first="• ")
            return head + [d for inner in rule.rules for d in rule_lines(inner, page, indent + 2)]
        case _:
            return paragraph(_criterion(rule), page, indent=indent, first="• ")


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


def _event_rows(event: EventType) -> list[list[TextSpan]]:
    """Return what an event is, then which facts it brings and which it changes."""
    said = [TextSpan(event.about or event.title)] if event.about or event.title else []
    said += [TextSpan(f"brings: {', '.join(event.fields)}", "dim")] if event.fields else []
    said += [TextSpan(f"changes: {', '.join(event.sets)}", "dim")] if event.sets else []
    if event.activity:
        when = "no activity" if event.activity == "false" else f"activity if {event.activity}"
        said.append(TextSpan(when, "dim"))
    names = [TextSpan(event.name, "strong"), *[TextSpan("")] * len(said)]
    return [list(row) for row in zip(names, said or [TextSpan("")], strict=False)]


def _fields(fields: Mapping[str, Field], page: Page) -> list[Line]:
    rows = [
        row
        for field in fields.values()
        for row in (
            [TextSpan(field.name, "strong"), TextSpan(field.ask or field.about or field.label)],
            [TextSpan(""), TextSpan(_type(field), "dim")],
        )
    ]
    return _glossary(rows, page)


def _glossary(rows: list[list[TextSpan]], page: Page) -> list[Line]:
    return [(), *grid(rows, page, indent=2, wrapped=True)] if rows else []


def _type(field: Field) -> str:
    if field.choices:
        return either([field.words(choice) for choice in field.choices])
    return f"{field.type} in {field.unit}" if field.unit else str(field.type)


@command(
    "show",
    "funnelflow show",
    "funnelflow show dialogue",
    "funnelflow show standard --diagram mermaid",
    "funnelflow show definitions/standard.yaml --json",
)
@click.argument("definition", required=False, shell_complete=complete_definition)
@click.option(
    "--diagram",
    "form",
    type=click.Choice(["mermaid", "dot"]),
    help="Draw it: the source text of a diagram.",
)
@as_json
def show(definition: str | None, form: Literal["mermaid", "dot"] | None) -> int:
    """Explain a definition, or draw it.

    DEFINITION is a file or the name of a definition; without it, the
    workspace's own. Shows every stage with what to do in it, every transition
    with its criteria in plain words, and the words it speaks of.
    """
    session = current()
    linked = _own(session) if definition is None else definition_here(definition, session)
    if form is not None:
        from funnelflow.engine.diagram import diagram  # noqa: PLC0415  # loads the graph support

        say_text(diagram(linked, form).expandtabs(2))  # a tab would be shown as an escape
    else:
        answer(lambda: to_json(linked.definition), lambda page: definition_lines(linked, page))
    return 0


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
