"""What the tests of notifications share: a funnel, a notifier that remembers, a workspace."""

import threading

from attrs import frozen

from funnelflow.notify import Deliverer, Pace, open_endpoints
from funnelflow.plugins import NotifierProvider, PluginHost, hookimpl
from funnelflow.storage.outbox import Outbox
from funnelflow.testing import FrozenClock
from funnelflow.workspace.workspace import Workspace

PIPELINE = """\
funnel: pipeline
version: 3
initial: new
fields: {email: text, budget: number, seen: timestamp}
events: {asked: {}, signed: {}, reset: {}}
stages: {new: {}, talking: {}, customer: {type: won}}
transitions:
  - {from: new, to: talking, on: asked}
  - {from: talking, to: new, on: reset}
  - {from: talking, to: customer, on: signed, require: [Has money: contact.budget > 0]}
"""


@frozen
class Settings:
    token: str = ""


class Recorder:
    """A plugin with a notifier that remembers what it was given, and fails as planned.

    Attributes:
        messages: What arrived, in order, as pairs of contact and stage.
        faults: What is raised for the next messages; None lets one through.
        fault: What is raised for every message for which nothing else is planned.
    """

    def __init__(self):
        self.messages = []
        self.ids = []
        self.faults = []
        self.fault = None
        self._lock = threading.Lock()

    def send(self, message, settings):  # noqa: ARG002  # what a notifier takes
        with self._lock:
            fault = self.faults.pop(0) if self.faults else self.fault
            if fault is not None:
                raise fault
            self.messages.append((message.subject, message.data["after"]))
            self.ids.append(message.id)

    @hookimpl
    def funnelflow_notifiers(self):
        return [NotifierProvider("recorder", self.send, Settings, "Remembers.")]


def make(directory, funnel, toml, recorder, database="funnelflow.db"):
    """Make a workspace with these endpoints."""
    directory.mkdir(exist_ok=True)
    (directory / "pipeline.yaml").write_text(funnel)
    host = PluginHost()
    host.register(recorder, "recorder")
    clock = FrozenClock()
    Workspace.create(directory, "pipeline", database=database, plugins=host, clock=clock).close()
    with (directory / "funnelflow.toml").open("a") as file:
        file.write(f"\n{toml}")
    return Workspace.open(directory, plugins=host, clock=clock)


def box(workspace):
    return Outbox(workspace.engine, workspace.clock)


def worker(workspace, **pace):
    """Return a worker for every endpoint of a workspace."""
    config = workspace.config
    endpoints = open_endpoints(config.subscriptions, workspace.plugins, config.directory)
    return Deliverer(
        endpoints, box(workspace), pace=Pace(**pace) if pace else None, clock=workspace.clock
    )


def deliver(workspace, **pace):
    return worker(workspace, **pace).run()


def states(workspace):
    """List what became of messages: contact, stage, state."""
    return [(n.contact_id, n.data["after"], n.state) for n in box(workspace).messages()]
