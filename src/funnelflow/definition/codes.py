"""The stable codes of what can be wrong with a definition, each with what it means.

The hundreds say where a problem lies: 0 the file, 1 its shape, 2 names and values, 3 the
vocabulary, 4 stages and transitions as a whole, 5 scenarios, 6 extending, 7 whom a workspace
tells (its `funnelflow.toml`, not a definition). Problems inside an expression keep the codes of
`funnelflow.criteria` (``E…``).

A code is an error when the definition cannot be run, or contradicts itself; it is a
warning when the definition runs but will surprise somebody.
"""

from funnelflow.criteria import EXPRESSION_CODES, Code, wordings


def error(code: str, title: str, explanation: str, **texts: str | tuple[str, ...]) -> Code:
    """Return a code of what keeps a definition from being run.

    Args:
        code: What it is known by.
        title: Its name.
        explanation: A paragraph about what it means.
        texts: For each variant the template of its message, or that and templates of help, of
            which the first is used whose parameters are all there.
    """
    return Code(code, "error", title, explanation, wordings(texts))


def warning(code: str, title: str, explanation: str, **texts: str | tuple[str, ...]) -> Code:
    """Return a code of what runs and will surprise somebody; see `error`."""
    return Code(code, "warning", title, explanation, wordings(texts))


_MEANT = "did you mean {guess!r}?"
_STAGES = "known stages: {known}"
_BEGIN = "begin with `funnel: name`"
_QUOTED = "write {quoted}"
_NAME = "letters, digits, _ and -, at most 64, a letter first"
_GROUPS = "write a list of criteria, or one of all:, any:, at_least: N with of:"
_STEPS = (
    "write an event, {{event: {{facts}}}}, {{move: stage}}, {{set: {{facts}}}} or {{wait: 30d}}"
)
_NEVER = "this transition is never taken: "
_WEAKER = "put the one that asks for more first"
_MEANT_TO = "name the stage and an event"
_SAME = "both are entered and left in the same ways: merge them, or say what differs"
_BROKEN = "the invariant {label!r} does not hold: "
_CHANNEL_SETTINGS = "what belongs to the channel stands under [notify.settings]"
_KEEP = "change what leads there, or the invariant"

