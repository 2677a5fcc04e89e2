"""Funnels in which a prospect comes before a lead."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from attrs import field, frozen, validators

from funnelflow.definition import Definition, load_definition
from funnelflow.plugins import hookimpl
from funnelflow_prospect_first.window import WINDOW_DAYS, with_window

__all__ = ["Settings", "funnelflow_definitions", "funnelflow_settings"]

DEFINITIONS: Final = Path(__file__).parent / "definitions"
MAKER: Final = DEFINITIONS / "makers-funnel.yaml"


@frozen
class Settings:
    """What ``[plugins.prospect-first]`` may say.

    Attributes:
        window_days: Within how many days somebody must mean to buy to be a lead of a maker.
    """

    window_days: int = field(default=WINDOW_DAYS, validator=[validators.ge(1), validators.le(3650)])


@hookimpl
def funnelflow_settings() -> type:
    """Say which settings there are."""
    return Settings


@hookimpl
def funnelflow_definitions(settings: Settings) -> Iterable[Definition | Path]:
    """Offer the definitions; the maker's funnel as a record where its window is another."""
    for path in sorted(DEFINITIONS.glob("*.yaml")):
        if path == MAKER and settings.window_days != WINDOW_DAYS:
            yield with_window(load_definition(path).definition, settings.window_days)
        else:
            yield path
