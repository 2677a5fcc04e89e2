"""The same input gives the same history, whichever database holds it."""

import datetime as dt
from functools import partial
from itertools import count
from pathlib import Path

from attrs import evolve
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from funnelflow.storage.changes import Change
from funnelflow.storage.unit_of_work import UnitOfWork
from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, PIPELINE, T0

NOW = T0 + 10_000 * DAY
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "email": st.none() | TEXTS,
        "budget": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "authority": st.none() | st.booleans(),
        "replies": st.integers(-(2**63), 2**63 - 1),
        "met_on": st.datetimes(timezones=st.just(dt.UTC)),
        "pause": st.timedeltas(dt.timedelta(-(10**5)), dt.timedelta(10**5)),
        "tags": st.lists(TEXTS, max_size=3),
    },
)
REQUESTS = st.builds(
    Change,
    contact_id=st.sampled_from(["ada", "Bob", "åsa", "客户"]),
    event=st.sampled_from(["subscribed", "replied", "called", "signed", "gave_up", "set"]),
    at=st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2030, 1, 1), timezones=st.just(dt.UTC)),  # noqa: DTZ001
    facts=FACTS,
    actor=st.sampled_from(["", "grace"]),
    create=st.just(True),
)  # fmt: skip
MOVES = st.builds(
    Change,
    contact_id=st.sampled_from(["ada", "Bob"]),
    event=st.just("move"),
    at=st.none() | st.just(T0),
    facts=FACTS,
    to=st.sampled_from(["lead", "lead.warm", "prospect", "customer", "lost"]),
    create=st.just(True),
)


def test_chunks_and_single_changes_give_the_same_history_on_both(tmp_path, new_schema):
    places = (tmp_path / str(number) for number in count())

    @settings(
        max_examples=8,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(story=st.lists(REQUESTS | MOVES, min_size=1, max_size=25))
    def check(story):
        outcomes = [
            tell(next(places), database, chunks)
            for database, chunks in (
                ("funnelflow.db", [story]),
                (new_schema(), [story]),
                (new_schema(), [[request] for request in story]),
            )
        ]
        assert outcomes[0][0]
        assert outcomes[1:] == outcomes[:1] * 2

    check()


def tell(directory: Path, database: str, chunks: list[list[Change]]) -> tuple[list, list]:
    """Tell a story in a new workspace, and give its history and its contacts."""
    directory.mkdir()
    (directory / "pipeline.yaml").write_text(PIPELINE)
    with Workspace.create(directory, "pipeline", database=database, clock=lambda: NOW) as made:
        for requests in chunks:
            made.context.transact(partial(take, requests=requests))
        made.tick(NOW)
        assert made.verify().is_sound
        rows = made.history(limit=1000).rows
        return [evolve(row, id=0, digest="") for row in rows], list(made.list())


def take(chunk: UnitOfWork, requests: list[Change]) -> None:
    """Take requests as one chunk."""
    chunk.load([request.contact_id for request in requests])
    for request in requests:
        chunk.take(request)
    chunk.write()
