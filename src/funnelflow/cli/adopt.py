"""``funnelflow adopt``: a new version of a definition, taken into use."""

import shlex
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import click

from funnelflow.cli.find import library_here, source_of
from funnelflow.cli.options import (
    acting,
    as_json,
    command,
    complete_definition,
    dry_run,
    funnel_of,
    quiet,
)
from funnelflow.cli.output import counted, hint, note, page_for, say, watching, write_json
from funnelflow.cli.session import current
from funnelflow.cli.text import Line, Page, TextSpan, dim, line, section, strong
from funnelflow.cli.whatif import effect_lines, stage_rows
from funnelflow.compare import WhatIf
from funnelflow.definition import Definition, diff
from funnelflow.errors import UsageError
from funnelflow.maintenance.adopt import Adopted, AdoptionPlan
from funnelflow.workspace.workspace import Workspace


@command(
    "adopt",
    "funnelflow adopt standard",
    "funnelflow adopt definitions/standard.yaml --yes",
    "funnelflow adopt standard --map lead.recycled=target --yes",
    "funnelflow adopt --funnel standard --from-now --yes",
    "funnelflow adopt dialogue --instead-of standard",
)
@click.argument("definition", required=False, shell_complete=complete_definition)
@funnel_of("The funnel whose definition it must be, or which is looked up.")
@click.option("--yes", is_flag=True, help="Do it; without this, say what would happen.")
@click.option(
    "--map",
    "rules",
    metavar="STAGE=STAGE",
    multiple=True,
    help="Where contacts go whose stage is gone; repeat it.",
)
@click.option(
    "--instead-of",
    metavar="FUNNEL",
    default="",
    help="Bring the contacts of another funnel over, by translation.",
)
@click.option(
    "--from-now",
    is_flag=True,
    help="Leave everybody in the stage they are in, and judge by it from now on.",
)
@acting
@quiet
@dry_run
@as_json
def adopt(
    definition: str | None,
    rules: tuple[str, ...],
    funnel: str | None,
    *,
    yes: bool,
    dry_run: bool,
    **how: Any,
) -> int:
    """Take a new version of a definition into use.

    DEFINITION is a file or a name; with --funnel it may be left out. Says what has
    changed and who would move where; with --yes does it, and keeps it in every
    contact's history. Broken off, the same command goes on. Exits 1 if contacts
    are in a stage that is gone and --map does not say where they go. Everybody
    stands where the new version puts their whole story, or with --from-now where
    they stand. With --instead-of, a workspace goes over to other words: that
    funnel's contacts are translated.
    """
    session, named = current(), _named(definition, funnel)
    source = source_of(named, library_here(session))
    with session.open() as workspace:
        where = {name: how[name] for name in ("instead_of", "from_now")}
        plan = workspace.plan_adoption(source, parse_rules(rules), **where)
        if funnel not in {None, plan.funnel}:
            raise UsageError(
                f"{named} is a definition of {plan.funnel}, not of {funnel}",
                hint=f"funnelflow adopt --funnel {plan.funnel}",
            )
        changes = _changes(workspace, plan.definition)
        effect = None if yes else _effect(workspace, plan, **where)
        if not session.json:
            say(plan_lines(plan, changes, page_for(sys.stdout), effect))
        done = None
        if yes and not dry_run and not plan.unmapped:
            done = _adopt(workspace, plan, parse_rules(rules), **how)
    if session.json:
        adopted = None if done is None else done.to_json()
        what_if = None if effect is None else effect.to_json()
        data = {**plan.to_json(), "changes": list(changes), "adopted": adopted}
        write_json({**data, "what_if": what_if})
    else:
        _conclude(plan, _again(named, rules, how), done=done is not None)
    return 1 if plan.unmapped else 0


def _named(definition: str | None, funnel: str | None) -> str:
    """Return the definition that is meant: the one that is named, or that of a funnel."""
    named = definition or funnel
    if named is None:
        raise UsageError("no definition is named", hint="funnelflow adopt --funnel NAME")
    return named


def _again(named: str, rules: Iterable[str], how: Mapping[str, Any]) -> str:
    """Write the command once more, but for who does it and how it is shown."""
    said = [named, *(word for rule in rules for word in ("--map", rule))]
    if how["instead_of"]:
        said += ["--instead-of", how["instead_of"]]
    said += [f"--{name.replace('_', '-')}" for name in ("from_now", "quiet") if how[name]]
    return f"funnelflow adopt {shlex.join(said)}"


