"""What tests need: a pytest plugin, contract suites, a clock and a receiver of webhooks.

The fixtures come by themselves once funnelflow is installed (see `pytest_plugin`). Everything here
is imported when it is first used, because each helper needs its own tools and pytest loads
the plugin in every project of the environment::

    from funnelflow.testing import CriterionContract, FrozenClock
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

_WHERE = {
    "Answer": "fixtures",
    "CriterionContract": "contracts",
    "Example": "contracts",
    "FrozenClock": "fixtures",
    "NotifierContract": "contracts",
    "Received": "fixtures",
    "Receiver": "fixtures",
    "StoreContract": "contracts",
    "WorkspaceMaker": "fixtures",
    "example_message": "contracts",
}


def __getattr__(name: str) -> Any:
    """Import a helper when it is first used."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
