"""Plugins: what they can do (`hookspecs`), how they are found, and that none does harm."""

from funnelflow.definition import CriterionProvider
from funnelflow.plugins.configuration import read_plugin_config
from funnelflow.plugins.hookspecs import hookimpl, secret
from funnelflow.plugins.host import PluginHost, load_plugins
from funnelflow.plugins.isolation import refuse_inside
from funnelflow.plugins.loading import Plugin
from funnelflow.plugins.plugin_settings import Settings, expand, read_settings, shown_settings
from funnelflow.plugins.providers import (
    BeforeTransition,
    CommandProvider,
    Committed,
    ContactCreated,
    DeliveryError,
    FormatProvider,
    Message,
    NotifierProvider,
    NumberProvider,
    WorkspaceHandle,
)

__all__ = [
    "BeforeTransition",
    "CommandProvider",
    "Committed",
    "ContactCreated",
    "CriterionProvider",
    "DeliveryError",
    "FormatProvider",
    "Message",
    "NotifierProvider",
    "NumberProvider",
    "Plugin",
    "PluginHost",
    "Settings",
    "WorkspaceHandle",
    "expand",
    "hookimpl",
    "load_plugins",
    "read_plugin_config",
    "read_settings",
    "refuse_inside",
    "secret",
    "shown_settings",
]