FILE = (
    error(
        "F001",
        "the file cannot be read",
        "The file is missing, is a directory or a device, is empty, or may not be opened by you. "
        "Check the path; a definition is one ordinary text file.",
        unreadable="cannot read the file: {reason}",
        directory=("this is a directory", "name a definition file"),
        special=("this is not an ordinary file", "name a definition file"),
        empty=("the file is empty", "a definition begins with `funnel:`"),
        comments=("the file is empty but for comments", _BEGIN),
    ),
    error(
        "F002",
        "the file is not plain text",
        "A definition is text in UTF-8. This file is in another encoding, is binary, or holds "
        "characters that cannot be seen: control characters, or marks that turn the direction of "
        "text, with which a file can look different from what it says. Save it as UTF-8 and "
        "remove those characters.",
        encoding=("the file is in {encoding}", "save it as UTF-8"),
        binary="this is not a text file: it holds NUL bytes",
        byte=("the byte 0x{byte:02x} is not UTF-8", "save the file as UTF-8"),
        unsafe=("the character {character} cannot be seen", "remove it"),
        escaped=("the character {character} may not be in a text", "remove it"),
    ),
    error(
        "F003",
        "the file is too large or nested too deeply",
        "A definition may have 1 MiB of text, 20 levels of nesting, 2,000 stages and 20,000 "
        "transitions. Files beyond that are refused before they can exhaust anything; split them, "
        "or generate the definition in Python.",
        bytes="the file is larger than 1 MiB",
        depth="nested more than {most} levels deep",
        values="more than {most:,} values in one file",
        count=("{count:,} {what} are more than {most:,}", "split the definition"),
        criteria=(
            "{count:,} criteria of one transition are more than {most}",
            "ask for less, or in several steps",
        ),
        blocks=("the blocks stand for more than {most:,} criteria", "split the definition"),
    ),
    error(
        "F004",
        "the file is not well-formed YAML",
        "The structure of the text breaks off here: an indentation that fits no line above it, a "
        "bracket or quote that is never closed, a tab where spaces are needed. The message says "
        "which; nothing after this place could be read.",
        not_yaml="the text is not YAML",
        tab=("a tab stands where YAML needs spaces", "indent with spaces only"),
        quote=("a quote is opened here and never closed", "close it in the same line"),
        escape="this escape or line break cannot stand in double quotes",
        bracket=(
            "a {bracket} is opened here, and the list inside it breaks off",
            "close it, put commas between its items, and quotes around expressions",
        ),
        end=("the text breaks off here", "is a bracket or a quote left open?"),
        structure=(
            "this line does not follow from the lines above it",
            "check its indentation, and that the key above it ends with a colon",
        ),
    ),
    error(
        "F005",
        "an expression needs quotes",
        "YAML gives a meaning of its own to text that begins with ! [ { \" ' & * | > % @ or `, "
        "and to ': ' and ' #' inside text. An expression with one of these must stand in quotes, "
        "best in single ones, because criteria use double quotes for text: "
        "`- Label: '!has(contact.email)'`.",
        begins=(
            "YAML reads text that begins with {mark} in its own way: put the {kind} in quotes",
            _QUOTED,
        ),
        colon=("YAML takes ': ' inside text for a key: put the {kind} in quotes", _QUOTED),
        brackets=(
            "YAML reads brackets and commas here in its own way: put the {kind} in quotes",
            _QUOTED,
        ),
        comment=(
            "YAML takes ' #' and what follows for a comment: put the expression in quotes",
            _QUOTED,
        ),
        collection=(
            "{what} is an expression: put it in quotes",
            "YAML reads [ and {{ in its own way",
        ),
    ),
    error(
        "F006",
        "a part of YAML that definitions do without",
        "Anchors, aliases, merge keys, tags, directives and several documents in one file are "
        "refused: they let a short file stand for an endless one, or a value be another than what "
        "can be read. Write the value out; to share stages between funnels use `extends`.",
        anchor=("anchors have no place in a definition", "remove it"),
        tag=("tags have no place in a definition", "remove it"),
        alias=("aliases have no place in a definition", "write the value out"),
        merge=("merge keys have no place in a definition", "write the keys out"),
        directive="directives have no place in a definition",
        document=("a second document begins here", "use one file each"),
    ),
    error(
        "F007",
        "a key stands twice",
        "The same key is written twice in one place. YAML readers would keep one of the two and "
        "say nothing; here both are shown. Remove one, or rename it.",
        again=("the key {key!r} already stands in line {line}", "remove one of the two"),
    ),
    error(
        "F008",
        "a value that cannot be kept",
        "A whole number beyond 64 bits, or a number too large for a computer's arithmetic. "
        "Write a smaller number, or put it in quotes if it is a name.",
        number=("this number is too large", "put it in quotes if it is text"),
    ),
    error(
        "F009",
        "more problems than are shown",
        "A file with hundreds of problems usually has one cause. The first are listed; correct "
        "them and check again.",
        more=("{count:,} more problems are not listed", "correct the first ones and check again"),
    ),
)

