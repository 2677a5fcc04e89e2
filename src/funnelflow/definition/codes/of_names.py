"""Codes of names, values and the vocabulary: F2 and F3."""

from funnelflow.definition.codes.code import error, warning

__all__ = ["BLOCKS", "NAMES", "VOCABULARY"]

NAMES = (
    error(
        "F201",
        "a name that cannot be used",
        "Names of funnels, stages, events and roles begin with a letter or underscore and go on "
        "with letters, digits, underscores and hyphens; fields have no hyphen, because "
        "expressions would read it as minus. At most 64 characters. Titles and aliases are free.",
    ),
    error(
        "F202",
        "a reserved name",
        "The name already means something: `set`, `move`, `add`, `tick`, `adopt`, `import`, "
        "`wait` and `as` are words of scenarios and of the history, and expressions have words "
        "of their own. Choose another name and say the rest in `title`.",
    ),
    error(
        "F203",
        "no such stage",
        "The stage is not in this definition. Nested stages are named with their outer one, as in "
        "`lead.inquiry`; an alias is for people, transitions use the name.",
    ),
    error("F204", "no such event", "The event is neither in the vocabulary nor in this file."),
    error("F205", "no such field", "The field is neither in the vocabulary nor in this file."),
    error(
        "F206",
        "no such criterion",
        "No plugin that is installed and switched on offers a criterion of this name. "
        "`funnelflow plugins list` shows what there is.",
    ),
    error(
        "F207",
        "no such vocabulary or definition",
        "Vocabularies are looked for in `vocabularies/NAME.yaml` beside the file, in the "
        "workspace and among those that ship; definitions in `NAME.yaml` in the same places.",
    ),
    error(
        "F208",
        "two stages share a name or an alias",
        "A stage is found by its name and by its aliases, whatever their case; so no two stages "
        "may share one.",
    ),
    error(
        "F209",
        "a value that does not fit",
        "The value is of the right kind and still makes no sense here: a version that is not a "
        "positive whole number, a count larger than the list it counts, a wait that is too short.",
    ),
    error(
        "F210",
        "a fact that is not a value of its field",
        "The field's type, or the list of values it may have, does not allow this one.",
    ),
    error(
        "F211",
        "arguments that a plugin's criterion does not take",
        "The criterion is called with an argument it does not know, without one that it needs, "
        "or with a value of another type.",
    ),
    error(
        "F212",
        "text that cannot be shown safely",
        "Titles, labels and other text may not hold control characters or marks that turn the "
        "direction of text, and have at most 10,000 characters.",
    ),
    warning(
        "F213",
        "something is listed twice",
        "The same name stands twice in one list. It changes nothing; perhaps another was meant.",
    ),
)

BLOCKS = (
    error(
        "F214",
        "no such block of criteria",
        "`use` names a block of criteria that stands under `criteria` in the vocabulary or in "
        "this file. There is none of that name.",
    ),
)

VOCABULARY = (
    error(
        "F301",
        "no such type",
        "A field's type is one of boolean, integer, number, text, timestamp, duration, or "
        "`list of` one of these.",
    ),
    error(
        "F302",
        "declared twice, differently",
        "The vocabulary and this file both declare the name, and not in the same way. Evidence "
        "is shared between definitions, so a name means one thing: choose another name, or "
        "change the vocabulary.",
    ),
    error(
        "F303",
        "one name for two kinds of fact",
        "An event's own field has the name of a contact's field, or of another event's field of "
        "another type. Expressions could not tell them apart.",
    ),
    warning(
        "F304",
        "an event that nothing uses",
        "This file adds an event that no transition waits for, no scenario tells of, and that "
        "sets no field. Perhaps a transition was to name it.",
    ),
)
