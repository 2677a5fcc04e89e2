"""Cells, tables and parts of a page."""

from typing import Final, NamedTuple, TypeAlias

from attrs import field, frozen

from funnelflow.report.markup import shortened
from funnelflow.report.number_words import count_words, days_words
from funnelflow.report.records import SMALL, Lengths, Number
from funnelflow.report.svg_writer import Picture


class PageCell(NamedTuple):
    """A cell of a table.

    Attributes:
        text: What stands in it.
        name: The number it shows; empty for none.
        is_number: Whether it is one.
        is_small: Whether it is of so few that a share says little.
    """

    text: str
    name: str = ""
    is_number: bool = False
    is_small: bool = False


PageRow: TypeAlias = tuple[PageCell, ...]


@frozen
class PageTable:
    """A table of a page.

    Attributes:
        caption: What it shows.
        heads: The heads of its columns.
        rows: Its rows; the first cell of each says what it is about.
    """

    caption: str
    heads: tuple[str, ...]
    rows: tuple[PageRow, ...]


@frozen
class PageSection:
    """A part of a page.

    Attributes:
        key: Its name in links.
        title: What people read.
        about: What it says, in a sentence or two.
        pictures: Its pictures.
        tables: The same numbers, and more, as tables.
        definitions: What numbers mean of which nobody else knows that, by name.
    """

    key: str
    title: str
    about: str
    pictures: tuple[Picture, ...] = ()
    tables: tuple[PageTable, ...] = ()
    definitions: tuple[tuple[str, str], ...] = field(default=())


def figure_cell(text: str, name: str = "", *, is_small: bool = False) -> PageCell:
    """Return a cell with a number.

    Args:
        text: The number.
        name: What it is called; empty for one that nobody lists.
        is_small: Whether it is of few.
    """
    return PageCell(text, name, is_number=True, is_small=is_small)


def text_cell(text: str) -> PageCell:
    """Return a cell with text of the data."""
    return PageCell(shortened(text))


def count_cell(number: Number) -> PageCell:
    """Return a cell with a number and its share."""
    return figure_cell(count_words(number), number.name, is_small=is_few(number))


def is_few(number: Number) -> bool:
    """Whether a share is one of few."""
    return number.of is not None and number.is_small


def plain_cell(number: Number) -> PageCell:
    """Return a number without its share."""
    return figure_cell(f"{number.value:,}", number.name)


def change_cell(now: Number, before: Number) -> PageCell:
    """Return a cell with how much more there is now."""
    difference = now.value - before.value
    return figure_cell(f"{difference:+,}" if difference else "0")


def lengths_cells(lengths: Lengths) -> PageRow:
    """Return how many lengths there are, their quartiles and the 90th percentile."""
    quantiles = (
        lengths.quartile_1_days,
        lengths.median_days,
        lengths.quartile_3_days,
        lengths.p90_days,
    )
    return (
        figure_cell(f"{lengths.count:,}", lengths.name, is_small=0 < lengths.count < SMALL),
        *(figure_cell(days_words(days)) for days in quantiles),
    )


LENGTHS_HEADS: Final = (
    "times",
    "a quarter up to",
    "median",
    "three quarters up to",
    "nine of ten up to",
)


def negative_cell(lengths: Lengths) -> PageCell:
    """Return a cell with how many lengths are below zero."""
    return figure_cell(f"{lengths.negative:,}")