SHAPE = (
    error(
        "F101",
        "a key that is not known here",
        "Keys are checked, because a misspelt one would otherwise be ignored without a word. "
        "The message lists the keys that may stand in this place.",
        unknown=("{what} has no key {key!r}", _MEANT, "it may have: {known}"),
    ),
    error(
        "F102",
        "a key is missing",
        "This part of a definition says nothing without the key that is named.",
        missing="{what} needs the key {key!r}",
        no_source=("a transition leaves no stage", "name one in `from`"),
        no_name=("a definition needs a name", _BEGIN),
    ),
    error(
        "F103",
        "another kind of value is needed here",
        "The value has the wrong shape: a list where text belongs, a number where a list of names "
        "belongs, or nothing at all. The message says what belongs here. Text that YAML takes for "
        "a number or a truth value is put in quotes.",
        kind=(
            "{what} must be {rule}, but this is {found}",
            _MEANT,
            "known names: {known}",
            "{help}",
        ),
        empty=("{what} is empty", "write a name, or remove the key"),
        key=(
            "a key must be text, but this is {found}",
            "an expression or text with special characters needs quotes",
        ),
        file=("this is no definition: a file is a mapping that begins with a key", _BEGIN),
        story=("this is no story", "begin with `story: title`"),
    ),
    error(
        "F104",
        "a criterion has no label",
        "A criterion is written as `Label: expression`. The label is what people read when it is "
        "not met, so it is part of the definition: `- Budget is confirmed: contact.budget > 0`.",
        no_label=(
            "this criterion has no label",
            "give it a label: `- What must be true: {source}`",
        ),
        built=(
            "this criterion has no label",
            "build it: Criterion('What must be true', 'expression')",
        ),
    ),
    error(
        "F105",
        "criteria are not put together correctly",
        "`require` is a list of criteria that all must be met, or one of `all`, `any` (each a "
        "list) and `at_least: N` with `of:` (a list). Each item of a list is one criterion or one "
        "such group.",
        kind=(
            "`require` must be a list, but this is {found}",
            "write it as a list: `- {label}: {source}`",
            _GROUPS,
        ),
        list=(
            "a criterion must be written `Label: expression`, but this is a list",
            "put the expression in quotes; groups need all: or any:",
        ),
        built="{what} must be {rule}, but this is {found}",
        several=("each item holds one criterion", "begin a new item with '- '"),
        empty=("this criterion is empty", "write `Label: expression`"),
        no_group=("{what} is not a group of criteria", _GROUPS),
        empty_group=("a group of criteria is empty", "add one, or remove it"),
        empty_block=("the block {name!r} is empty", _GROUPS),
        nested_block=(
            "a block of criteria uses no other, such as {name!r}",
            "write its criteria out",
        ),
        both=("a criterion is either an expression or a plugin's", "give one of the two"),
    ),
    error(
        "F106",
        "a step of a scenario is not understood",
        "A step under `when` is the name of an event, `{event_name: {facts}}`, `{move: stage}`, "
        "`{set: {facts}}` or `{wait: 30d}`; `as: [roles]` may stand beside it.",
        kind=(
            "a step must be one thing that happens, but this is {found}",
            _STEPS,
        ),
        key=("a step has no key {key!r}", _MEANT),
    ),
    error(
        "F108",
        "an invariant is not understood",
        "`always` lists what holds of the stages of a definition, its invariants, each as a label "
        "with a statement: `- Every prospect was a lead before: {stage: prospect, after: lead}`. "
        "Besides `stage` it says exactly one of `after`, `never_after`, `inside` and `needs`.",
        kind=(
            "an invariant must be a label with a statement, but this is {found}",
            "write `- Every prospect was a lead before: {{stage: prospect, after: lead}}`",
        ),
        no_label=("an invariant has no label", "say it in words"),
        count=(
            "an invariant says one thing about a stage, and this one says {said: and }",
            "write one of {keys}",
        ),
    ),
    warning(
        "F107",
        "a criterion has no label",
        "A criterion built in Python carries an empty label. It works, and its expression is shown "
        "in plain words instead; a label in your company's own words tells people more.",
        no_label=("a criterion has no label", "give it one"),
    ),
)


