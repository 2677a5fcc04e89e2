"""Every code that is reported about an expression, with its meaning and its messages.

Codes are stable: people look them up and tests hold them. The text of a problem is made from
the templates here when it is shown; see `message_catalogue` for how they are written.
"""

from typing import Final

from funnelflow.criteria.message_catalogue import Code, Severity, wordings

_SPLIT: Final = "split it into several criteria"
_ESCAPES: Final = "write \\\\ for a backslash, or \\n, \\t, \\u20AC"
_WRITE: Final = "write {meant}"
_ON_A_LIST: Final = "use in or size() on a list"
_ON_TEXT: Final = "use startsWith, endsWith or contains"
_NO_COMMENTS: Final = "an expression has no comments"
_DO_NOT_COMPARE: Final = "{left} and {right} do not compare"
_DO_NOT_GO: Final = "{operator} does not go with {left} and {right}"
_NO_CONDITION: Final = "{text} is {kind}, not a condition"
_BRANCHES: Final = "the branches of ? are {then} and {other}"
_NOT_TEXT: Final = "{name}() looks at text, and this is {kind}"
_CHOICES: Final = "its values are: {choices}"
_WHOLE: Final = "{field} is a whole number of 64 bits"
_SIGNS: Final = "look at the signs, and whether && or || is meant"
_CARET: Final = (
    "The caret shows the place inside the expression, and the help what to write instead."
)


def _code(
    code: str,
    meaning: str,
    *message: str,
    severity: Severity = "error",
    **variants: str | tuple[str, ...],
) -> Code:
    """Return a code with the templates of its only message and help, or of its variants."""
    texts = wordings(variants or {"only": message})
    return Code(code, severity, meaning, f"In an expression: {meaning}. {_CARET}", texts)


_SYNTAX: Final = (
    _code(
        "E101",
        "the expression is empty",
        "the expression is empty",
        "write a condition, like contact.budget > 0 or has(contact.email)",
    ),
    _code(
        "E102",
        "the expression is too long",
        "the expression has {length:,} characters",
        f"keep it to {{most:,}}; {_SPLIT}",
    ),
    _code(
        "E103",
        "the expression is nested too deep",
        "the expression is nested more than {most} deep",
        _SPLIT,
    ),
    _code(
        "E104",
        "the expression has too many operators",
        "the expression has more than {most} operators",
        _SPLIT,
    ),
    _code(
        "E105",
        "a character or sign that has no meaning in an expression",
        lookalike=("{written} is no operator", _WRITE),
        power=("there is no power operator", "multiply instead"),
        semicolon=("; has no meaning here", "join conditions by &&"),
        invisible=("the invisible character U+{number:04X} has no meaning here", "leave it out"),
        invisible_in_text=(
            "the text has the invisible character U+{number:04X}",
            "leave it out, or write {escape}",
        ),
        letter=(
            "the letter {written} has no meaning here",
            "names have only letters a to z, digits and _",
        ),
        character=(
            "the character {written} has no meaning here",
            "put text in quotes, or leave it out",
        ),
    ),
    _code(
        "E106",
        "a text without its closing quote",
        "the text has no closing quote",
        "add {quote} at its end",
    ),
    _code(
        "E107",
        "a backslash followed by something that is no escape sequence",
        unknown=("{written} is no escape sequence", _ESCAPES),
        no_character=("{written} is no character", _ESCAPES),
        raw_twice=("one r is enough", "leave the other out"),
    ),
    _code(
        "E108",
        "something is missing, or stands where it cannot",
        ends_early=("the expression ends too early", "write what is missing"),
        value_missing=("something is missing before {written}", "write a value"),
        cannot_follow=(
            "{written} cannot follow here",
            _WRITE,
            "join conditions by && or ||, and put text in quotes",
        ),
        like=("{written} cannot follow here", _ON_TEXT),
        not_in=("not in is no operator", "write !(contact.x in […])"),
        second_branch=("? has no second branch", "write a ? b : c"),
        after_dot=(
            "a name must follow the dot",
            "write {number}.0",
            "write it like contact.budget",
        ),
    ),
    _code(
        "E109",
        "a bracket without its counterpart",
        closes_nothing=("this {written} closes nothing", "leave it out"),
        never_closed=("this {written} is never closed", "add {closing} where it ends"),
    ),
    _code(
        "E110",
        "`=` or `===` where `==` is meant",
        single=("{written} does not compare", _WRITE),
        several=("{written} is no comparison", _WRITE),
    ),
    _code(
        "E111",
        "`and`, `or` or `not` where `&&`, `||` or `!` is meant",
        "{written!r} is no operator here",
        _WRITE,
    ),
    _code(
        "E112",
        "`=>` or `=<` where `>=` or `<=` is meant",
        "{written} is the wrong way round",
        _WRITE,
    ),
    _code("E113", "`<>` where `!=` is meant", "{written} is no comparison", _WRITE),
    _code(
        "E114",
        "curly quotes around a text",
        around=("curly quotes hold no text", 'write "{text}"'),
        single=("a curly quote is no quote", 'write "'),
    ),
    _code(
        "E115",
        "a single `&` or `|` where `&&` or `||` is meant",
        "a single {written} does not combine criteria",
        _WRITE,
    ),
    _code(
        "E116",
        "a number with a unit, a separator or a currency sign in it",
        numeral=("{written} is no number", "write {number}", "write digits, like 5000 or 12.5"),
        duration=("{written} is no duration", 'write duration("{duration}")'),
        underscore=("_ is no part of a number", "write {number}"),
        percent=("% is no part of a number", "write 0.5 for 50%"),
        commas=(
            "a number has no commas",
            "write {number}, or {decimal} if the comma is decimal",
            "write {number}",
        ),
        unit=(
            "{written} is no part of a number",
            "write the number alone, without spaces or a unit",
        ),
        currency=("{written} is no part of a number", "write the number alone"),
    ),
    _code(
        "E117",
        "a number that is too large",
        "the number is too large",
        "integers have 64 bits",
    ),
    _code(
        "E118",
        "unsigned numbers and bytes, which are not used",
        unsigned=("unsigned numbers are not used", "write {number}"),
        bytes=("bytes are not used", "write a text without the b"),
    ),
    _code("E119", "a comment inside an expression", _NO_COMMENTS, "say it in the label"),
)

