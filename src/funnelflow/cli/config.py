"""``funnelflow config show``: the settings in force, and where each came from."""

import sys
from typing import Any, Final

import click

from funnelflow.cli.options import as_json, command
from funnelflow.cli.output import page_for, say, write_json
from funnelflow.cli.session import current
from funnelflow.cli.text import Line, Page, TextSpan, grid, line
from funnelflow.workspace.settings import Config, find_workspace, read_config

_ORIGINS: Final = {
    "flag": "from the command line",
    "environment": "from the environment",
    "file": "from funnelflow.toml",
    "default": "by default",
}


@click.group()
def config() -> None:
    """Show the settings and where they come from."""


@command("show", "funnelflow config show", "funnelflow config show --json")
@as_json
def show() -> int:
    """Show every setting in force and where it comes from.

    A flag wins over the environment, that over funnelflow.toml, that over the
    default. Passwords and the settings of channels are not shown.
    """
    session = current()
    settings = read_config(find_workspace(session.workspace), flags={"database": session.database})
    if session.json:
        write_json(_data(settings))
    else:
        say(config_lines(settings, page_for(sys.stdout)))
    return 0


def config_lines(settings: Config, page: Page) -> list[Line]:
    """Draw settings with their origins, who has which role, and who is notified."""
    rows = [
        [
            TextSpan(s.name, "strong"),
            TextSpan(s.shown or "(none)"),
            TextSpan(_ORIGINS[s.origin], "dim"),
        ]
        for s in settings.settings.values()
    ]
    roles = [
        [TextSpan(role, "strong"), TextSpan(", ".join(who))] for role, who in settings.roles.items()
    ]
    lines = [line(f"workspace {settings.directory}"), *grid(rows, page, indent=2)]
    notified = [
        [
            TextSpan(n.name, "strong"),
            TextSpan(f"by {n.channel}"),
            TextSpan(n.when or "every transition", "dim"),
        ]
        for n in settings.subscriptions
    ]
    for title, table in (("roles", roles), ("notify", notified)):
        if table:
            lines += [line(title), *grid(table, page, indent=2)]
    return lines


def _data(settings: Config) -> dict[str, Any]:
    return {
        "workspace": str(settings.directory),
        "settings": {
            s.name: {"value": s.shown, "origin": s.origin} for s in settings.settings.values()
        },
        "roles": {role: list(actors) for role, actors in settings.roles.items()},
        "notify": [
            {
                "name": subscription.name,
                "channel": subscription.channel,
                "when": subscription.when,
                "funnels": list(subscription.funnels),
                "fields": list(subscription.fields),
            }
            for subscription in settings.subscriptions
        ],
    }


config.add_command(show)
