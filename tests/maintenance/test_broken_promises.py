"""Who breaks a promise of a definition now: forced into a stage, or without what it needs."""

from ..funnels import DAY, T0

PROMISE = """
always:
  - A prospect has a budget: {stage: prospect, needs: contact.budget >= 5000}
"""


def promising(directory):
    """Let the funnel promise something, and take out whom it does not hold of."""
    file = directory / "pipeline.yaml"
    poor = "'!(has(contact.budget) && contact.budget >= 5000)'"
    out = f"  - {{from: prospect, to: lead, require: [Poor: {poor}]}}\n"
    file.write_text(file.read_text().rstrip("\n") + "\n" + out + PROMISE)
    return file


def test_whoever_breaks_a_promise_is_counted_and_named(workspace, directory, clock):
    clock.now = T0 + DAY
    file = promising(directory)
    workspace.adopt(file)
    for number in range(5):
        workspace.add(f"c{number}", {"email": "ada@example.com"}, at=T0)
        workspace.move(f"c{number}", "prospect", force=True, reason="known", roles=["boss"])
    workspace.add("rich", {"email": "ada@example.com", "budget": 9000}, at=T0)
    workspace.move("rich", "prospect", force=True, reason="known", roles=["boss"])
    (found,) = workspace.broken_promises()
    assert (found.funnel, found.label, found.stage) == (
        "pipeline",
        "A prospect has a budget",
        "prospect",
    )
    assert (found.count, found.examples) == (5, ("c0", "c1", "c2"))
    workspace.set("c0", {"budget": 9000})
    workspace.set("c1", {"budget": 10})
    (found,) = workspace.broken_promises()
    assert found.examples == ("c2", "c3", "c4")
    assert workspace.contact("c1").contact.stage == "lead.fresh"