def parse_rules(pairs: Iterable[str]) -> dict[str, str]:
    """Read ``STAGE=STAGE`` arguments.

    Raises:
        UsageError: One is not written so, or a stage is named twice.
    """
    rules: dict[str, str] = {}
    for pair in pairs:
        before, equals, after = (part.strip() for part in pair.partition("="))
        if not (before and equals and after):
            raise UsageError(f"{pair!r} is no rule", hint="write --map old_stage=new_stage")
        if before in rules:
            raise UsageError(f"the stage {before!r} is mapped twice", hint="say where it goes once")
        rules[before] = after
    return rules


def _effect(
    workspace: Workspace, plan: AdoptionPlan, *, instead_of: str, from_now: bool
) -> WhatIf | None:
    """Return what a version would have made of the evidence; None where nobody is judged anew."""
    if plan.is_in_use or instead_of or from_now or plan.funnel not in workspace.funnels():
        return None
    with watching("whatif", "contacts") as step:
        return workspace.what_if(plan.definition, progress=lambda done: step(done, None))


def plan_lines(
    plan: AdoptionPlan, changes: Iterable[str], page: Page, effect: WhatIf | None = None
) -> list[Line]:
    """Draw what an adoption would do, and what its version would have made of the evidence."""
    new = plan.definition
    effects = () if effect is None else effect.effects
    stages = () if effect is None else effect.stages
    head = f"{plan.funnel}, version {new.version}"
    said = "is in use" if plan.is_in_use else "is not in use yet"
    return [
        line(strong(head), f" {said}"),
        *section("What changes", page.bullets(tuple(changes), indent=2)),
        *section("By its effect", effect_lines(effects, page) if effects else ()),
        *section("Had it been in use all along", stage_rows(stages, page)),
        *section("Who moves", _shifts(plan, page)),
        *section("Who has no place to go", _unmapped(plan, page)),
        *section("Besides", page.bullets(_besides(plan), indent=2)),
    ]


def _shifts(plan: AdoptionPlan, page: Page) -> list[Line]:
    rows = (
        (f"{s.count:,}", f"{s.before} → {s.after}", dim(f"such as {', '.join(s.examples)}"))
        for s in plan.shifts
    )
    return page.grid(rows, indent=2)


def _unmapped(plan: AdoptionPlan, page: Page) -> list[Line]:
    rows = (
        (TextSpan(f"{count:,}", "bad"), f"in {stage}, which is gone")
        for stage, count in plan.unmapped.items()
    )
    return page.grid(rows, indent=2)


def _besides(plan: AdoptionPlan) -> tuple[str, ...]:
    moving = sum(shift.count for shift in plan.shifts)
    staying = plan.contacts - moving - sum(plan.unmapped.values())
    said = (
        (staying, "stays where it is", "stay where they are"),
        (plan.restated, "has other facts", "have other facts"),
    )
    lost = [
        f"{counted(found.facts, 'fact')} cannot be read as {name} any more, such as of "
        + ", ".join(found.examples)
        for name, found in sorted(plan.dropped.items())
    ]
    kept = [f"{counted(n, 'contact')} {one if n == 1 else more}" for n, one, more in said if n]
    return (*kept, *lost)


def _changes(workspace: Workspace, new: Definition) -> tuple[str, ...]:
    """Return what is different from the version in use; nothing where there is none."""
    if new.name not in workspace.funnels():
        return ()
    return tuple(change.words for change in diff(workspace.funnel(new.name).definition, new))


def _adopt(workspace: Workspace, plan: AdoptionPlan, rules: dict[str, str], **how: Any) -> Adopted:
    with watching(f"adopting {plan.funnel}", "contacts") as step:
        return workspace.adopt(
            plan.definition,
            rules,
            progress=lambda done: step(done.contacts, plan.contacts, done.contacts),
            **how,
        )


def _conclude(plan: AdoptionPlan, again: str, *, done: bool) -> None:
    """Write what was done, or what to do."""
    if plan.unmapped:
        stage = next(iter(plan.unmapped))
        hint(f"say where they go: {again} --map {stage}=STAGE")
    elif done:
        note(f"{plan.funnel}, version {plan.definition.version}, is in use")
    elif plan.is_in_use and not plan.contacts:
        note("nothing is left to do")
    else:
        note("nothing was stored")
        hint(f"{again} --yes does it")