_NAMES: Final = (
    _code(
        "E120",
        "comparisons in a chain, like `1 < x < 3`",
        "comparisons do not chain",
        "write {first} && {middle} {operator} {last}",
    ),
    _code(
        "E121",
        "`null`, which is not used: a fact that nobody knows is absent",
        "there is no {name}",
        "ask whether a fact is known: !has(contact.x)",
    ),
    _code(
        "E122",
        "square brackets that pick something out",
        "nothing can be picked out with [ ]",
        "write {field}",
        _ON_A_LIST,
    ),
    _code("E123", "a regular expression", "there are no regular expressions", _ON_TEXT),
    _code("E124", "a macro such as `exists` or `all`", "there is no {name}() here", _ON_A_LIST),
    _code(
        "E125",
        "a function of CEL that is not part of the criteria language",
        "{name}() is not among the functions of a criterion",
        "compare the value as it is",
    ),
    _code(
        "E126",
        "a function that does not exist",
        unknown=("there is no function {name}()", "did you mean {guess}?", "there are: {known}"),
        behind_text=("{name}() stands behind a text", _WRITE),
    ),
    _code(
        "E127",
        "a function with the wrong arguments",
        size=("size() takes one text or list", "write size(contact.x)"),
        quoted=("{name}() takes a text in quotes", 'write {name}("{example}")'),
        text_test=("{name}() takes one text", 'write .{name}("…")'),
    ),
    _code(
        "E130",
        "a field that does not exist",
        "there is no field {root}.{name}",
        "did you mean {guess}?",
        "the {root} has: {known}",
        "the {root} has no fields here",
    ),
    _code(
        "E131",
        "a name that has no meaning, or lacks `contact.` or `event.` before it",
        unknown=(
            "{name} has no meaning here",
            _WRITE,
            "did you mean {guess}?",
            'write "{name}" for a text, or contact.x for a field',
        ),
        root=("{name} alone is no value", "name one of its fields, like {name}.x"),
        no_root=("{name} needs its root before it", _WRITE),
        no_fields=("{name} has no fields", _WRITE),
    ),
    _code(
        "E132",
        "a field of something that has no fields",
        of_field=("{text} is {kind} and has no fields", "leave out what follows it"),
        of_value=("a value has no field {name}", "name a field as contact.x"),
    ),
    _code(
        "E133",
        "`has()` of something that is no field",
        "has() takes one field",
        "write has({field})",
        "write has(contact.x)",
    ),
)

