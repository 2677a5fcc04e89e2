"""The process that `probing` starts: imports plugins, and says at each step what it calls."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from funnelflow.errors import ConfigurationError
from funnelflow.plugins import guard
from funnelflow.plugins.host import load_plugins
from funnelflow.plugins.reports import report_on

__all__ = ["main"]


class _Saying:
    """Says on a stream what begins and what comes back."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def say(self, **what: Any) -> None:
        """Write one line, at once."""
        os.write(self._descriptor, json.dumps(what).encode() + b"\n")

    def enter(self, call: guard.Call) -> int:
        """Say that a call begins."""
        self.say(enter=call)
        return 0

    def leave(self, _ticket: int) -> None:
        """Say that it has come back."""
        self.say(leave=True)


def main() -> None:
    """Look at the plugins that the only argument asks about."""
    asked = json.loads(sys.argv[1])
    saying = _Saying(os.dup(1))
    os.dup2(2, 1)  # whatever plugins write, and the processes they start, is not the answer
    guard.WATCH = saying  # type: ignore[assignment]  # the same two methods
    try:
        host = load_plugins(
            Path(asked["root"]) if asked["root"] else None,
            no_plugins=asked["no"],
            modules=asked["p"],
            tell=lambda *_: None,
        )
        saying.say(reports=[report.to_json() for report in report_on(host)])
    except ConfigurationError as error:
        saying.say(error=error.message, hint=error.hint)
    sys.stderr.flush()
    os._exit(0)  # a thread that a plugin left running must not keep anybody waiting


if __name__ == "__main__":
    main()
