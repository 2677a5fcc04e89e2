"""A definition of 1,000 stages and 5,000 transitions: read whole, and faults in it exact."""

import pytest

from funnelflow.definition import read_definition

from .support import told

STAGES, TRANSITIONS = 1_000, 5_000
EVENTS = ("form", "call", "mail", "met", "sold")


def lines():
    """Write the definition, each transition in five lines."""
    yield "funnel: large"
    yield "fields: {budget: number, score: integer}"
    yield f"events: {{{', '.join(f'{event}: ' for event in EVENTS)}}}"
    yield "initial: s0"
    yield "stages:"
    yield from (f"  s{number}:" for number in range(STAGES))
    yield "transitions:"
    for number in range(TRANSITIONS):
        source, step = number % STAGES, number // STAGES
        yield f"  - from: s{source}"
        yield f"    to: s{(source + step + 1) % STAGES}"
        yield f"    on: {EVENTS[step]}"
        yield "    require:"
        yield f"      - Enough: contact.budget >= {number} && contact.score > {number}"


@pytest.fixture(scope="module")
def written():
    return list(lines())


def test_it_is_read_and_linked(written, tmp_path):
    path = tmp_path / "large.yaml"
    path.write_text("\n".join(written))
    reading = read_definition(path)
    assert reading.problems == ()
    assert len(reading.linked.transitions) == TRANSITIONS
    assert len(reading.linked.leaves) == STAGES


def test_faults_in_it_are_reported_where_they_stand(written, tmp_path):
    changed = list(written)
    places = {}
    for number, (before, after, part, code) in {
        17: ("  s10:", "  s10: {typ: won}", "typ", "F101"),
        3_006: ("s400", "s40O", "s40O", "F203"),
        15_007: ("s801", "s8O1", "s8O1", "F203"),
        25_010: ("contact.score", "contact.scoer", "scoer", "E130"),
    }.items():
        at = next(i for i in range(number - 2, number + 12) if before in written[i])
        changed[at] = written[at].replace(before, after)
        column = changed[at].index(part) + 1
        places[f"{at + 1}:{column}-{column + len(part)} {code}"] = after
    path = tmp_path / "large.yaml"
    path.write_text("\n".join(changed))
    assert [told(p) for p in read_definition(path).problems] == list(places)
