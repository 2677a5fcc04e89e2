"""The fold over Arrow tables: the stays and positions of the engine, whatever they come in."""

import datetime as dt
import json

import duckdb
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

import funnelflow.arrow as ff
from funnelflow.engine import Event, Funnel
from funnelflow.engine.story import VOID, StoryRow, fold_story
from funnelflow.errors import FieldError, UnknownNameError, UsageError

from ..engine.test_laws import funnel_of
from ..engine.worlds import HOUR, T0, definitions, stories
from ..funnels import DAY, DEALS, PIPELINE

COLUMNS = ("contact", "event", "at", "actor", "roles", "facts", "to_stage", "reason", "force")


@pytest.fixture
def pipeline(tmp_path):
    """Give the file of a definition."""
    path = tmp_path / "pipeline.yaml"
    path.write_text(PIPELINE, encoding="utf-8")
    return path


def row(contact: str, event: Event) -> dict[str, object]:
    facts = {name: _json(value) for name, value in event.facts.items()}
    said = (event.actor, list(event.roles), json.dumps(facts), event.to, event.reason, event.force)
    return dict(zip(COLUMNS, (contact, event.name, event.at, *said), strict=True))


def _json(value):
    return value.isoformat() if isinstance(value, dt.datetime) else value


def table(rows: list[dict[str, object]]) -> pa.Table:
    types = [("at", pa.timestamp("us", "UTC")), ("roles", pa.list_(pa.string()))]
    kinds = dict(types) | {"force": pa.bool_()}
    names = list(rows[0]) if rows else list(COLUMNS)
    return pa.table({n: pa.array([r[n] for r in rows], kinds.get(n, pa.string())) for n in names})


def told(*rows: tuple[str, str, float] | tuple[str, str, float, dict[str, object]]) -> pa.Table:
    """Make a table of contact, event, day and facts."""
    return pa.table(
        {
            "contact": [r[0] for r in rows],
            "event": [r[1] for r in rows],
            "at": pa.array([T0 + r[2] * DAY for r in rows], pa.timestamp("us", "UTC")),
            "facts": [json.dumps(r[3]) if len(r) > 3 else None for r in rows],
        }
    )


@given(
    definitions(),
    st.lists(stories(moves=("s0", "s1")), max_size=4),
    st.none() | st.integers(0, 900),
    st.randoms(use_true_random=False),
)
def test_stays_and_positions_are_those_of_the_engine_in_any_order(definition, told, hours, random):
    funnel = funnel_of(definition)
    until = None if hours is None else T0 + hours * HOUR
    people = {f"c{n}": story for n, story in enumerate(told)}
    rows = [row(name, event) for name, story in people.items() for event in story]
    instants = {(r["contact"], r["at"]) for r in rows}
    if len(instants) == len(rows):  # rows of one instant keep their order
        random.shuffle(rows)
    expected = {
        name: fold_story(funnel, name, [StoryRow(n, e) for n, e in enumerate(story)], until)
        for name, story in people.items()
    }
    found = {"stays": [], "positions": []}
    for name, batch in ff.fold(funnel, table(rows), tuple(found), at=until):
        found[name] += batch.to_pylist()
    stays, positions = found["stays"], found["positions"]
    assert [(s["contact"], s["stage"], s["entered"], s["left"], s["cause"]) for s in stays] == [
        (name, s.stage, s.entered, s.left, s.cause)
        for name, story in expected.items()
        for s in story.stays
    ]
    assert [(p["contact"], p["stage"], p["since"], p["clock"]) for p in positions] == [
        (name, story.contact.stage, story.contact.since, story.contact.clock)
        for name, story in expected.items()
        if story.stays
    ]


@given(definitions(), stories(moves=("s0", "s1")))
def test_decisions_say_what_became_of_each_row(definition, story):
    funnel = funnel_of(definition)
    found = ff.decisions(funnel, table([row("ada", event) for event in story])).read_all()
    expected = fold_story(funnel, "ada", [StoryRow(n, e) for n, e in enumerate(story)])
    decided = {d["arrival"]: d for d in found.to_pylist()}
    assert {n: d["outcome"] for n, d in decided.items()} == {
        n: outcome.outcome for n, outcome in expected.outcomes.items()
    }
    stages = [d["after_stage"] for d in found.to_pylist()]
    assert stages[-1:] == ([expected.contact.stage] if story else [])
    for one in decided.values():
        assert (one["outcome"] == "refused") >= bool(one["unmet"])


