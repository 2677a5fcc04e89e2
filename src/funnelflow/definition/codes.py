"""The stable codes of what can be wrong with a definition, each with what it means.

The hundreds say where the fault lies: 0 the file, 1 its shape, 2 names and values, 3 the
vocabulary, 4 stages and transitions as a whole, 5 scenarios, 6 extending. Problems inside
an expression keep the codes of `funnelflow.criteria` (``E…``).

A code is an error when the definition cannot be run, or contradicts itself; it is a
warning when the definition runs but will surprise somebody.
"""

from typing import Literal, TypeAlias

from attrs import frozen

from funnelflow.criteria import EXPRESSION_CODES

__all__ = ["CODES", "Code", "Severity", "severity_of"]

Severity: TypeAlias = Literal["error", "warning"]


@frozen
class Code:
    """One kind of problem: its stable code, how grave it is, its name, and a paragraph."""

    code: str
    severity: Severity
    title: str
    explanation: str


def severity_of(code: str) -> Severity:
    """Give the severity of a code; a code that is not of this table is an error."""
    known = CODES.get(code)
    return known.severity if known else "error"


def _error(code: str, title: str, explanation: str) -> Code:
    return Code(code, "error", title, explanation)


def _warning(code: str, title: str, explanation: str) -> Code:
    return Code(code, "warning", title, explanation)


_FILE = (
    _error(
        "F001",
        "the file cannot be read",
        "The file is missing, is a directory or a device, is empty, or may not be opened by you. "
        "Check the path; a definition is one ordinary text file.",
    ),
    _error(
        "F002",
        "the file is not plain text",
        "A definition is text in UTF-8. This file is in another encoding, is binary, or holds "
        "characters that cannot be seen: control characters, or marks that turn the direction of "
        "text, with which a file can look different from what it says. Save it as UTF-8 and "
        "remove those characters.",
    ),
    _error(
        "F003",
        "the file is too large or nested too deeply",
        "A definition may have 1 MiB of text, 20 levels of nesting, 2,000 stages and 20,000 "
        "transitions. Files beyond that are refused before they can exhaust anything; split them, "
        "or generate the definition in Python.",
    ),
    _error(
        "F004",
        "the file is not well-formed YAML",
        "The structure of the text breaks off here: an indentation that fits no line above it, a "
        "bracket or quote that is never closed, a tab where spaces are needed. The message says "
        "which; nothing after this place could be read.",
    ),
    _error(
        "F005",
        "an expression needs quotes",
        "YAML gives a meaning of its own to text that begins with ! [ { \" ' & * | > % @ or `, "
        "and to ': ' and ' #' inside text. An expression with one of these must stand in quotes, "
        "best in single ones, because criteria use double quotes for text: "
        "`- Label: '!has(contact.email)'`.",
    ),
    _error(
        "F006",
        "a part of YAML that definitions do without",
        "Anchors, aliases, merge keys, tags, directives and several documents in one file are "
        "refused: they let a short file stand for an endless one, or a value be another than what "
        "can be read. Write the value out; to share stages between funnels use `extends`.",
    ),
    _error(
        "F007",
        "a key stands twice",
        "The same key is written twice in one place. YAML readers would keep one of the two and "
        "say nothing; here both are shown. Remove one, or rename it.",
    ),
    _error(
        "F008",
        "a value that cannot be kept",
        "A whole number beyond 64 bits, or a number too large for a computer's arithmetic. "
        "Write a smaller number, or put it in quotes if it is a name.",
    ),
    _error(
        "F009",
        "more problems than are shown",
        "A file with hundreds of problems usually has one cause. The first are listed; correct "
        "them and check again.",
    ),
)

_SHAPE = (
    _error(
        "F101",
        "a key that is not known here",
        "Keys are checked, because a misspelt one would otherwise be ignored without a word. "
        "The message lists the keys that may stand in this place.",
    ),
    _error(
        "F102",
        "a key is missing",
        "This part of a definition says nothing without the key that is named.",
    ),
    _error(
        "F103",
        "another kind of value is needed here",
        "The value has the wrong shape: a list where text belongs, a number where a list of names "
        "belongs, or nothing at all. The message says what belongs here. Text that YAML takes for "
        "a number or a truth value is put in quotes.",
    ),
    _error(
        "F104",
        "a criterion has no label",
        "A criterion is written as `Label: expression`. The label is what people read when it is "
        "not met, so it is part of the definition: `- Budget is confirmed: contact.budget > 0`.",
    ),
    _error(
        "F105",
        "criteria are not put together correctly",
        "`require` is a list of criteria that all must be met, or one of `all`, `any` (each a "
        "list) and `at_least: N` with `of:` (a list). Each item of a list is one criterion or one "
        "such group.",
    ),
    _error(
        "F106",
        "a step of a scenario is not understood",
        "A step under `when` is the name of an event, `{event_name: {facts}}`, `{move: stage}`, "
        "`{set: {facts}}` or `{wait: 30d}`; `as: [roles]` may stand beside it.",
    ),
    _error(
        "F108",
        "a promise is not understood",
        "`always` lists what a definition promises about its stages, each as a label with what it "
        "promises: `- Every prospect was a lead before: {stage: prospect, after: lead}`. Besides "
        "`stage` it says exactly one of `after`, `never_after`, `inside` and `needs`.",
    ),
    _warning(
        "F107",
        "a criterion has no label",
        "A criterion built in Python carries an empty label. It works, and its expression is shown "
        "in plain words instead; a label in your company's own words tells people more.",
    ),
)

