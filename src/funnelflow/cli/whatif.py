"""``funnelflow whatif``: a changed definition over the stored evidence."""

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
from attrs import evolve

from funnelflow.cli.find import library_here, source_of
from funnelflow.cli.options import as_json, command, complete_definition
from funnelflow.cli.output import counted, note, watching, write_document
from funnelflow.cli.session import answer, current
from funnelflow.cli.text import Line, Page, Text, dim, line, section, strong
from funnelflow.compare.effects import Effect
from funnelflow.compare.thresholds import Threshold, value_words
from funnelflow.compare.what_if import CurvePoint, Fates, StageEffect, TimeShift, WhatIf
from funnelflow.definition import Definition
from funnelflow.errors import UsageError

_MOST = 12
"""How many effects and shifts are shown; ``--json`` has them all."""


class _Asked(NamedTuple):
    """What was asked for: a funnel, and a changed literal or a changed definition."""

    funnel: str | None
    field: str
    values: tuple[str, ...]
    source: Path | Definition | None


@command(
    "whatif",
    "funnelflow whatif standard budget=3000",
    "funnelflow whatif standard budget=1000,3000,8000 --svg budget.svg",
    "funnelflow whatif standard budget=3000 --label 'Budget is at least 5,000'",
    "funnelflow whatif stricter.yaml --json",
)
@click.argument("asked", nargs=-1, required=True, shell_complete=complete_definition)
@click.option("--label", default="", help="The criterion meant, where several compare the field.")
@click.option("--curve", is_flag=True, help="Look at values around it as well, one fold for each.")
@click.option("--svg", type=click.Path(), metavar="FILE", help="Draw whom each value lets in.")
@click.option("--force", is_flag=True, help="Write over a file that is no picture of ours.")
@as_json
def whatif(asked: tuple[str, ...], label: str, svg: str | None, *, curve: bool, force: bool) -> int:
    """Try a changed definition on the evidence.

    ASKED is FIELD=VALUE, behind the name of a funnel unless it is the default one:
    the one literal that FIELD is compared with in what transitions require is
    changed. Or it is the file of a changed definition. Who would have entered
    which stage, when, and what became of them is counted over the stored evidence;
    nothing is stored. Several values, or --curve, show whom each of them lets in.
    """
    session = current()
    what = _read(asked, lambda name: source_of(name, library_here(session)))
    if svg and not what.field:
        raise UsageError("only a threshold has a curve to draw", hint="name FIELD=VALUE")
    with session.open() as workspace, watching("whatif", "contacts") as step:
        threshold: Threshold | None = None
        if what.source is not None:
            found = workspace.what_if(
                what.source, funnel=what.funnel, progress=lambda done: step(done, None)
            )
        else:
            threshold = workspace.threshold(what.field, what.funnel, label=label)
            found = workspace.what_if(
                {what.field: what.values},
                funnel=what.funnel,
                label=label,
                curve=curve or bool(svg),
                progress=lambda done: step(done, None),
            )
    if svg and threshold is not None:
        write_document(Path(svg), _picture(found, threshold).file(), force=force)
        note(f"drawn: {svg}")
    answer(found.to_json, lambda page: what_if_lines(found, page))
    return 0


def _read(asked: Sequence[str], find: Any) -> _Asked:
    """Read what was asked for.

    Raises:
        UsageError: It does not go together.
    """
    changes = [word for word in asked if "=" in word and not Path(word).is_file()]
    names = [word for word in asked if word not in changes]
    if len(changes) == 1 and len(names) <= 1:
        field, _, values = changes[0].partition("=")
        texts = tuple(text for text in values.split(",") if text.strip())
        if field.strip() and texts:
            funnel = names[0] if names else None
            return _Asked(funnel, field.strip().removeprefix("contact."), texts, None)
    if not changes and len(names) in {1, 2}:
        return _Asked(names[0] if len(names) > 1 else None, "", (), find(names[-1]))
    raise UsageError(
        f"{' '.join(asked)!r} says neither one FIELD=VALUE nor one changed definition",
        hint="funnelflow whatif standard budget=3000",
    )


def what_if_lines(found: WhatIf, page: Page) -> list[Line]:
    """Draw what a changed definition would have made of the evidence."""
    nobody = f"Nobody of {counted(found.contacts, 'contact')} enters any stage at another time."
    table = stage_rows(found.stages, page) or page.paragraph(nobody, indent=2)
    return [
        *page.flow(line(strong(found.funnel), f", what if {found.asked}?")),
        *section("By its effect", effect_lines(found.effects, page)),
        *section(f"Over the evidence of {counted(found.contacts, 'contact')}", table),
        *section("Who would stand elsewhere now", _shifts(found, page)),
        *section(f"Whom each value lets into {found.threshold}", _curve(found.curve, page)),
    ]


