"""What would be read from the first rows of a file, and why: nothing is stored."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Literal

from attrs import asdict, evolve, frozen

from funnelflow.criteria import Field
from funnelflow.criteria.value_forms import dump_value
from funnelflow.errors import FieldError
from funnelflow.ingest.apply import match_input, store_for
from funnelflow.ingest.cell_readers import cell_reader, is_written
from funnelflow.ingest.column_matching import Matched
from funnelflow.ingest.file_errors import RowError
from funnelflow.ingest.file_options import FileOptions
from funnelflow.ingest.input import open_input
from funnelflow.ingest.mapping import FIELD, TARGETS, field_target
from funnelflow.ingest.plugin_formats import readable
from funnelflow.ingest.record_parsers import bind_parser
from funnelflow.ingest.row_handlers import ContactHandler, EventHandler
from funnelflow.ingest.row_parser import ParsedRow, RowParser
from funnelflow.storage.context import Context

Reading = Literal["said", "guessed", "constant", "rule", "history", "facts"]
"""Why something is read: somebody said so, by its name, the same in every row, by what other
columns say, as a history tells it, or as it stands in a column of facts."""


@frozen
class ExplainedCell:
    """One thing that a row says.

    Attributes:
        target: What it is: one of `TARGETS`, or a field by its bare name.
        column: Where it was read from; empty where it is in no column.
        text: What stands there.
        value: What is read of it, in the form in which it is stored; None for nothing.
        why: Why it is taken for that.
        problem: Why it cannot be read; empty where it can.
    """

    target: str
    column: str
    text: str
    value: Any
    why: Reading
    problem: str = ""


@frozen
class ExplainedRow:
    """What a row says.

    Attributes:
        line: The line on which it begins.
        left_out: Whether the mapping leaves it out.
        problem: Why it cannot be read at all; empty where it can.
        cells: What it says.
    """

    line: int
    left_out: bool = False
    problem: str = ""
    cells: tuple[ExplainedCell, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as data."""
        return asdict(self)


def explain_file(
    context: Context, name: str, options: FileOptions, *, contacts: bool, rows: int = 3
) -> tuple[Matched, list[ExplainedRow]]:
    """Return what the columns of a file are taken for, and what its first rows say.

    Args:
        context: The workspace.
        name: The file.
        options: How it is to be read.
        contacts: Whether it is of contacts, as for `import`; else of events.
        rows: How many rows.

    Raises:
        Error: As `apply_file` does.
    """
    handler = ContactHandler(options, "both") if contacts else EventHandler(options, create=True)
    with readable(context.plugins, name, options.form) as file:
        if file.table:
            mapping = evolve(options.mapping, text_facts=True)
            handler.options = evolve(options, mapping=mapping)
        with open_input(file.path, file.form, shown=name, table=file.table) as opened:
            columns, kind = opened.reader.columns, opened.reader.format
            matched = match_input(context, columns, kind, handler)
            timezone = store_for(context, options).settings.timezone
            handler.bind(matched, timezone)
            parser = bind_parser(matched, columns, kind)
            reader = _RowReader(matched, parser, columns, timezone)
            batches = opened.reader.batches(rows)
            found = [row for batch in islice(batches, 1) for row in reader.rows(batch)]
    return matched, found[:rows]


@frozen
class _RowReader:
    """Explains the rows of one file."""

    matched: Matched
    parser: RowParser
    columns: tuple[str, ...]
    timezone: Any

    def rows(self, batch: Any) -> Iterator[ExplainedRow]:
        """Yield what the rows of a batch say, those that are no rows with why."""
        rejected = [ExplainedRow(one.line, problem=one.reason) for one in batch.rejected]
        read = [self.row(line, record) for line, record in batch.rows]
        yield from sorted([*read, *rejected], key=lambda row: row.line)

    def row(self, line: int, record: Any) -> ExplainedRow:
        """Return what a row says."""
        try:
            parsed = self.parser.parse(record)
        except RowError as error:
            return ExplainedRow(line, problem="; ".join(f.reason for f in error.faults))
        if parsed is None:
            return ExplainedRow(line, left_out=True)
        return ExplainedRow(line, cells=tuple(self.cells(record, parsed)))

    def cells(self, record: Any, parsed: ParsedRow) -> Iterator[ExplainedCell]:
        """Yield what a row says, in the order of targets, then of fields."""
        for target in TARGETS:
            if target != "facts" and (text := getattr(parsed, target)):
                yield self.cell(record, target, text)
        for name, text in parsed.cells.items():
            yield self.fact(record, name, text)
        for name, value in parsed.facts.items():
            yield self.fact(record, name, value)

    def cell(self, record: Any, target: str, value: Any, problem: str = "") -> ExplainedCell:
        """Return one thing that a row says, with where it comes from."""
        mapping = self.matched.mapping
        why: Reading = "constant"
        sources = mapping.sources(target)
        if any(target in rule.sets for rule in mapping.rows):
            why = "rule"
        elif sources:
            why = next((m.how for m in self.matched.matches if m.target == target), "said")
        elif target not in mapping.constants:
            why = "history" if mapping.sources("history.field") else "facts"
        texts = {name: self.text(record, name) for name in sources}
        said = {name: text for name, text in texts.items() if text}
        shown = target.removeprefix(FIELD)
        column, text = " + ".join(said or sources[:1]), " ".join(said.values())
        return ExplainedCell(shown, column, text, value, why, problem)

    def fact(self, record: Any, name: str, value: Any) -> ExplainedCell:
        """Return a fact, read by the type of its field."""
        target, field = field_target(name), self.matched.fields.get(name)
        if field is None:
            return self.cell(record, target, None, f"there is no field {name!r}")
        try:
            return self.cell(record, target, self.value(field, value))
        except FieldError as error:
            hint = f" ({error.hint})" if error.hint else ""
            return self.cell(record, target, None, f"{error.message}{hint}")

    def value(self, field: Field, value: Any) -> Any:
        """Return what a fact is stored as."""
        mapping = self.matched.mapping
        if isinstance(value, str) and (field.type.name != "text" or is_written(field, value)):
            value = cell_reader(field, mapping, self.timezone)(value)
        else:
            value = field.normalise(value, self.timezone)
        return None if value is None else dump_value(value)

    def text(self, record: Any, name: str) -> str:
        """Return what stands in a column."""
        if isinstance(record, Mapping):
            found: Any = record
            for part in [name] if name in record else name.split("."):
                found = found.get(part) if isinstance(found, Mapping) else None
            return "" if found is None else str(found)
        return str(record[self.columns.index(name)]) if name in self.columns else ""
