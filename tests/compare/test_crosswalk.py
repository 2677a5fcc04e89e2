"""Two definitions, stage by stage, worked out from the definitions alone."""

import pytest

from funnelflow.compare import crosswalk, explore
from funnelflow.definition import load_definition, shipped_definitions
from funnelflow.engine import Funnel

NAMES = ("outreach", "dialogue", "qualified", "levels", "synonym")


@pytest.fixture(scope="module")
def funnels() -> dict[str, Funnel]:
    shipped = shipped_definitions()
    return {name: Funnel(load_definition(shipped / f"{name}.yaml")) for name in NAMES}


def test_every_story_leads_where_it_is_said_to(funnels):
    first, second = funnels["outreach"], funnels["dialogue"]
    for place, story in explore((first, second), limit=60).stories.items():
        stages = tuple(f.fold("ada", story).stage for f in (first, second))
        assert stages == place


def test_a_definition_is_the_same_as_itself(funnels):
    for name in NAMES:
        found = crosswalk(funnels[name], funnels[name], limit=60)
        reached = [cell for cell in found.cells.values() if cell.often != "never"]
        assert reached
        assert all(cell.stage == cell.other and cell.often == "always" for cell in reached)
        assert found.differences == ()


def test_turned_round_it_says_the_same(funnels):
    there = explore((funnels["outreach"], funnels["levels"]), limit=400)
    back = explore((funnels["levels"], funnels["outreach"]), limit=400)
    differ = set(there.stories) ^ {(b, a) for a, b in back.stories}
    assert len(differ) <= len(there.stories) // 10


def test_every_leaf_of_a_shipped_definition_is_reached(funnels):
    for name in NAMES:
        funnel = funnels[name]
        reached = {place[0] for place in explore((funnel, funnel)).stories}
        assert reached == set(funnel.linked.leaves)


def test_a_word_used_differently_comes_with_a_story_and_what_is_waited_for(funnels):
    found = crosswalk(funnels["outreach"], funnels["dialogue"])
    prospect = next(d for d in found.differences if (d.word, d.first) == ("prospect", "outreach"))
    assert prospect.second == "dialogue"
    assert funnels["outreach"].fold("ada", prospect.story).stage.startswith("prospect")
    assert funnels["dialogue"].fold("ada", prospect.story).stage == prospect.stage
    assert prospect.waits_for


def test_a_limit_is_admitted(funnels):
    assert not crosswalk(funnels["outreach"], funnels["dialogue"], limit=5).is_complete