NAMES = (
    error(
        "F201",
        "a name that cannot be used",
        "Names of funnels, stages, events and roles begin with a letter or underscore and go on "
        "with letters, digits, underscores and hyphens; fields have no hyphen, because "
        "expressions would read it as minus. At most 64 characters. Titles and aliases are free.",
        name=("{name!r} is no name of a {kind}", _NAME),
        empty=("the {kind} has no name", _NAME),
        field=(
            "{name!r} is no name of a field",
            "letters, digits and _, at most 64, a letter first",
        ),
        key="{name!r} is filed under the name {key!r}",
        alias=("an alias has no text", "remove it"),
    ),
    error(
        "F202",
        "a reserved name",
        "The name already means something: `set`, `move`, `add`, `tick`, `adopt`, `import`, "
        "`wait` and `as` are words of scenarios and of the history, and expressions have words "
        "of their own. Choose another name and say the rest in `title`.",
        event=("{name!r} is reserved: it is {meaning}", "choose another name"),
        field=(
            "{name!r} is a word of the expression language",
            "choose another name, such as '{name}_'",
        ),
    ),
    error(
        "F203",
        "no such stage",
        "The stage is not in this definition. Nested stages are named with their outer one, as in "
        "`lead.inquiry`; an alias is for people, transitions use the name.",
        unknown=(
            "there is no stage {name!r}",
            "{name!r} is an alias: write {stage!r}",
            _MEANT,
            _STAGES,
        ),
        to_remove=("there is no stage {name!r} to remove", _MEANT, _STAGES),
    ),
    error(
        "F204",
        "no such event",
        "The event is neither in the vocabulary nor in this file.",
        unknown=("there is no event {name!r}", _MEANT, "known events: {known}"),
    ),
    error(
        "F205",
        "no such field",
        "The field is neither in the vocabulary nor in this file.",
        unknown=("there is no field {name!r}", _MEANT, "known fields: {known}"),
    ),
    error(
        "F206",
        "no such criterion",
        "No plugin that is installed and switched on offers a criterion of this name. "
        "`funnelflow plugins list` shows what there is.",
        unknown=(
            "no plugin offers a criterion {name!r}",
            _MEANT,
            "known criteria: {known}",
            "install the plugin that offers it, or write an expression",
        ),
    ),
    error(
        "F207",
        "no such vocabulary or definition",
        "Vocabularies are looked for in `vocabularies/NAME.yaml` beside the file, in the "
        "workspace and among those that ship; definitions in `NAME.yaml` in the same places.",
        vocabulary=("there is no vocabulary {name!r}", _MEANT, "known vocabularies: {known}"),
        definition=("there is no definition {name!r}", _MEANT, "known definitions: {known}"),
    ),
    error(
        "F208",
        "two stages share a name or an alias",
        "A stage is found by its name and by its aliases, whatever their case; so no two stages "
        "may share one.",
        name=("another stage is called {name!r}", "choose another name"),
        alias_is_name=("{alias!r} is the name of the stage {stage!r}", "choose another alias"),
        alias=("{alias!r} is an alias of the stage {stage!r} already", "choose another alias"),
    ),
    error(
        "F209",
        "a value that does not fit",
        "The value is of the right kind and still makes no sense here: a version that is not a "
        "positive whole number, a count larger than the list it counts, a wait that is too short.",
        version=("{version!r} is no version", "count from 1"),
        count=("at least {count} of {size} criteria makes no sense", "choose 1 to {size}"),
        wait=("a wait takes some time", "write 30d or 1h"),
        duration=("{what}: {reason}", "write it as 30d, 36h or 1h30m"),
    ),
    error(
        "F210",
        "a fact that is not a value of its field",
        "The field's type, or the list of values it may have, does not allow this one.",
        value=("{reason}", "{hint}"),
        form=("{field}: {value} is kept as {kept}", "write {kept}"),
    ),
    error(
        "F211",
        "arguments that a plugin's criterion does not take",
        "The criterion is called with an argument it does not know, without one that it needs, "
        "or with a value of another type.",
        unknown=("{criterion!r} takes no argument {name!r}", _MEANT, "known arguments: {known}"),
        missing="{criterion!r} needs the argument {name!r}",
        value=("{reason}", "{hint}"),
    ),
    error(
        "F212",
        "text that cannot be shown safely",
        "Titles, labels and other text may not hold control characters or marks that turn the "
        "direction of text, and have at most 10,000 characters.",
        length="a text has more than {most:,} characters",
        unsafe=("the character {character} may not be in a text", "remove it"),
    ),
    warning(
        "F213",
        "something is listed twice",
        "The same name stands twice in one list. It changes nothing; perhaps another was meant.",
        twice="{name!r} stands twice in '{key}'",
    ),
)

BLOCKS = (
    error(
        "F214",
        "no such block of criteria",
        "`use` names a block of criteria that stands under `criteria` in the vocabulary or in "
        "this file. There is none of that name.",
        unknown=("there is no block of criteria {name!r}", _MEANT, "known blocks: {known}"),
    ),
)

