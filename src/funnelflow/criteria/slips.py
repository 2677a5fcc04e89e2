"""What people type who know another language, or whose word processor knows better.

Each has a code of its own and, where the meaning is plain, the operator that was meant.
"""

from typing import Final

from attrs import frozen

__all__ = ["CURRENCY", "LOOKALIKES", "SLIPS", "WORDS", "Slip", "closing_quotes"]


@frozen
class Slip:
    """A sign that is no operator: its problem, and the operator that was meant, if any."""

    code: str
    message: str
    help: str
    meant: str = ""


def _for(code: str, meant: str, message: str) -> Slip:
    """Describe a slip whose meaning is plain."""
    return Slip(code, message, f"write {meant}", meant)


SLIPS: Final = {
    "=": _for("E110", "==", "= does not compare"),
    "===": _for("E110", "==", "=== is no comparison"),
    "!==": _for("E110", "!=", "!== is no comparison"),
    "=>": _for("E112", ">=", "=> is the wrong way round"),
    "=<": _for("E112", "<=", "=< is the wrong way round"),
    "<>": _for("E113", "!=", "<> is no comparison"),
    "&": _for("E115", "&&", "a single & does not combine criteria"),
    "|": _for("E115", "||", "a single | does not combine criteria"),
    "//": Slip("E119", "an expression has no comments", "say it in the label"),
    "/*": Slip("E119", "an expression has no comments", "say it in the label"),
    "**": Slip("E105", "there is no power operator", "multiply instead"),
    ";": Slip("E105", "; has no meaning here", "join conditions by &&"),
}
WORDS: Final = {
    word: _for("E111", meant, f"{word!r} is no operator here")
    for lower, meant in (("and", "&&"), ("or", "||"), ("not", "!"))
    for word in (lower, lower.upper(), lower.capitalize())
}
LOOKALIKES: Final = {
    sign: _for("E105", meant, f"{sign} is no operator")
    for sign, meant in {
        "\u2265": ">=",
        "\u2264": "<=",
        "\u2260": "!=",
        "\u00d7": "*",
        "\u00f7": "/",
        "\u2212": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2227": "&&",
        "\u2228": "||",
        "\u00ac": "!",
        "\u2208": "in",
    }.items()
}
CURRENCY: Final = "$\u20ac\u00a3\u00a5\u20b9\u20bd\u00a2\u20a9\u20ba\u20b4\u20bf"

_DOUBLE = "\u201c\u201d\u201e\u201f"
_SINGLE = "\u2018\u2019\u201a\u201b"
_QUOTES: Final = {
    **dict.fromkeys(_DOUBLE, _DOUBLE + '"'),
    **dict.fromkeys(_SINGLE, _SINGLE + "'"),
    "\u00ab": "\u00bb",
    "\u00bb": "\u00ab",
    "\u2033": "\u2033",
    "\u2032": "\u2032",
    "`": "`\u00b4",
    "\u00b4": "\u00b4",
}


def closing_quotes(char: str) -> str:
    """Give the characters that end a text which a curly quote begins; empty for no quote."""
    return _QUOTES.get(char, "")
