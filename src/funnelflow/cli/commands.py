"""The commands by section: where each is implemented, and its line in the overview.

The lines are kept here so that ``funnelflow --help`` imports no command; a test holds
them to what the commands themselves say.
"""

from typing import Final, NamedTuple

__all__ = ["COMMANDS", "SECTIONS", "Entry"]


class Entry(NamedTuple):
    """A command of the overview: its section, where it is, and what it does."""

    section: str
    target: str
    help: str


SECTIONS: Final = {
    "Start": "new workspaces, and whether this one is well",
    "Definitions": "a funnel as a file",
    "Contacts": "who is in the funnel, and what is known about them",
    "Work": "what happened, and what should",
    "Notify": "telling the outside world of transitions",
    "System": "plugins, settings and the database",
}

COMMANDS: Final = {
    "init": Entry("Start", "init:init", "Make a workspace in a directory."),
    "demo": Entry("Start", "demo:demo", "Fill a workspace with sample events and show it."),
    "doctor": Entry("Start", "doctor:doctor", "Say whether everything is well here."),
    "check": Entry("Definitions", "check:check", "Find everything wrong with definitions."),
    "test": Entry("Definitions", "scenarios:test", "Run the scenarios of definitions."),
    "show": Entry("Definitions", "show:show", "Explain a definition, or draw it."),
    "compare": Entry("Definitions", "compare:compare", "Compare what definitions mean."),
    "story": Entry("Definitions", "story:story", "Read one story by several definitions."),
    "glossary": Entry("Definitions", "glossary:glossary", "Put definitions' words side by side."),
    "adopt": Entry("Definitions", "adopt:adopt", "Take a new version of a definition into use."),
    "add": Entry("Contacts", "contacts:add", "Add a contact."),
    "import": Entry("Contacts", "importing:import_", "Add or update contacts from a file."),
    "list": Entry("Contacts", "listing:list_", "List contacts, filtered by an expression."),
    "history": Entry("Contacts", "history:history", "Show what happened and was decided."),
    "why": Entry("Contacts", "why:why", "Explain where a contact stands and what is missing."),
    "translate": Entry("Contacts", "translate:translate", "Say what others call a contact."),
    "record": Entry("Work", "contacts:record", "Record that something happened."),
    "move": Entry("Work", "contacts:move", "Ask for a stage, and be told why not."),
    "set": Entry("Work", "contacts:set_", "Set or remove facts about a contact."),
    "apply": Entry("Work", "applying:apply", "Record the events of a file."),
    "tick": Entry("Work", "tick:tick", "Take the timed transitions that are due."),
    "deliver": Entry("Notify", "deliver:deliver", "Send what the outbox holds."),
    "outbox": Entry("Notify", "outbox:outbox", "Show, retry, discard and remove messages."),
    "verify": Entry("System", "verify:verify", "Prove the stored answers from the evidence."),
    "plugins": Entry("System", "plugins:plugins", "List, show and begin plugins."),
    "config": Entry("System", "config:config", "Show the settings and where they come from."),
    "db": Entry("System", "db:db", "Show or upgrade the database's version."),
}
