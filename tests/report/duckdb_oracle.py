"""The numbers of a report counted by SQL in DuckDB, from a table of events alone.

In the definition that goes with it every event is a stage that is entered from everywhere, so the
stays are the events in order, those that repeat the one before left out. Nothing of funnelflow is
used here but the names of the numbers.
"""

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

NEW = "new"


def definition(name, stages, won, lost, fields):
    """Write a definition in which every event leads to the stage of its name from all others."""
    every = [NEW, *stages]
    types = {**dict.fromkeys(won, "won"), **dict.fromkeys(lost, "lost")}
    lines = [f"funnel: {name}", "version: 1", f"initial: {NEW}", "fields:"]
    lines += [f"  {field}: {kind}" for field, kind in fields.items()] or ["  none: text"]
    lines += ["events:", *(f"  {stage}: {{}}" for stage in stages), "stages:"]
    lines += [
        f"  {stage}: {{type: {types[stage]}}}" if stage in types else f"  {stage}: {{}}"
        for stage in every
    ]
    lines += ["transitions:"]
    for stage in stages:
        others = ", ".join(other for other in every if other != stage)
        lines.append(f"  - {{from: [{others}], to: {stage}, on: {stage}}}")
    return "\n".join(lines) + "\n"


class Oracle:
    """Counts events.

    Args:
        events: (contact, stage, moment), in the order of their arrival.
        stages: The stages in order, without the first.
        won: The won ones.
        lost: The lost ones.
        now: The moment of the report.
        zone: The zone of its months.
        values: The source of each contact, where it is known; None for no such field.
    """

    def __init__(self, events, stages, won, lost, now, zone="UTC", values=None):
        self.db = duckdb.connect()
        self.now, self.zone, self.values = now.astimezone(dt.UTC).replace(tzinfo=None), zone, values
        self.steps = [stage for stage in (NEW, *stages) if stage not in lost]
        self.found = {}
        self._load(events, stages, won, lost)
        self._stays()

    def _load(self, events, stages, won, lost):
        zone = ZoneInfo(self.zone)
        rows = [
            (contact, stage, at.astimezone(dt.UTC).replace(tzinfo=None), n, month(at, zone))
            for n, (contact, stage, at) in enumerate(events)
        ]
        self.db.execute(
            "CREATE TABLE ev(id TEXT, stage TEXT, ts TIMESTAMP, arrival INT, month INT)"
        )
        self._insert("ev", rows)
        kinds = {**dict.fromkeys(won, "won"), **dict.fromkeys(lost, "lost")}
        self.db.execute("CREATE TABLE stage(stage TEXT, place INT, kind TEXT, step INT)")
        steps = {stage: n for n, stage in enumerate(self.steps)}
        self._insert(
            "stage",
            [
                (stage, n, kinds.get(stage, "open"), steps.get(stage))
                for n, stage in enumerate((NEW, *stages))
            ],
        )
        self.this_month = month(self.now.replace(tzinfo=dt.UTC), zone)

    def _insert(self, table, rows):
        columns = [f"c{n}" for n in range(len(rows[0]))]
        told = pa.table(dict(zip(columns, zip(*rows, strict=True), strict=True)))
        self.db.register("told_rows", told)
        self.db.execute(f"INSERT INTO {table} SELECT * FROM told_rows")
        self.db.unregister("told_rows")

    def _stays(self):
        """Make the table of stays, and that of the first entries into steps."""
        self.db.execute(
            """
            CREATE TABLE stay AS
            WITH told AS (
              SELECT *, lag(stage) OVER w AS before, row_number() OVER w AS n FROM ev
              WINDOW w AS (PARTITION BY id ORDER BY ts, arrival)
            ), entered AS (
              SELECT id, stage, ts, month, n FROM told WHERE before IS DISTINCT FROM stage
              UNION ALL SELECT id, 'new', ts, month, 0 FROM told WHERE n = 1
            )
            SELECT e.*, lead(e.ts) OVER w AS left_at, lead(e.stage) OVER w AS next,
              s.place, s.kind, s.step
            FROM entered e JOIN stage s USING (stage) WINDOW w AS (PARTITION BY id ORDER BY n)
            """
        )
        self.db.execute(
            """
            CREATE TABLE who AS SELECT id, min(ts) AS ts, min(month) AS month,
              arg_max(stage, n) AS stage, max(step) AS deepest FROM stay GROUP BY id
            """
        )

    def rows(self, query, *parameters):
        """Return the rows of a query."""
        return self.db.execute(query, parameters).fetchall()

    def count(self, name, query, *parameters):
        """Note numbers by name: the query gives what the pattern lacks, and then the count."""
        for *parts, value in self.rows(query, *parameters):
            self.found[name.format(*parts)] = value

    def lengths(self, name, query):
        """Note lengths of time in days: the query gives what the pattern lacks, and the length."""
        width = name.count("{}")
        names = [f"c{n}" for n in range(width)]
        said = self.rows(
            f"SELECT {', '.join([*names, ''])} count(*), "
            "quantile_cont(days, [0.25, 0.5, 0.75, 0.9]) "
            f"FROM ({query}) AS t({', '.join([*names, 'days'])}) "
            + (f"GROUP BY {', '.join(names)}" if names else "")
        )
        for *parts, value, quantiles in said:
            self.found[name.format(*parts)] = (value, *quantiles)

    def all(self):
        """Return every number by its name."""
        self._standing()
        self._conversion()
        self._periods()
        self._times()
        self._moves()
        return self.found

    def _standing(self):
        self.count("contacts", "SELECT count(*) FROM who")
        self.count("stage/{}", "SELECT stage, count(*) FROM who GROUP BY 1")
        self.count("now/{}", "SELECT kind, count(*) FROM who JOIN stage USING (stage) GROUP BY 1")
        start = self.month_start(self.this_month)
        self.count(
            "stage-before/{}",
            "SELECT stage, count(*) FROM (SELECT arg_max(stage, n) AS stage FROM stay "
            "WHERE ts < ? GROUP BY id) GROUP BY 1",
            start,
        )
        if self.values is not None:
            self._sources()

    def _sources(self):
        kinds = self.rows("SELECT id, kind FROM who JOIN stage USING (stage)")
        for contact, kind in kinds:
            name = f"source/={self.values[contact]}" if contact in self.values else "source/unknown"
            self.found[name] = self.found.get(name, 0) + 1
            self.found[f"{name}/won"] = self.found.get(f"{name}/won", 0) + (kind == "won")

    def month_start(self, number):
        """Return when a month begins, in UTC."""
        first = dt.datetime(number // 12, number % 12 + 1, 1, tzinfo=ZoneInfo(self.zone))
        return first.astimezone(dt.UTC).replace(tzinfo=None)

    def _conversion(self):
        self.db.execute(
            "CREATE TABLE reach AS SELECT id, 0 AS k, min(ts) AS ts FROM stay "
            "WHERE step = 0 GROUP BY id"
        )
        self.db.execute(
            "CREATE TABLE turn AS SELECT id, 0 AS k, min(n) AS n FROM stay "
            "WHERE step = 0 GROUP BY id"
        )
        for k, stage in enumerate(self.steps):
            if k:
                for table, column in (("reach", "ts"), ("turn", "n")):
                    sign = ">=" if column == "ts" else ">"
                    self.db.execute(
                        f"INSERT INTO {table} SELECT s.id, ?, min(s.{column}) FROM stay s "
                        f"JOIN {table} r ON r.id = s.id AND r.k = ? "
                        f"WHERE s.step = ? AND s.{column} {sign} r.{column} GROUP BY s.id",
                        [k, k - 1, k],
                    )
            self.count(f"passed/{stage}", "SELECT count(*) FROM who WHERE deepest >= ?", k)
            self.count(f"touched/{stage}", "SELECT count(DISTINCT id) FROM stay WHERE step = ?", k)
            self.count(
                f"any-order/{stage}",
                "SELECT count(*) FROM (SELECT id FROM stay WHERE step <= ? GROUP BY id "
                "HAVING count(DISTINCT step) = ?)",
                k,
                k + 1,
            )
            self.count(f"in-order/{stage}", "SELECT count(*) FROM reach WHERE k = ?", k)
            self.count(f"by-arrival/{stage}", "SELECT count(*) FROM turn WHERE k = ?", k)
            self.count(
                f"reentered/{stage}",
                "SELECT count(*) - count(DISTINCT id) FROM stay WHERE step = ?",
                k,
            )

    def _periods(self):
        self.db.execute(
            "CREATE TABLE first AS SELECT id, s.step, min(t.ts) AS ts, arg_min(t.month, t.ts) AS "
            "month FROM stay t JOIN stage s ON s.step <= t.step GROUP BY ALL"
        )
        self.db.execute(
            "CREATE TABLE ended AS SELECT id, kind, min(ts) AS ts, arg_min(month, ts) AS month "
            "FROM stay WHERE kind <> 'open' GROUP BY ALL"
        )
        label = "printf('%d-%02d', {0} // 12, {0} % 12 + 1)"
        own, event = label.format("who.month"), label.format("month")
        self.count("cohort/{}", f"SELECT {own}, count(*) FROM who GROUP BY 1")
        self.count("trend/{}/entered", f"SELECT {own}, count(*) FROM who GROUP BY 1")
        self.count(
            "cohort/{}/{}",
            f"SELECT {own}, s.stage, count(*) FROM who JOIN first USING (id) "
            "JOIN stage s ON s.step = first.step GROUP BY 1, 2",
        )
        self.count(
            "cohort/{}/won/{}",
            f"SELECT {own}, e.month - who.month, count(*) FROM who JOIN ended e USING (id) "
            "WHERE e.kind = 'won' GROUP BY 1, 2",
        )
        self.count(
            "trend/{}/{}",
            f"SELECT {label.format('first.month')}, stage, count(*) FROM first "
            "JOIN stage s ON s.step = first.step GROUP BY 1, 2",
        )
        self.count("trend/{}/{}", f"SELECT {event}, kind, count(*) FROM ended GROUP BY 1, 2")

    def _times(self):
        days = "(epoch_us({1}) - epoch_us({0})) / 86400e6"
        spent = days.format("ts", "left_at")
        done = "FROM stay WHERE left_at IS NOT NULL"
        self.lengths("latest/{}", f"SELECT stage, arg_max({spent}, n) {done} GROUP BY id, stage")
        self.lengths("cumulative/{}", f"SELECT stage, sum({spent}) {done} GROUP BY id, stage")
        self.lengths(
            "forward/{}",
            f"SELECT t.stage, {days.format('t.ts', 't.left_at')} FROM stay t "
            "JOIN stage s ON s.stage = t.next WHERE s.kind <> 'lost' AND s.place > t.place",
        )
        for before, after in pairwise(self.steps):
            first = "(SELECT id, arg_min(ts, n) AS ts FROM stay WHERE stage = '{}' GROUP BY id)"
            between = (
                f"SELECT {days.format('a.ts', 'b.ts')} AS days FROM {first.format(before)} a "
                f"JOIN {first.format(after)} b USING (id)"
            )
            self.lengths(f"time/{before}/{after}", between)
            self.count(
                f"negative/{before}/{after}", f"SELECT count(*) FROM ({between}) WHERE days < 0"
            )
        age = f"(epoch_us(TIMESTAMP '{self.now}') - epoch_us(ts)) / 86400e6"
        now_in = "FROM stay WHERE left_at IS NULL AND kind = 'open'"
        self.lengths("age/{}", f"SELECT stage, {age} {now_in}")
        for stage, limit in [
            (stage, self.found[f"forward/{stage}"][4])
            for stage in self.steps
            if f"forward/{stage}" in self.found
        ]:
            if limit >= 1:
                self.count(
                    f"ageing/{stage}",
                    f"SELECT count(*) {now_in} AND stage = ? AND {age} > ?",
                    stage,
                    limit,
                )
        self.lengths(
            "survival/won",
            f"SELECT {days.format('who.ts', 'e.ts')} FROM who JOIN ended e USING (id) "
            "WHERE kind = 'won'",
        )

    def _moves(self):
        self.count(
            "flow/{}/{}",
            "SELECT stage, next, count(*) FROM stay WHERE next IS NOT NULL GROUP BY 1, 2",
        )
        self.db.execute(
            "CREATE TABLE back AS SELECT t.id, t.kind FROM stay t JOIN stage s ON s.stage = t.next "
            "WHERE s.kind <> 'lost' AND (t.kind <> 'open' AND s.kind = 'open' "
            "OR t.kind <> 'lost' AND s.place < t.place)"
        )
        self.count("backward-moves", "SELECT count(*) FROM back")
        self.count("backward", "SELECT count(DISTINCT id) FROM back")
        self.count("recycled", "SELECT count(DISTINCT id) FROM back WHERE kind = 'lost'")


def month(at, zone):
    """Return the month of a moment in a zone, counted from the year 0."""
    local = at.astimezone(zone)
    return local.year * 12 + local.month - 1
