"""What a definition says about a stage, its outer stages included."""

from funnelflow.definition import Linked, Stage

__all__ = ["about_of", "owner_of", "playbook_of"]


def owner_of(stage: str, linked: Linked) -> str:
    """Name who looks after contacts in a stage; an inner stage's owner comes first."""
    return next((s.owner for s in _outwards(stage, linked) if s.owner), "")


def playbook_of(stage: str, linked: Linked) -> tuple[str, ...]:
    """Give what to do for a contact in a stage; an inner stage's playbook comes first."""
    return next((s.playbook for s in _outwards(stage, linked) if s.playbook), ())


def about_of(stage: str, linked: Linked) -> str:
    """Say what a stage is; an inner stage's words come first."""
    return next((s.about for s in _outwards(stage, linked) if s.about), "")


def _outwards(stage: str, linked: Linked) -> list[Stage]:
    """List a stage and those it is nested in, innermost first; unknown names are left out."""
    parts = stage.split(".")
    names = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return [linked.stages[name] for name in names if name in linked.stages]
