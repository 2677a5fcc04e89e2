"""What tests need: a pytest plugin, contract suites, a clock and a receiver of webhooks.

The fixtures come by themselves once funnelflow is installed (see `pytest_plugin`). Everything here
is imported when it is first used, because each helper needs its own tools and pytest loads
the plugin in every project of the environment::

    from funnelflow.testing import CriterionContract, FrozenClock
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from funnelflow.testing.contracts import (
        CriterionContract,
        Example,
        NotifierContract,
        StoreContract,
        example_message,
    )
    from funnelflow.testing.fixtures import Answer, FrozenClock, Received, Receiver, WorkspaceMaker

__all__ = [
    "Answer",
    "CriterionContract",
    "Example",
    "FrozenClock",
    "NotifierContract",
    "Received",
    "Receiver",
    "StoreContract",
    "WorkspaceMaker",
    "example_message",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a helper when it is first used."""
        from funnelflow.lazy import lazy_names  # noqa: PLC0415  # pytest loads this package

        modules = {
            "contracts": "CriterionContract Example NotifierContract StoreContract example_message",
            "fixtures": "Answer FrozenClock Received Receiver WorkspaceMaker",
        }
        return lazy_names(__name__, modules)(name)