def effect_lines(effects: Sequence[Effect], page: Page) -> list[Line]:
    """Draw what a changed definition means, whatever the evidence."""
    if not effects:
        return page.paragraph("Every transition lets in whom it let in: proved.", indent=2)
    lines: list[Line] = []
    for effect in effects[:_MOST]:
        lines += page.paragraph(f"{effect.name}: {effect.words}", indent=2, first="• ")
        for said, facts in (("lets in now", effect.let_in), ("keeps out now", effect.kept_out)):
            lines += page.paragraph(facts, indent=6, first=f"{said}: ") if facts else []
    if len(effects) > _MOST:
        lines += page.paragraph(f"and {len(effects) - _MOST} more", indent=2)
    return lines


def stage_rows(stages: Sequence[StageEffect], page: Page) -> list[Line]:
    """Draw who enters which stage: as it is, with the change, and what became of them."""
    rows: list[list[Text]] = [
        [
            strong(one.stage),
            f"{one.before:,}",
            f"{one.after:,}",
            _fates(one.let_in, "+"),
            _fates(one.kept_out, "-"),
            _times(one.earlier, "earlier"),
            _times(one.later, "later"),
        ]
        for one in _different(stages)
    ]
    heads = ["", "entered", "would", "let in", "kept out", "", ""]
    legend = "(won/lost/open: what became of them by the definition in use)"
    return [*page.grid(rows, heads=heads, indent=2), line("  ", dim(legend))] if rows else []


def _different(stages: Sequence[StageEffect]) -> Iterator[StageEffect]:
    """Yield the stages of which something is different, and not just what is around them."""
    around: dict[str, StageEffect] = {}
    for one in stages:
        around[one.stage] = one
        outer = around.get(one.stage.rpartition(".")[0])
        if not one.is_same and (outer is None or evolve(one, stage=outer.stage) != outer):
            yield one


def _fates(fates: Fates, sign: str) -> Text:
    if not fates.count:
        return ""
    return f"{sign}{fates.count:,} ({fates.won:,}/{fates.lost:,}/{fates.open:,})"


def _times(shift: TimeShift, way: str) -> Text:
    """Return how many enter at another time, and by how much the one in the middle."""
    if not shift.count:
        return ""
    return f"{shift.count:,} {way} by {counted(shift.median_days or 0, 'day')}"


def _shifts(found: WhatIf, page: Page) -> list[Line]:
    rows = [
        (f"{s.count:,}", f"{s.before} → {s.after}", dim(f"such as {', '.join(s.examples)}"))
        for s in found.shifts[:_MOST]
    ]
    return page.grid(rows, indent=2)


def _curve(curve: Sequence[CurvePoint], page: Page) -> list[Line]:
    """Draw whom each value of a threshold lets in."""
    rows: list[list[Text]] = [
        [
            strong(value_words(point.value)) if point.is_now else value_words(point.value),
            f"{point.let_in.count:,}",
            f"{point.let_in.won:,}",
            f"{point.let_in.lost:,}",
            f"{point.let_in.open:,}",
            dim(_share(point.let_in) + (", now" if point.is_now else "")),
        ]
        for point in curve
    ]
    return page.grid(rows, heads=["value", "let in", "won", "lost", "open", ""], indent=2)


def _share(fates: Fates) -> str:
    return f"{fates.won / fates.count:.0%} won" if fates.count else "nobody"


def _picture(found: WhatIf, threshold: Threshold) -> Any:
    """Draw whom each value lets in, and how many of them were won."""
    from funnelflow.report.threshold_chart import ThresholdValue, threshold_picture  # noqa: PLC0415

    values = [
        ThresholdValue(
            _place(point.value),
            value_words(point.value),
            point.is_now,
            point.let_in.count,
            point.let_in.won,
        )
        for point in found.curve
    ]
    unit = f", {threshold.field.unit}" if threshold.field.unit else ""
    title = f"Whom each value of {threshold.label!r} lets into {found.threshold}"
    return threshold_picture(title, f"{threshold.field.label}{unit}", values)


def _place(value: Any) -> float:
    """Return where a value stands on an axis."""
    if isinstance(value, dt.timedelta):
        return value / dt.timedelta(days=1)
    if isinstance(value, dt.datetime):
        return value.timestamp()
    return float(value) if isinstance(value, int | float) else 0.0