VOCABULARY = (
    error(
        "F301",
        "no such type",
        "A field's type is one of boolean, integer, number, text, timestamp, duration, or "
        "`list of` one of these.",
        unknown=("there is no type {name!r}", _MEANT, "one of: {known}"),
    ),
    error(
        "F302",
        "declared twice, differently",
        "The vocabulary and this file both declare the name, and not in the same way. Evidence "
        "is shared between definitions, so a name means one thing: choose another name, or "
        "change the vocabulary.",
        placed=(
            "the {kind} {name!r} is declared otherwise in {path}, line {line}",
            "choose another name",
        ),
        declared=("the {kind} {name!r} is declared otherwise", "choose another name"),
    ),
    error(
        "F303",
        "one name for two kinds of fact",
        "An event's own field has the name of a contact's field, or of another event's field of "
        "another type. Expressions could not tell them apart.",
        contact=(
            "a field of the contact is called {name!r} already",
            "remove it: an event may bring any field of the contact",
        ),
        type=("{name!r} is {type} here and {other} in {event!r}", "give it one type, or two names"),
    ),
    warning(
        "F304",
        "an event that nothing uses",
        "This file adds an event that no transition waits for, no scenario tells of, and that "
        "sets no field. Perhaps a transition was to name it.",
        unused=("nothing uses the event {name!r}", "name it under 'on'"),
    ),
)


SETTINGS = (
    error(
        "F701",
        "a `[[notify]]` that is not understood",
        "A `[[notify]]` of `funnelflow.toml` has a `channel`, and may have `name`, `when`, "
        "`funnels`, `fields`, `source` and a table `[notify.settings]` for what belongs to the "
        "channel. Each endpoint has a name of its own; without `name` it is that of its channel.",
        unknown=(
            "[[notify]] has no {key!r}",
            "did you mean {guess!r}? " + _CHANNEL_SETTINGS,
            _CHANNEL_SETTINGS,
        ),
        tables=("notify must be a list of tables", "write each as [[notify]]"),
        text=("{key} must be text", 'write {key} = "…"'),
        names=("{key} must be a list of names", 'write {key} = ["…"]'),
        settings=("settings must be a table", "write [notify.settings]"),
        channel=("this [[notify]] names no channel", 'write channel = "log"'),
        name=(
            "{name!r} is no name of an endpoint",
            "use letters, digits, dots, hyphens and underscores, at most 64",
        ),
        again=(
            "there are two endpoints {name!r}",
            'give each [[notify]] a name of its own: name = "…"',
        ),
    ),
    error(
        "F702",
        "no such notifier",
        "`channel` names a notifier: `log` and `command` are built in, others come with plugins. "
        "`funnelflow plugins list` shows which are installed and switched on.",
        unknown=("there is no notifier {name!r}", _MEANT, "known: {known}; plugins bring more"),
    ),
    error(
        "F703",
        "a setting that the notifier does not take",
        "A setting under `[notify.settings]` is unknown, missing, or of another kind. `funnelflow "
        "plugins show NAME` lists what a plugin's notifier takes. Values are not shown, since they "
        "may be secrets.",
        setting=("{reason}", "they are the settings of the notifier {notifier!r}"),
    ),
    error(
        "F704",
        "no such funnel",
        "`funnels` keeps an endpoint to the contacts of some funnels, and there is no funnel of "
        "this name in the workspace, in a plugin, or among those that ship.",
        unknown=("there is no funnel {name!r}", "{hint}"),
        unusable=("the funnel {name!r} cannot be used", "{hint}"),
    ),
    error(
        "F705",
        "a field that no funnel has",
        "`fields` lists the fields of a contact that messages may carry, and none of the "
        "funnels that the endpoint is for has a field of this name.",
        unknown=(
            "no funnel of the endpoint {endpoint!r} has a field {name!r}",
            _MEANT,
            "funnelflow show lists the fields",
        ),
    ),
    error(
        "F706",
        "the settings of the workspace cannot be used",
        "`funnelflow.toml` says something, apart from `[[notify]]`, that is not understood. "
        "Nothing works in the workspace before that is corrected.",
        settings=("{reason}", "{hint}"),
    ),
    warning(
        "F707",
        "a variable that is not set here",
        "A setting names a variable of the environment, as `${NAME}`, so that a secret need not "
        "stand in the file, and here there is no such variable. Where only files are checked that "
        "does no harm; `funnelflow deliver` needs it.",
        variable=("{reason}", "export {variable}=…"),
    ),
    error(
        "F708",
        "a plugin that cannot be used",
        "A plugin of this workspace cannot be imported, has hooks that do not fit, or its settings "
        "under `[plugins.NAME]` are not in order. Its criteria are closed and its vetoes are not "
        "heard while that is so. `funnelflow plugins show NAME` shows everything about it; "
        "`required` under `[plugins]` keeps everybody from writing without it.",
        plugin=("{reason}", "{hint}"),
    ),
)


