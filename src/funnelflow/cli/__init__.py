"""The command line: one thin module per group of commands, and how answers are drawn.

`main` is all there is to call. Commands are imported when they are used, so that asking
for help costs little more than importing click.
"""

from funnelflow.cli.app import main

__all__ = ["main"]
