"""A definition, drawn as a glossary: its stages, its transitions, its words."""

from collections.abc import Iterable, Mapping

from funnelflow.cli.layout import bullets, grid, paragraph
from funnelflow.cli.text import Line, Page, Span, line
from funnelflow.criteria import AllOf, AnyOf, AtLeast, Custom, Field, Leaf, Roles, Rule
from funnelflow.definition import (
    Definition,
    EventType,
    Linked,
    LinkedTransition,
    Stage,
    either,
    takes,
)

__all__ = ["definition_lines", "rule_lines"]

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
        *_section("Stages", _stages(definition, linked, page)),
        *_section("Transitions", _transitions(linked.transitions, page)),
        *_section("Always true", _promises(definition, page)),
        *_section("Events", _events(linked, page)),
        *_section("Facts", _fields(linked.fields, page)),
    ]


def _title(definition: Definition, page: Page) -> list[Line]:
    head = line(Span(definition.name, "strong"), f", version {definition.version}")
    force = f"A move may be forced by: {', '.join(definition.force)}." if definition.force else ""
    texts = [text for text in (definition.title, definition.about, force) if text]
    return [head, *(drawn for text in texts for drawn in ((), *paragraph(text, page)))]


def _section(title: str, lines: list[Line]) -> list[Line]:
    return [(), line(Span(title.upper(), "strong")), *lines] if lines else []


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
        line(" " * indent, Span(name, "strong"), title, Span(_nature(name, stage, linked), "dim")),
        *(drawn for text in said for drawn in paragraph(text, page, indent=indent + STEP)),
        *bullets(stage.playbook, page, indent=indent + STEP),
    ]


def _nature(name: str, stage: Stage, linked: Linked) -> str:
    """Say what is particular about a stage, in brackets."""
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
        line("  ", Span(arrow, "strong"), Span(f"  {takes(written)}", "dim")),
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
    """Say what a criterion asks for, its label first."""
    if isinstance(rule, Roles):
        return f"Only by: {either(rule.by)}"
    if isinstance(rule, Custom):
        return f"{rule.label or rule.name}: criterion {rule.name} of plugin {rule.provider}"
    words = rule.expression.words()
    return words if rule.label.casefold() in ("", words.casefold()) else f"{rule.label}: {words}"


def _events(linked: Linked, page: Page) -> list[Line]:
    rows = [row for one in linked.events.values() for row in _event_rows(one.event)]
    return _glossary(rows, page)


def _event_rows(event: EventType) -> list[list[Span]]:
    """Say what an event is, then which facts it brings and which it changes."""
    said = [Span(event.about or event.title)] if event.about or event.title else []
    said += [Span(f"brings: {', '.join(event.fields)}", "dim")] if event.fields else []
    said += [Span(f"changes: {', '.join(event.sets)}", "dim")] if event.sets else []
    names = [Span(event.name, "strong"), *[Span("")] * len(said)]
    return [list(row) for row in zip(names, said or [Span("")], strict=False)]


def _fields(fields: Mapping[str, Field], page: Page) -> list[Line]:
    rows = [
        row
        for field in fields.values()
        for row in (
            [Span(field.name, "strong"), Span(field.ask or field.about or field.label)],
            [Span(""), Span(_type(field), "dim")],
        )
    ]
    return _glossary(rows, page)


def _glossary(rows: list[list[Span]], page: Page) -> list[Line]:
    return [(), *grid(rows, page, indent=2, wrapped=True)] if rows else []


def _type(field: Field) -> str:
    if field.choices:
        return either([field.words(choice) for choice in field.choices])
    return f"{field.type} in {field.unit}" if field.unit else str(field.type)