GRAPH = (
    error(
        "F401",
        "there are no stages",
        "A definition needs at least one stage, under `stages`: the places a contact can be in.",
        none=("there are no stages", "add the first under 'stages'"),
    ),
    error(
        "F402",
        "no stage to begin in",
        "`initial` names the stage in which a contact starts. It is one of the stages of the file.",
        missing=("no stage is named to begin in", "add `initial: {stage}`"),
        unknown=("there is no stage {name!r} to begin in", _MEANT, _STAGES),
    ),
    warning(
        "F403",
        "a stage that nothing leads to",
        "No chain of transitions from the initial stage arrives here, so no contact will, except "
        "by a forced move. Add a transition, or remove the stage.",
        unreached=(
            "nothing leads to the stage {name!r}",
            "add a transition to it, or make it part of what is reached",
        ),
    ),
    warning(
        "F404",
        "a trap",
        "The stage is open and no transition leaves it: a contact that arrives stays for ever. "
        "Give it `type: won` or `type: lost` if it is an end, or a transition onwards.",
        trap=(
            "nothing leads out of the open stage {name!r}",
            "add a transition, or `type: won` or `type: lost` if it is an end",
        ),
    ),
    warning(
        "F405",
        "a transition that is never taken",
        "An earlier transition leaves the same stage on the same event and asks for nothing more, "
        "so it is always taken first. Put the one with more criteria first, or remove one.",
        placed=(
            _NEVER + "the one in line {line} is tried first and asks for no more",
            _WEAKER,
        ),
        shadowed=(
            _NEVER + "transition {number} is tried first and asks for no more",
            _WEAKER,
        ),
    ),
    warning(
        "F406",
        "a cycle of automatic transitions",
        "Each of these transitions is taken as soon as its criteria hold, and they lead back to "
        "where they began. A contact that meets all of them would go round; the engine stops it "
        "after each stage was visited once. Give one of them an event, or criteria that exclude "
        "each other.",
        cycle=("automatic transitions go round: {path: -> }", "let one of them wait for an event"),
    ),
    warning(
        "F407",
        "a cycle of waits",
        "These transitions are taken by time alone and lead back to where they began, so an idle "
        "contact goes round for ever and its history never ends. Let an event close the cycle.",
        cycle=("waiting goes round: {path: -> }", "let one of them wait for an event"),
    ),
    warning(
        "F408",
        "a closed stage that is left by accident",
        "A stage of type won or lost is left without anybody meaning to: by an automatic or timed "
        "transition, or by one that names only an outer stage. To take contacts back on purpose, "
        "name the stage in `from` and an event in `on`.",
        outer=("{stage!r} is {type}, and this transition names only a stage around it", _MEANT_TO),
        timed=("{stage!r} is {type}, and time alone leads out", _MEANT_TO),
        automatic=("{stage!r} is {type}, and this leads out by itself", _MEANT_TO),
    ),
    warning(
        "F409",
        "two stages that nothing tells apart",
        "Both stages are entered and left in the same ways under the same criteria, so which of "
        "them a contact is in says nothing. Merge them, or write down what the difference is.",
        placed=("nothing tells {stage!r} from {other!r} (line {line})", _SAME),
        alike=("nothing tells {stage!r} from {other!r}", _SAME),
    ),
    error(
        "F410",
        "nobody takes a transition that time takes",
        "`by` limits who may take a transition, but nobody acts when a wait is over, so it would "
        "never be taken. Remove `by`, or give the transition an event; where both are wanted, "
        "write two transitions.",
        roles=(
            "nobody acts when a wait is over, so 'by' can never be met",
            "remove 'by' or 'after'",
        ),
    ),
    error(
        "F411",
        "a wait that is too short",
        "`after` is at least one minute. To go on at once leave out both `on` and `after`: the "
        "transition is then taken as soon as its criteria hold.",
        wait=("'after' is shorter than a minute", "wait at least 1m"),
    ),
    warning(
        "F412",
        "`since` without `after`",
        "`since` says what a wait is counted from, and this transition does not wait.",
        since=("'since' says nothing without 'after'", "add `after: 30d`"),
    ),
    warning(
        "F413",
        "a stage that nobody stays in",
        "An automatic transition without criteria leaves this stage the moment it is entered. "
        "Give it a criterion, an event, or leave the stage out.",
        passed=(
            "nobody stays in {stages!r}: this transition needs nothing to be taken",
            "add `on`, `after` or `require`",
        ),
    ),
    warning(
        "F414",
        "a transition that goes nowhere",
        "An automatic or timed transition leads back to the very stage it leaves.",
        round=("a contact in {stage!r} would only go round here", "name another stage in `to`"),
    ),
)