_NAMES = (
    _error(
        "F201",
        "a name that cannot be used",
        "Names of funnels, stages, events and roles begin with a letter or underscore and go on "
        "with letters, digits, underscores and hyphens; fields have no hyphen, because "
        "expressions would read it as minus. At most 64 characters. Titles and aliases are free.",
    ),
    _error(
        "F202",
        "a reserved name",
        "The name already means something: `set`, `move`, `add`, `tick`, `adopt`, `import`, "
        "`wait` and `as` are words of scenarios and of the history, and expressions have words "
        "of their own. Choose another name and say the rest in `title`.",
    ),
    _error(
        "F203",
        "no such stage",
        "The stage is not in this definition. Nested stages are named with their outer one, as in "
        "`lead.inquiry`; an alias is for people, transitions use the name.",
    ),
    _error("F204", "no such event", "The event is neither in the vocabulary nor in this file."),
    _error("F205", "no such field", "The field is neither in the vocabulary nor in this file."),
    _error(
        "F206",
        "no such criterion",
        "No plugin that is installed and switched on offers a criterion of this name. "
        "`funnelflow plugins list` shows what there is.",
    ),
    _error(
        "F207",
        "no such vocabulary or definition",
        "Vocabularies are looked for in `vocabularies/NAME.yaml` beside the file, in the "
        "workspace and among those that ship; definitions in `NAME.yaml` in the same places.",
    ),
    _error(
        "F208",
        "two stages share a name or an alias",
        "A stage is found by its name and by its aliases, whatever their case; so no two stages "
        "may share one.",
    ),
    _error(
        "F209",
        "a value that does not fit",
        "The value is of the right kind and still makes no sense here: a version that is not a "
        "positive whole number, a count larger than the list it counts, a wait that is too short.",
    ),
    _error(
        "F210",
        "a fact that is not a value of its field",
        "The field's type, or the list of values it may have, does not allow this one.",
    ),
    _error(
        "F211",
        "arguments that a plugin's criterion does not take",
        "The criterion is called with an argument it does not know, without one that it needs, "
        "or with a value of another type.",
    ),
    _error(
        "F212",
        "text that cannot be shown safely",
        "Titles, labels and other text may not hold control characters or marks that turn the "
        "direction of text, and have at most 10,000 characters.",
    ),
    _warning(
        "F213",
        "something is listed twice",
        "The same name stands twice in one list. It changes nothing; perhaps another was meant.",
    ),
)

_BLOCKS = (
    _error(
        "F214",
        "no such block of criteria",
        "`use` names a block of criteria that stands under `criteria` in the vocabulary or in "
        "this file. There is none of that name.",
    ),
)

_VOCABULARY = (
    _error(
        "F301",
        "no such type",
        "A field's type is one of boolean, integer, number, text, timestamp, duration, or "
        "`list of` one of these.",
    ),
    _error(
        "F302",
        "declared twice, differently",
        "The vocabulary and this file both declare the name, and not in the same way. Evidence "
        "is shared between definitions, so a name means one thing: choose another name, or "
        "change the vocabulary.",
    ),
    _error(
        "F303",
        "one name for two kinds of fact",
        "An event's own field has the name of a contact's field, or of another event's field of "
        "another type. Expressions could not tell them apart.",
    ),
    _warning(
        "F304",
        "an event that nothing uses",
        "This file adds an event that no transition waits for, no scenario tells of, and that "
        "sets no field. Perhaps a transition was to name it.",
    ),
)

