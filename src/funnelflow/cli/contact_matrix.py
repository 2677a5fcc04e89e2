"""Where definitions put the stored contacts, counted, and how far two of them agree."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen

from funnelflow.cli.output import counted
from funnelflow.cli.text import Line, Page, Text, dim, line, section, strong
from funnelflow.compare import Agreement, agreement_of, shared_words, with_decisive
from funnelflow.engine import Funnel
from funnelflow.workspace.workspace import Workspace

_MOST_CONTACTS = 1_000
"""For how many contacts it is worked out which criterion makes most of the difference."""


@frozen
class Matrix:
    """How many contacts of each stage the other definition puts where.

    Attributes:
        home: The funnel whose contacts were read.
        name: The definition that read them.
        rows: The stages of the home that have contacts.
        columns: The stages of the other definition.
        counts: Contacts by (row, column).
        flagged: How many of them are not certain.
    """

    home: str
    name: str
    rows: Sequence[str]
    columns: Sequence[str]
    counts: Counter[tuple[str, str]]
    flagged: Counter[tuple[str, str]]


def matrix_of(
    names: tuple[str, str],
    rows: Sequence[str],
    columns: Sequence[str],
    seen: Iterable[tuple[str, str, bool]],
) -> Matrix:
    """Count contacts by where two definitions put them.

    Args:
        names: What the rows and the columns are headed by.
        rows: The stages of the first, in their order; others come behind.
        columns: The stages of the second, in their order.
        seen: Row, column and whether it is uncertain, for each contact.
    """
    counts: Counter[tuple[str, str]] = Counter()
    flagged: Counter[tuple[str, str]] = Counter()
    for row, column, is_flagged in seen:
        counts[row, column] += 1
        flagged[row, column] += is_flagged
    present = {row for row, _ in counts}
    ordered = [row for row in rows if row in present] + sorted(present - {*rows})
    return Matrix(*names, ordered, columns, counts, flagged)


def matrix_lines(matrix: Matrix, page: Page, uncertain: str = "") -> list[Line]:
    """Draw where the contacts of each stage go, as a table without empty rows and columns.

    Args:
        matrix: The counts.
        page: What they are drawn on.
        uncertain: How many are not certain in words, where several definitions may not be.
    """
    columns = [c for c in matrix.columns if any(matrix.counts[row, c] for row in matrix.rows)]
    rows: list[list[Text]] = [
        [strong(r), *(_cell(matrix, r, c) for c in columns)] for r in matrix.rows
    ]
    flagged = matrix.flagged.total()
    mark = _MARK if flagged else ""
    told = uncertain or f"{flagged:,} not certain"
    return [
        *_crossed(matrix.home, matrix.name, columns, rows, page),
        (),
        line(f"{counted(matrix.counts.total(), 'contact')}; {told}{mark}"),
    ]


_MARK = " (of each cell as many as stand before a ?)"


def _crossed(
    home: str, name: str, columns: Sequence[str], rows: Iterable[Sequence[Text]], page: Page
) -> list[Line]:
    """Draw rows of one definition's stages by columns of another's."""
    return page.grid(rows, heads=(dim(f"{home} \\ {name}"), *map(strong, columns)))


def matrix_data(matrix: Matrix) -> dict[str, Any]:
    """Return the counts of contacts by where two definitions put them."""
    return {
        "from": matrix.home,
        "to": matrix.name,
        "contacts": matrix.counts.total(),
        "flagged": matrix.flagged.total(),
        "cells": [
            {"stage": a, "translated": b, "contacts": n, "flagged": matrix.flagged[a, b]}
            for (a, b), n in sorted(matrix.counts.items())
        ],
    }


def _cell(matrix: Matrix, row: str, column: str) -> Text:
    count, flagged = matrix.counts[row, column], matrix.flagged[row, column]
    if not count:
        return dim("·")
    return f"{count:,} ({flagged:,}?)" if flagged else f"{count:,}"


def agreement_words(one: Agreement, names: Sequence[str], population: str) -> str:
    """Return in words how far two definitions agree about a word.

    Args:
        one: The agreement.
        names: The names of the definitions.
        population: Over what, such as ``54 scenarios``.
    """
    if not one.both + one.differ:
        return f"Of {population} neither ends so."
    measures = [f"Jaccard {one.jaccard:.2f}"]
    if one.kappa is not None:
        measures.append(f"Cohen's kappa {one.kappa:.2f}")
    text = (
        f"Of {population} {one.both} end so in both, {one.only_first} only in {names[0]}, "
        f"{one.only_second} only in {names[1]} ({', '.join(measures)})."
    )
    found = one.decisive
    if found is None:
        return text
    quoted = f"\N{LEFT DOUBLE QUOTATION MARK}{found.label}\N{RIGHT DOUBLE QUOTATION MARK}"
    return (
        f"{text} The one criterion that makes most of the difference is {quoted} of "
        f"{found.definition}: without it they differ in {found.differ}, not in {one.differ}."
    )


def agreement_data(one: Agreement) -> dict[str, Any]:
    """Return how far two definitions agree about a word as data."""
    found = one.decisive
    return {
        "word": one.word,
        "both": one.both,
        "only_first": one.only_first,
        "only_second": one.only_second,
        "neither": one.neither,
        "jaccard": one.jaccard,
        "cohen_kappa": one.kappa,
        "decisive": None
        if found is None
        else {
            "definition": found.definition,
            "criterion": found.label,
            "words": found.words,
            "differ": found.differ,
        },
    }


class PlacedContacts:
    """Where two definitions put the stored contacts, and how far they agree."""

    def __init__(self, workspace: Workspace, funnels: tuple[Funnel, Funnel]) -> None:
        first, second = funnels
        self.names = (first.definition.name, second.definition.name)
        self.uncertain: Counter[str] = Counter()
        rows = zip(workspace.translate_all(first), workspace.translate_all(second), strict=True)
        seen = []
        for one, other in rows:
            flags = (one.translation.is_flagged, other.translation.is_flagged)
            self.uncertain.update(
                name for name, flag in zip(self.names, flags, strict=True) if flag
            )
            seen.append((one.translation.stage, other.translation.stage, any(flags)))
        self.matrix = matrix_of(self.names, first.linked.leaves, second.linked.leaves, seen)
        words = shared_words([first.linked, second.linked])
        plain = [agreement_of(word, self.names, self.matrix.counts) for word in words]
        if len(seen) > _MOST_CONTACTS:
            self.agreements = tuple(plain)
            return
        ends = {
            id(funnel): [one.translation.stage for one in workspace.translate_all(funnel)]
            for funnel in funnels
        }

        def count(one: Funnel, other: Funnel) -> Counter[tuple[str, str]]:
            mine, theirs = (
                ends.get(id(f)) or [t.translation.stage for t in workspace.translate_all(f)]
                for f in (one, other)
            )
            return Counter(zip(mine, theirs, strict=True))

        self.agreements = with_decisive(plain, words, funnels, count)

    def lines(self, page: Page) -> list[Line]:
        """Draw the counts, and how far the definitions agree."""
        population = counted(self.matrix.counts.total(), "contact")
        agreed = [
            f"{one.word}: {agreement_words(one, self.names, population)}" for one in self.agreements
        ]
        uncertain = ", ".join(f"{self.uncertain[name]:,} in {name}" for name in self.names)
        return [
            *matrix_lines(self.matrix, page, f"not certain: {uncertain}"),
            *section("How far they agree", page.bullets(agreed, indent=2)),
        ]

    def data(self) -> dict[str, Any]:
        """Return the counts as data."""
        return {
            **matrix_data(self.matrix),
            "uncertain": {name: self.uncertain[name] for name in self.names},
            "agreement": [agreement_data(one) for one in self.agreements],
        }