INVARIANTS = (
    warning(
        "F415",
        "the definition contradicts itself",
        "Under `always` the definition states an invariant of a stage, and its own transitions "
        "break it; the message shows the path on which they do. A path counts even if its "
        "criteria are rarely met, and a criterion counts as required only where it is written out. "
        "Forced moves are left aside. Change the transition, or remove the invariant.",
        inside=(_BROKEN + "{stage!r} is not nested in {inside!r}", _KEEP),
        after=(_BROKEN + "this path leads around {after: and }: {path: -> }", _KEEP),
        never_after=(_BROKEN + "this path leads there: {path: -> }", _KEEP),
        initial=(_BROKEN + "contacts start in {stage!r}", _KEEP),
        placed=(_BROKEN + "the transition in line {line} does not require it", _KEEP),
        transition=(_BROKEN + "{transition} does not require it", _KEEP),
    ),
)

SCENARIOS = (
    warning(
        "F501",
        "two scenarios tell the same story",
        "Scenarios run as tests under their story, so two with one story cannot be told apart.",
        again=("another scenario tells this story", "say what is different"),
    ),
    error(
        "F502",
        "a scenario without an end",
        "`then` names the stage in which the story must end.",
        missing=("a scenario has no end", "name a stage in `then`"),
    ),
)

EXTENDING = (
    error(
        "F601",
        "definitions extend each other in a cycle",
        "Following `extends` from file to file leads back to the first. One of them must stand "
        "on its own.",
        cycle="{name!r} extends this file in turn",
    ),
    error(
        "F602",
        "the definition that is extended has problems",
        "What this file builds on cannot be read; its own problems are listed beside this one.",
        problems=("the definition {name!r} has problems", "correct {path} first"),
    ),
    error(
        "F603",
        "the stage is not optional",
        "Only a stage that its definition marks `optional: true` may be removed by `without`; "
        "the others are what that funnel means.",
        required=(
            "the stage {name!r} is not optional in {definition!r}",
            "remove it here, or mark it `optional: true` there",
        ),
    ),
    error(
        "F604",
        "`without` needs `extends`",
        "`without` removes stages of the definition that `extends` names, and there is none.",
        extends=("'without' needs 'extends'", "name the definition to build on"),
    ),
    error(
        "F605",
        "the initial stage is removed",
        "`without` removes the stage in which contacts start; say in `initial` where they start "
        "instead.",
        initial=("the stage in which contacts start is removed", "add `initial: stage`"),
    ),
    error(
        "F606",
        "the stage is already there",
        "A file that extends another may add stages, and nested stages to those it took over, but "
        "does not declare the same stage again with another type.",
        type=(
            "the stage {name!r} is of type {type} where it comes from",
            "add a stage of another name",
        ),
    ),
)


_OWN = sorted(
    (
        *FILE, *SHAPE, *NAMES, *BLOCKS, *VOCABULARY, *GRAPH, *INVARIANTS, *SCENARIOS, *EXTENDING,
        *SETTINGS,
    ),
    key=lambda code: code.code,
)  # fmt: skip

CODES: dict[str, Code] = {code.code: code for code in (*_OWN, *EXPRESSION_CODES.values())}
"""Every code that a check may report, in order: the definition's own, then the expressions'."""