def test_a_refused_move_says_what_is_unmet(pipeline):
    asked = table(
        [
            row("ada", Event("subscribed", T0, {"email": "ada@example.com"})),
            row("ada", Event("move", T0 + DAY, {"budget": 10}, to="prospect")),
        ]
    )
    (*_, refused) = ff.decisions(pipeline, asked).read_all().to_pylist()
    assert (refused["outcome"], refused["before_stage"]) == ("refused", "lead.fresh")
    assert [u["criterion"] for u in refused["unmet"]] == [
        "Budget is at least 5,000",
        "Talks to the decider",
    ]


def test_a_void_takes_rows_back(pipeline):
    evidence = told(("ada", "subscribed", 0, {"email": "a@b.de"}), ("ada", "gave_up", 1))
    assert ff.positions(pipeline, evidence).read_all()["stage"].to_pylist() == ["lost"]
    void = pa.table(
        {
            "contact": ["ada"],
            "event": [VOID],
            "at": pa.array([T0 + 9 * DAY], pa.timestamp("us", "UTC")),
            "voids": pa.array([[1]], pa.list_(pa.int64())),
        }
    )
    both = pa.concat_tables([evidence, void], promote_options="default")
    assert ff.positions(pipeline, both).read_all()["stage"].to_pylist() == ["lead.fresh"]


def test_evidence_comes_in_whatever_arrow_can_read(pipeline, tmp_path):
    evidence = told(
        ("bob", "subscribed", 0, {"email": "bob@example.com"}),
        ("ada", "subscribed", 0, {"email": "ada@example.com"}),
        ("ada", "replied", 1),
        ("ada", "replied", 2),
    )
    pa.parquet.write_table(evidence, tmp_path / "evidence.parquet")
    (tmp_path / "parts").mkdir()
    for number in range(4):
        part = tmp_path / "parts" / f"{number}.parquet"
        pa.parquet.write_table(evidence.slice(number, 1), part)
    expected = [("ada", "lead.warm"), ("bob", "lead.fresh")]
    with duckdb.connect() as connection:
        connection.register("told", evidence)
        sources = [
            evidence,
            evidence.to_reader(max_chunksize=1),
            tmp_path / "evidence.parquet",
            str(tmp_path / "parts"),
            pyarrow.dataset.dataset(evidence),
            connection.sql("SELECT * FROM told"),
        ]
        for source in sources:
            found = ff.positions(pipeline, source).read_all()
            pairs = zip(found["contact"].to_pylist(), found["stage"].to_pylist(), strict=True)
            assert list(pairs) == expected, source
    with pytest.raises(UsageError, match="no evidence that Arrow can read"):
        ff.positions(pipeline, 5)


def test_facts_come_as_json_as_a_struct_as_a_map_or_as_columns(pipeline):
    asked = [{"email": "ada@example.com", "budget": 9000.0, "authority": True}, None]
    rows = {
        "contact": ["ada", "ada"],
        "event": ["subscribed", "called"],
        "at": pa.array([T0, T0 + DAY], pa.timestamp("us", "UTC")),
    }
    wide = {
        "email": ["ada@example.com", None],
        "budget": [9000.0, None],
        "authority": [True, None],
        "of_no_interest": [1, 2],
    }
    for facts in (
        {"facts": [json.dumps(asked[0]), None]},
        {"facts": asked},
        wide,
        {**wide, "email": pa.array(wide["email"]).dictionary_encode()},
    ):
        found = ff.positions(pipeline, pa.table({**rows, **facts})).read_all().to_pylist()
        assert [p["stage"] for p in found] == ["prospect"], facts
        assert json.loads(found[0]["fields"])["budget"] == 9000
    text = pa.MapArray.from_arrays([0, 1, 1], ["email"], ["ada@example.com"])
    found = ff.positions(pipeline, pa.table({**rows, "facts": text})).read_all()
    assert found["stage"].to_pylist() == ["lead.fresh"]


