"""The command line: one thin module per group of commands, and how answers are drawn.

`main` is all there is to call. Commands are imported when they are used, so that asking
for help costs little more than importing click. A command of a plugin is made with `command`
and `as_json`, and asks `current` for the options that all commands share.
"""

from funnelflow.cli.app import main
from funnelflow.cli.options import as_json, command
from funnelflow.cli.session import current

__all__ = ["as_json", "command", "current", "main"]