_TYPES: Final = (
    _code(
        "E140",
        "values of types that do not compare",
        types=(
            _DO_NOT_COMPARE,
            "write {item} in {list}",
            'write "{quoted}"',
            "write {unquoted} without quotes",
        ),
        boolean=(_DO_NOT_COMPARE, "compare with true or false"),
        duration=(_DO_NOT_COMPARE, 'write a duration, like duration("720h") for 30 days'),
        timestamp=(
            _DO_NOT_COMPARE,
            'write a timestamp, like timestamp("2026-03-01T00:00:00Z")',
        ),
        age=(_DO_NOT_COMPARE, "write now - {field} for how long ago it was"),
        not_a_list=(
            "in looks into a list, and this is {kind}",
            "write {text}.contains({part})",
            "write [{text}]",
        ),
        never_in=("{left} is never in {right}", "list values of its type"),
    ),
    _code(
        "E141",
        "arithmetic that mixes numbers and whole numbers",
        "{operator} does not mix a number and a whole number",
        "write {whole}.0",
        "give both the same type",
    ),
    _code(
        "E142",
        "an operator that does not go with these types",
        types=_DO_NOT_GO,
        times=(_DO_NOT_GO, 'add a duration, like duration("720h") for 30 days'),
        texts=(_DO_NOT_GO, "only text is joined to text"),
        remainder=(_DO_NOT_GO, "% takes whole numbers"),
        order=("lists have no order", "compare size() of them"),
        sign="- has no meaning before {kind}",
    ),
    _code(
        "E143",
        "a value where a condition is needed",
        value=(_NO_CONDITION, "compare it, like {example}", "compare it"),
        constant=(_NO_CONDITION, "compare it with a field"),
        field=(
            _NO_CONDITION,
            "write has({text}), or compare it, like {example}",
            "write has({text}), or compare it",
        ),
    ),
    _code(
        "E144",
        "branches of `?:` of different types",
        types=(_BRANCHES, "give both branches the same type"),
        numbers=(_BRANCHES, "write 1.0 for 1"),
    ),
    _code(
        "E145",
        "a list of different types",
        "the list holds {first} and {other}",
        "list values of one type",
    ),
    _code(
        "E146",
        "a list in a list, or a map",
        nested=("a list cannot hold lists", "list single values"),
        map=("there are no maps here", "compare one field at a time"),
    ),
    _code(
        "E147",
        "a value of another type than the one wanted",
        "this is {kind}, where {wanted} is wanted",
    ),
    _code(
        "E148",
        "a function of text or lists used on something else",
        size=("{kind} has no size", "size() counts characters of a text or items of a list"),
        text_test=(_NOT_TEXT, "write {part} in {list}"),
        constant=(_NOT_TEXT, "put it in quotes"),
    ),
    _code("E150", "a text in `timestamp()` that is no timestamp", "{reason}", "{advice}"),
    _code("E151", "a text in `duration()` that is no duration", "{reason}", "{advice}"),
    _code("E152", "a time or duration finer than a microsecond", "{reason}", "{advice}"),
    _code(
        "E153",
        "a date that is not wrapped in `timestamp()`",
        _DO_NOT_COMPARE,
        'write timestamp("{timestamp}")',
    ),
    _code(
        "E154",
        "a value that is none of the field's choices",
        "{value} is none of the values of {field}",
        "did you mean {guess}?",
        _CHOICES,
    ),
)

_MOMENTS: Final = (
    _code(
        "E160",
        "`now` where the moment of a change cannot be computed",
        both_sides=(
            "now stands on both sides of {operator}",
            'let one side be without it, like now - contact.x >= duration("72h")',
        ),
        list=("now stands in a list, or is looked for in one", "compare it, like now < contact.x"),
        choice=(
            "a choice between times depends on now",
            "put ? : around the comparisons, not inside one",
        ),
    ),
    _code(
        "E161",
        "`event.` beside `now` in a criterion that time alone may open",
        "{field} is unknown when time opens the transition",
        "name an event under `on`, or keep the fact in a field of the contact",
    ),
)

_WARNINGS: Final = (
    _code(
        "E190",
        "a criterion, or a part of it, that can never hold",
        alone=("{text} can never hold", _CHOICES, _WHOLE),
        together=("{text} and {other} never hold together", _CHOICES, _SIGNS),
        severity="warning",
    ),
    _code(
        "E191",
        "a criterion, or a part of it, that always holds",
        alone=("{text} always holds", _CHOICES, _WHOLE),
        together=("one of {text} and {other} always holds", _CHOICES, _SIGNS),
        severity="warning",
    ),
    _code(
        "E192",
        "a calculation that has no result, like a division by zero",
        by_zero="{text} has no result: dividing by zero",
        out_of_range="{text} has no result: it is out of range",
        severity="warning",
    ),
)

EXPRESSION_CODES: Final = {
    code.code: code for code in (*_SYNTAX, *_NAMES, *_TYPES, *_MOMENTS, *_WARNINGS)
}
"""Every code of an expression, in order."""
