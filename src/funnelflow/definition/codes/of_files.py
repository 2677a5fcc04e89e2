"""Codes of files and of their shape: F0 and F1."""

from funnelflow.definition.codes.code import error, warning

__all__ = ["FILE", "SHAPE"]

FILE = (
    error(
        "F001",
        "the file cannot be read",
        "The file is missing, is a directory or a device, is empty, or may not be opened by you. "
        "Check the path; a definition is one ordinary text file.",
    ),
    error(
        "F002",
        "the file is not plain text",
        "A definition is text in UTF-8. This file is in another encoding, is binary, or holds "
        "characters that cannot be seen: control characters, or marks that turn the direction of "
        "text, with which a file can look different from what it says. Save it as UTF-8 and "
        "remove those characters.",
    ),
    error(
        "F003",
        "the file is too large or nested too deeply",
        "A definition may have 1 MiB of text, 20 levels of nesting, 2,000 stages and 20,000 "
        "transitions. Files beyond that are refused before they can exhaust anything; split them, "
        "or generate the definition in Python.",
    ),
    error(
        "F004",
        "the file is not well-formed YAML",
        "The structure of the text breaks off here: an indentation that fits no line above it, a "
        "bracket or quote that is never closed, a tab where spaces are needed. The message says "
        "which; nothing after this place could be read.",
    ),
    error(
        "F005",
        "an expression needs quotes",
        "YAML gives a meaning of its own to text that begins with ! [ { \" ' & * | > % @ or `, "
        "and to ': ' and ' #' inside text. An expression with one of these must stand in quotes, "
        "best in single ones, because criteria use double quotes for text: "
        "`- Label: '!has(contact.email)'`.",
    ),
    error(
        "F006",
        "a part of YAML that definitions do without",
        "Anchors, aliases, merge keys, tags, directives and several documents in one file are "
        "refused: they let a short file stand for an endless one, or a value be another than what "
        "can be read. Write the value out; to share stages between funnels use `extends`.",
    ),
    error(
        "F007",
        "a key stands twice",
        "The same key is written twice in one place. YAML readers would keep one of the two and "
        "say nothing; here both are shown. Remove one, or rename it.",
    ),
    error(
        "F008",
        "a value that cannot be kept",
        "A whole number beyond 64 bits, or a number too large for a computer's arithmetic. "
        "Write a smaller number, or put it in quotes if it is a name.",
    ),
    error(
        "F009",
        "more problems than are shown",
        "A file with hundreds of problems usually has one cause. The first are listed; correct "
        "them and check again.",
    ),
)

SHAPE = (
    error(
        "F101",
        "a key that is not known here",
        "Keys are checked, because a misspelt one would otherwise be ignored without a word. "
        "The message lists the keys that may stand in this place.",
    ),
    error(
        "F102",
        "a key is missing",
        "This part of a definition says nothing without the key that is named.",
    ),
    error(
        "F103",
        "another kind of value is needed here",
        "The value has the wrong shape: a list where text belongs, a number where a list of names "
        "belongs, or nothing at all. The message says what belongs here. Text that YAML takes for "
        "a number or a truth value is put in quotes.",
    ),
    error(
        "F104",
        "a criterion has no label",
        "A criterion is written as `Label: expression`. The label is what people read when it is "
        "not met, so it is part of the definition: `- Budget is confirmed: contact.budget > 0`.",
    ),
    error(
        "F105",
        "criteria are not put together correctly",
        "`require` is a list of criteria that all must be met, or one of `all`, `any` (each a "
        "list) and `at_least: N` with `of:` (a list). Each item of a list is one criterion or one "
        "such group.",
    ),
    error(
        "F106",
        "a step of a scenario is not understood",
        "A step under `when` is the name of an event, `{event_name: {facts}}`, `{move: stage}`, "
        "`{set: {facts}}` or `{wait: 30d}`; `as: [roles]` may stand beside it.",
    ),
    error(
        "F108",
        "a promise is not understood",
        "`always` lists what a definition promises about its stages, each as a label with what it "
        "promises: `- Every prospect was a lead before: {stage: prospect, after: lead}`. Besides "
        "`stage` it says exactly one of `after`, `never_after`, `inside` and `needs`.",
    ),
    warning(
        "F107",
        "a criterion has no label",
        "A criterion built in Python carries an empty label. It works, and its expression is shown "
        "in plain words instead; a label in your company's own words tells people more.",
    ),
)
