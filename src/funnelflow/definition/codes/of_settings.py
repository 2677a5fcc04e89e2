"""Codes of what a workspace says about whom it tells: F7."""

from funnelflow.definition.codes.code import error, warning

__all__ = ["SETTINGS"]

SETTINGS = (
    error(
        "F701",
        "a `[[notify]]` that is not understood",
        "A `[[notify]]` of `funnelflow.toml` has a `channel`, and may have `name`, `when`, "
        "`funnels`, `fields`, `source` and a table `[notify.settings]` for what belongs to the "
        "channel. Each endpoint has a name of its own; without `name` it is that of its channel.",
    ),
    error(
        "F702",
        "no such notifier",
        "`channel` names a notifier: `log` and `command` are built in, others come with plugins. "
        "`funnelflow plugins list` shows which are installed and switched on.",
    ),
    error(
        "F703",
        "a setting that the notifier does not take",
        "A setting under `[notify.settings]` is unknown, missing, or of another kind. `funnelflow "
        "plugins show NAME` lists what a plugin's notifier takes. Values are not shown, since they "
        "may be secrets.",
    ),
    error(
        "F704",
        "no such funnel",
        "`funnels` keeps an endpoint to the contacts of some funnels, and there is no funnel of "
        "this name in the workspace, in a plugin, or among those that ship.",
    ),
    error(
        "F705",
        "a field that nobody is told of",
        "`fields` lists the fields of a contact that may be told, and none of the funnels that "
        "the endpoint is for has a field of this name.",
    ),
    error(
        "F706",
        "the settings of the workspace cannot be used",
        "`funnelflow.toml` says something, apart from `[[notify]]`, that is not understood. "
        "Nothing works in the workspace before that is corrected.",
    ),
    warning(
        "F707",
        "a variable that is not set here",
        "A setting names a variable of the environment, as `${NAME}`, so that a secret need not "
        "stand in the file, and here there is no such variable. Where only files are checked that "
        "does no harm; `funnelflow deliver` needs it.",
    ),
    error(
        "F708",
        "a plugin that cannot be used",
        "A plugin of this workspace cannot be imported, has hooks that do not fit, or its settings "
        "under `[plugins.NAME]` are not in order. Its criteria are closed and its vetoes are not "
        "heard while that is so. `funnelflow plugins show NAME` shows everything about it; "
        "`required` under `[plugins]` keeps everybody from writing without it.",
    ),
)