def test_bad_rows_go_to_a_second_output_with_reasons_and_the_others_count(pipeline):
    evidence = pa.table(
        {
            "entity": ["ada", None, "bob", "ada", "ada", "ada", "cy"],
            "event": ["subscribed", "replied", "replied", "sang", None, "set", "subscribed"],
            "at": [
                "2026-03-01",
                "2026-03-01",
                "soon",
                "2026-03-02",
                "2026-03-02",
                None,
                "2026-03-03",
            ],
            "facts": ['{"email": "a@b.de"}', None, None, None, None, None, '{"budget": "lots"}'],
        }
    )
    rejected: list[pa.RecordBatch] = []
    options = {"columns": {"entity": "contact"}, "timezone": dt.UTC}
    found = ff.positions(pipeline, evidence, rejects=rejected.append, **options).read_all()
    assert found["contact"].to_pylist() == ["ada"]
    rows = pa.Table.from_batches(rejected, ff.REJECTED).to_pylist()
    assert {r["arrival"] for r in rows} == {1, 2, 3, 4, 5, 6}
    reasons = {r["arrival"]: r["reason"] for r in rows}
    assert reasons[1] == "it has no contact"
    assert "soon" in reasons[2]
    assert "'sang'" in reasons[3]
    assert reasons[4] == "it has no event"
    assert reasons[5] == "it has no at"
    assert "budget" in reasons[6]
    with pytest.raises(FieldError, match="row 1 of the evidence"):
        ff.positions(pipeline, evidence, **options).read_all()


def test_a_row_that_is_wrong_only_for_the_fold_raises_too(pipeline):
    with pytest.raises(UnknownNameError) as caught:
        ff.fold(pipeline, told(("ada", "subscribed", 0)), ["stay"])
    assert "stays" in caught.value.hint
    with pytest.raises(FieldError, match="'sang'"):
        ff.stays(pipeline, told(("ada", "sang", 0))).read_all()


def test_a_column_that_is_lacking_is_named_and_so_is_one_that_comes_twice(pipeline):
    with pytest.raises(UsageError, match="no column 'contact'"):
        ff.stays(pipeline, pa.table({"id": ["ada"], "event": ["x"], "at": [T0]}))
    names = ["contact", "event", "at", "at"]
    twice = pa.Table.from_arrays([pa.array(["ada"])] * 4, names)
    with pytest.raises(UsageError, match="several columns 'at'"):
        ff.stays(pipeline, twice)


def test_ordered_evidence_is_held_to_its_order(pipeline):
    evidence = told(("b", "subscribed", 0), ("a", "subscribed", 0))
    with pytest.raises(UsageError, match="not sorted by contact: 'a' comes behind 'b'"):
        ff.stays(pipeline, evidence, ordered=True).read_all()


def test_several_definitions_fold_in_one_pass(pipeline, tmp_path):
    other = tmp_path / "deals.yaml"
    other.write_text(DEALS.replace("funnel: pipeline", "funnel: deals"), encoding="utf-8")
    evidence = told(("ada", "subscribed", 0, {"email": "a@b.de"}), ("ada", "opened", 1))
    found = ff.positions([pipeline, other], evidence).read_all().to_pylist()
    alone = [p for path in (pipeline, other) for p in _known_alone(path, evidence)]
    assert [(p["funnel"], p["stage"]) for p in found] == alone


def _known_alone(path, evidence):
    names = set(Funnel(ff.load_definition(path)).linked.events)
    known = evidence.filter(pa.compute.is_in(evidence["event"], pa.array(sorted(names))))
    known = known.drop_columns(["facts"]) if "subscribed" not in names else known
    return [(p["funnel"], p["stage"]) for p in ff.positions(path, known).read_all().to_pylist()]


def test_nothing_in_gives_nothing_out(pipeline):
    assert ff.stays(pipeline, told()).read_all().num_rows == 0
    assert ff.positions(pipeline, told()).schema == ff.POSITIONS
