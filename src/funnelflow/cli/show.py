"""``funnelflow show`` and ``glossary``: definitions in plain words, or drawn."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Literal

import click

from funnelflow.cli.find import default_definition, definition_here
from funnelflow.cli.options import as_json, command, complete_definition
from funnelflow.cli.output import note, say_text
from funnelflow.cli.session import Session, answer, current
from funnelflow.cli.text import Line, Page, Text, dim, line, section, stack, strong
from funnelflow.criteria import (
    AllOf,
    AnyOf,
    AtLeast,
    Custom,
    Field,
    Leaf,
    Roles,
    Rule,
    duration_words,
)
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
    if stage.rotting_after is not None:
        said += [f"for too long here after {duration_words(stage.rotting_after)}"]
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