_GRAPH = (
    _error(
        "F401",
        "there are no stages",
        "A definition needs at least one stage, under `stages`: the places a contact can be in.",
    ),
    _error(
        "F402",
        "no stage to begin in",
        "`initial` names the stage in which a contact starts. It is one of the stages of the file.",
    ),
    _warning(
        "F403",
        "a stage that nothing leads to",
        "No chain of transitions from the initial stage arrives here, so no contact will, except "
        "by a forced move. Add a transition, or remove the stage.",
    ),
    _warning(
        "F404",
        "a trap",
        "The stage is open and no transition leaves it: a contact that arrives stays for ever. "
        "Give it `type: won` or `type: lost` if it is an end, or a transition onwards.",
    ),
    _warning(
        "F405",
        "a transition that is never taken",
        "An earlier transition leaves the same stage on the same event and asks for nothing more, "
        "so it is always taken first. Put the one with more criteria first, or remove one.",
    ),
    _warning(
        "F406",
        "automatic transitions go in a circle",
        "Each of these transitions is taken as soon as its criteria hold, and they lead back to "
        "where they began. A contact that meets all of them would go round; the engine stops it "
        "after each stage was visited once. Give one of them an event, or criteria that exclude "
        "each other.",
    ),
    _warning(
        "F407",
        "waiting goes in a circle",
        "These transitions are taken by time alone and lead back to where they began, so an idle "
        "contact goes round for ever and its history never ends. Let an event close the circle.",
    ),
    _warning(
        "F408",
        "a closed stage that is left by accident",
        "A stage of type won or lost is left without anybody meaning to: by an automatic or timed "
        "transition, or by one that names only an outer stage. To take contacts back on purpose, "
        "name the stage in `from` and an event in `on`.",
    ),
    _warning(
        "F409",
        "two stages that nothing tells apart",
        "Both stages are entered and left in the same ways under the same criteria, so which of "
        "them a contact is in says nothing. Merge them, or write down what the difference is.",
    ),
    _error(
        "F410",
        "nobody takes a transition that time takes",
        "`by` limits who may take a transition, but nobody acts when a wait is over, so it would "
        "never be taken. Remove `by`, or give the transition an event; where both are wanted, "
        "write two transitions.",
    ),
    _error(
        "F411",
        "a wait that is too short",
        "`after` is at least one minute. To go on at once leave out both `on` and `after`: the "
        "transition is then taken as soon as its criteria hold.",
    ),
    _warning(
        "F412",
        "`since` without `after`",
        "`since` says what a wait is counted from, and this transition does not wait.",
    ),
    _warning(
        "F413",
        "a stage that nobody stays in",
        "An automatic transition without criteria leaves this stage the moment it is entered. "
        "Give it a criterion, an event, or leave the stage out.",
    ),
    _warning(
        "F414",
        "a transition that goes nowhere",
        "An automatic or timed transition leads back to the very stage it leaves.",
    ),
)

_PROMISES = (
    _warning(
        "F415",
        "the definition contradicts itself",
        "Under `always` the definition promises something about a stage, and its own transitions "
        "break the promise; the message shows the way on which they do. A way counts even if its "
        "criteria are rarely met, and a criterion counts as required only where it is written out. "
        "Forced moves are left aside. Change the transition, or do not promise it.",
    ),
)

_SCENARIOS = (
    _warning(
        "F501",
        "two scenarios tell the same story",
        "Scenarios run as tests under their story, so two with one story cannot be told apart.",
    ),
    _error(
        "F502",
        "a scenario without an end",
        "`then` names the stage in which the story must end.",
    ),
)

_EXTENDING = (
    _error(
        "F601",
        "definitions extend each other in a circle",
        "Following `extends` from file to file leads back to the first. One of them must stand "
        "on its own.",
    ),
    _error(
        "F602",
        "the definition that is extended has problems",
        "What this file builds on cannot be read; its own problems are listed beside this one.",
    ),
    _error(
        "F603",
        "the stage is not optional",
        "Only a stage that its definition marks `optional: true` may be removed by `without`; "
        "the others are what that funnel means.",
    ),
    _error(
        "F604",
        "`without` needs `extends`",
        "`without` removes stages of the definition that `extends` names, and there is none.",
    ),
    _error(
        "F605",
        "the initial stage is removed",
        "`without` removes the stage in which contacts start; say in `initial` where they start "
        "instead.",
    ),
    _error(
        "F606",
        "the stage is already there",
        "A file that extends another may add stages, and nested stages to those it took over, but "
        "does not declare the same stage again with another type.",
    ),
)

_OWN = (
    *(*_FILE, *_SHAPE, *_NAMES, *_BLOCKS, *_VOCABULARY),
    *(*_GRAPH, *_PROMISES, *_SCENARIOS, *_EXTENDING),
)

_WARNED = ("E19",)
"""How the codes of expressions begin that are warnings."""


def _of_expressions(code: str, meaning: str) -> Code:
    """Give a code of the criteria as one of the table."""
    severity: Severity = "warning" if code.startswith(_WARNED) else "error"
    where = "The caret shows the place inside the expression, and the help what to write instead."
    return Code(code, severity, meaning, f"In an expression: {meaning}. {where}")


CODES: dict[str, Code] = {
    code.code: code
    for code in (*_OWN, *(_of_expressions(*pair) for pair in EXPRESSION_CODES.items()))
}
"""Every code that a check may report, in order: the definition's own, then the expressions'."""
