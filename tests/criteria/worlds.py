"""What property-based tests draw from: a scope of every type, contacts, and expressions.

Expressions are drawn by type and printed with only the parentheses that CEL's precedence
asks for, now and then with more, so that a wrong precedence shows as a wrong answer.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st

from funnelflow.criteria import (
    BOOLEAN,
    DURATION,
    INTEGER,
    NUMBER,
    TEXT,
    TIMESTAMP,
    Field,
    Scope,
    Type,
    list_of,
)
from funnelflow.criteria.functions import OF_TIME

NOW = dt.datetime(2026, 4, 4, 12, tzinfo=dt.UTC)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
LISTED = {kind: list_of(kind) for kind in (BOOLEAN, INTEGER, NUMBER, TEXT, TIMESTAMP, DURATION)}

_CONTACT = {
    "flag": BOOLEAN,
    "other_flag": BOOLEAN,
    "count": INTEGER,
    "total": INTEGER,
    "budget": NUMBER,
    "rate": NUMBER,
    "name": TEXT,
    "email": TEXT,
    "seen": TIMESTAMP,
    "due": TIMESTAMP,
    "wait": DURATION,
    "pause": DURATION,
    "tags": LISTED[TEXT],
    "scores": LISTED[NUMBER],
    "ids": LISTED[INTEGER],
    "marks": LISTED[BOOLEAN],
    "visits": LISTED[TIMESTAMP],
    "waits": LISTED[DURATION],
}
_EVENT = {"amount": NUMBER, "count": INTEGER, "note": TEXT, "urgent": BOOLEAN, "at": TIMESTAMP}

SCOPE = Scope(
    {name: Field(name, kind) for name, kind in _CONTACT.items()},
    {name: Field(name, kind) for name, kind in _EVENT.items()},
)

heavy = settings(max_examples=max(200, settings().max_examples))
"""For the laws of the language: more examples than usual, 5,000 with the profile "full"."""

_LAST = 2**63 - 1
INTEGERS = st.one_of(
    st.integers(-4, 4),
    st.sampled_from([_LAST, _LAST - 1, -_LAST, -_LAST - 1, 2**53, 2**53 + 1, 2**31, 3_037_000_500]),
    st.integers(-_LAST - 1, _LAST),
)
NUMBERS = st.one_of(
    st.sampled_from(
        [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, 0.1, 0.2, 0.3, 1e308, -1e308, 5e-324, 2.0**53, 2.0**63,
         -(2.0**63), 9223372036854774784.0, 1e19, 1e-7, 1e16]
    ),
    st.integers(-4, 4).map(float),
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(["", "a", "ab", "abc", "b", "B", "ä", "a\u0308", "🐱", "a🐱", "é", "\uffff",
                     "z", "%", "_", "a%b", "\\", "'", '"', "a\nb", "0", "10", "9", " "]),
    st.text("abAB%_\\'\"ä🐱", max_size=6),
)  # fmt: skip
TIMESTAMPS = st.one_of(
    st.sampled_from(
        [
            NOW,
            EPOCH,
            dt.datetime(1, 1, 1, tzinfo=dt.UTC),
            dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC),
            dt.datetime(2026, 3, 1, tzinfo=dt.UTC),
            dt.datetime(1733, 12, 31, tzinfo=dt.UTC),
        ]
    ),
    st.datetimes(timezones=st.just(dt.UTC)),
)
_LONGEST = (2**63 - 1) // 1000
DURATIONS = st.one_of(
    st.sampled_from(
        [0, 1, -1, 1_000_000, 86_400_000_000, 30 * 86_400_000_000, _LONGEST, -_LONGEST]
    ),
    st.integers(-_LONGEST, _LONGEST),
).map(lambda micros: dt.timedelta(microseconds=micros))

VALUES: dict[Type, st.SearchStrategy[Any]] = {
    BOOLEAN: st.booleans(),
    INTEGER: INTEGERS,
    NUMBER: NUMBERS,
    TEXT: TEXTS,
    TIMESTAMP: TIMESTAMPS,
    DURATION: DURATIONS,
}
VALUES |= {LISTED[kind]: st.lists(VALUES[kind], max_size=3).map(tuple) for kind in list(VALUES)}


def facts_of(kinds: dict[str, Type]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw facts: all of them, or some."""
    values = {name: VALUES[kind] for name, kind in kinds.items()}
    return st.one_of(st.fixed_dictionaries(values), st.fixed_dictionaries({}, optional=values))


CONTACTS = facts_of(_CONTACT)
EVENTS = facts_of(_EVENT)
NOWS = st.one_of(st.just(NOW), st.datetimes(timezones=st.just(dt.UTC)))


class Written(NamedTuple):
    """The text of an expression and how tightly it binds."""

    text: str
    binds: int


_CHOICE, _OR, _AND, _RELATION, _SUM, _PRODUCT, _SIGN, _ATOM = range(1, 9)
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\\": "\\\\"}


def text_literal(value: str, quote: str) -> str:
    """Write a text in quotes of a kind, escaping what must be."""
    body = "".join(
        f"\\{char}" if char == quote else _ESCAPES.get(char, char)
        if char.isprintable() or char in _ESCAPES
        else f"\\U{ord(char):08X}"
        for char in value
    )  # fmt: skip
    return f"{quote}{body}{quote}"


def duration_literal(value: dt.timedelta) -> str:
    """Write a duration as CEL does."""
    micros = value // dt.timedelta(microseconds=1)
    return f'duration("{micros}us")'


def timestamp_literal(value: dt.datetime) -> str:
    """Write a timestamp as CEL does."""
    return f'timestamp("{value.year:04d}-{value:%m-%dT%H:%M:%S}.{value.microsecond:06d}Z")'


def _literal(kind: Type) -> st.SearchStrategy[Written]:
    """Draw a constant of a type."""
    if kind == BOOLEAN:
        return st.sampled_from([Written("true", _ATOM), Written("false", _ATOM)])
    if kind == INTEGER:
        return st.tuples(INTEGERS, st.booleans()).map(_integer_literal)
    if kind == NUMBER:
        return NUMBERS.map(
            lambda value: Written(repr(value), _SIGN if repr(value)[0] == "-" else _ATOM)
        )
    if kind == TEXT:
        quotes = st.sampled_from(["'", '"'])
        return st.builds(
            lambda value, quote: Written(text_literal(value, quote), _ATOM), TEXTS, quotes
        )
    write = timestamp_literal if kind == TIMESTAMP else duration_literal
    return VALUES[kind].map(lambda value: Written(write(value), _ATOM))


def _integer_literal(drawn: tuple[int, bool]) -> Written:
    value, hexadecimal = drawn
    text = f"{'-' * (value < 0)}0x{abs(value):x}" if hexadecimal else str(value)
    return Written(text, _SIGN if value < 0 else _ATOM)


def _read(kind: Type) -> list[str]:
    """List the fields of a type."""
    return [
        f"{root}.{name}"
        for root, kinds in (("contact", _CONTACT), ("event", _EVENT))
        for name, other in kinds.items()
        if other == kind
    ]


def _atom(kind: Type) -> st.SearchStrategy[Written]:
    """Draw a field or a constant of a type."""
    names = [Written(name, _ATOM) for name in _read(kind)]
    if kind == TIMESTAMP:
        names.append(Written("now", _ATOM))
    if kind.is_list:
        assert kind.item is not None
        items = st.lists(_literal(kind.item), max_size=3)
        return st.sampled_from(names) | items.map(_listed)
    return st.sampled_from(names) | st.sampled_from(names) | _literal(kind)


def _listed(items: list[Written]) -> Written:
    return Written(f"[{', '.join(item.text for item in items)}]", _ATOM)


def _inside(part: Written, binds: int) -> str:
    """Write a part where something that binds at least so tightly must stand."""
    return part.text if part.binds >= binds else f"({part.text})"


def _binary(
    operator: str, binds: int, left: st.SearchStrategy[Written], right: st.SearchStrategy[Written]
) -> st.SearchStrategy[Written]:
    """Draw an operation that groups from the left."""
    return st.builds(
        lambda a, b: Written(f"{_inside(a, binds)} {operator} {_inside(b, binds + 1)}", binds),
        left,
        right,
    )


def _choice(
    test: st.SearchStrategy[Written], branch: st.SearchStrategy[Written]
) -> st.SearchStrategy[Written]:
    """Draw ``? :``."""
    return st.builds(
        lambda a, b, c: Written(
            f"{_inside(a, _OR)} ? {_inside(b, _OR)} : {_inside(c, _CHOICE)}", _CHOICE
        ),
        test,
        branch,
        branch,
    )


Draw = Callable[[Type], st.SearchStrategy[Written]]


def _deeper(kind: Type, draw: Draw) -> list[st.SearchStrategy[Written]]:
    """Return the ways to make an expression of a type from smaller ones."""
    same = draw(kind)
    ways = [_choice(draw(BOOLEAN), same)]
    if kind == BOOLEAN:
        ways += _conditions(draw)
    if kind == INTEGER:
        ways += [_binary(sign, _SUM, same, same) for sign in "+-"]
        ways += [_binary(sign, _PRODUCT, same, same) for sign in "*/%"]
        ways += [_sign("-", same), _size(draw)]
        ways += [_called("int", draw(given)) for given in (NUMBER, TEXT, INTEGER, TIMESTAMP)]
        ways.append(_part_of_time(draw))
    if kind == NUMBER:
        ways += [_binary(sign, _SUM, same, same) for sign in "+-"]
        ways += [_binary(sign, _PRODUCT, same, same) for sign in "*/"]
        ways += [_sign("-", same)]
        ways += [_called("double", draw(given)) for given in (NUMBER, TEXT, INTEGER)]
    if kind == TEXT or kind.is_list:
        ways.append(_binary("+", _SUM, same, same))
    if kind == TEXT:
        plain = (TEXT, INTEGER, BOOLEAN)
        ways += [_called("string", draw(given)) for given in plain]
        ways += [_behind(name, same) for name in ("lowerAscii", "upperAscii", "trim")]
    if kind == TIMESTAMP:
        length = draw(DURATION)
        ways += [_binary("+", _SUM, same, length), _binary("+", _SUM, length, same)]
        ways.append(_binary("-", _SUM, same, length))
    if kind == DURATION:
        ways += [_binary(sign, _SUM, same, same) for sign in "+-"]
        ways.append(_binary("-", _SUM, draw(TIMESTAMP), draw(TIMESTAMP)))
    if kind.item is not None:
        ways.append(st.lists(draw(kind.item), min_size=1, max_size=3).map(_listed))
    return ways


def _sign(sign: str, of: st.SearchStrategy[Written]) -> st.SearchStrategy[Written]:
    """Draw a sign before something, or two, which cancel out."""
    return st.builds(
        lambda part, twice: Written(f"{sign * (1 + twice)}{_inside(part, _ATOM)}", _SIGN),
        of,
        st.sampled_from([False, False, False, True]),
    )


def _called(name: str, of: st.SearchStrategy[Written]) -> st.SearchStrategy[Written]:
    """Draw a function of something."""
    return of.map(lambda part: Written(f"{name}({part.text})", _ATOM))


def _behind(
    name: str, of: st.SearchStrategy[Written], zone: str = ""
) -> st.SearchStrategy[Written]:
    """Draw a function that stands behind something."""
    return of.map(lambda part: Written(f"{_inside(part, _ATOM)}.{name}({zone})", _ATOM))


def _part_of_time(draw: Draw) -> st.SearchStrategy[Written]:
    """Draw a part of a time, in UTC or in a zone."""
    zones = st.sampled_from(["", "", "'UTC'", "'+05:30'", "'-08:00'", "'Europe/Paris'"])
    return st.tuples(st.sampled_from(OF_TIME), zones).flatmap(
        lambda drawn: _behind(drawn[0], draw(TIMESTAMP), drawn[1])
    )


def _size(draw: Draw) -> st.SearchStrategy[Written]:
    """Draw ``size(x)`` or ``x.size()``."""
    items = st.sampled_from([TEXT, *LISTED.values()]).flatmap(draw)
    return st.builds(
        lambda part, method: Written(
            f"{_inside(part, _ATOM)}.size()" if method else f"size({part.text})", _ATOM
        ),
        items,
        st.booleans(),
    )


def _conditions(draw: Draw) -> list[st.SearchStrategy[Written]]:
    """Return the ways to make a condition."""
    has = [Written(f"has({name})", _ATOM) for kind in VALUES for name in _read(kind)]
    ordered = st.sampled_from([BOOLEAN, INTEGER, NUMBER, TEXT, TIMESTAMP, DURATION])
    orders = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    truth = draw(BOOLEAN)
    return [
        st.sampled_from(has),
        _sign("!", truth),
        _several("&&", _AND, truth),
        _several("||", _OR, truth),
        st.tuples(ordered, orders).flatmap(
            lambda drawn: _binary(drawn[1], _RELATION, draw(drawn[0]), draw(drawn[0]))
        ),
        orders.flatmap(lambda sign: _binary(sign, _RELATION, draw(INTEGER), draw(NUMBER))),
        orders.flatmap(lambda sign: _binary(sign, _RELATION, draw(NUMBER), draw(INTEGER))),
        st.tuples(st.sampled_from(list(LISTED.values())), st.sampled_from(["==", "!="])).flatmap(
            lambda drawn: _binary(drawn[1], _RELATION, draw(drawn[0]), draw(drawn[0]))
        ),
        _binary("==", _RELATION, draw(LISTED[INTEGER]), draw(LISTED[NUMBER])),
        st.sampled_from(list(LISTED)).flatmap(
            lambda kind: _binary("in", _RELATION, draw(kind), draw(LISTED[kind]))
        ),
        _binary("in", _RELATION, draw(INTEGER), draw(LISTED[NUMBER])),
        _binary("in", _RELATION, draw(NUMBER), draw(LISTED[INTEGER])),
        st.sampled_from(list(LISTED)).flatmap(lambda kind: _macro(draw, kind)),
        st.builds(
            lambda text, test, part: Written(f"{_inside(text, _ATOM)}.{test}({part.text})", _ATOM),
            draw(TEXT),
            st.sampled_from(["startsWith", "endsWith", "contains"]),
            draw(TEXT),
        ),
    ]


def _macro(draw: Draw, kind: Type) -> st.SearchStrategy[Written]:
    """Draw a macro over a list: a condition of its items, alone or beside others."""
    item = Written("i", _ATOM)
    signs = st.sampled_from(["==", "!=", "<", ">="])
    test = st.tuples(signs, st.booleans()).flatmap(
        lambda drawn: _binary(
            drawn[0],
            _RELATION,
            st.just(item) if drawn[1] or not kind.is_numeric else _halved(kind, draw),
            _atom(kind),
        )
    )
    tests = test if kind != BOOLEAN else st.just(item) | test
    parts = st.lists(tests, min_size=1, max_size=2)
    return st.builds(
        lambda items, name, joint, found: Written(
            f"{_inside(items, _ATOM)}.{name}(i, {joint.join(_inside(one, _SUM) for one in found)})",
            _ATOM,
        ),
        draw(LISTED[kind]).filter(lambda drawn: "[]" not in drawn.text),
        st.sampled_from(["exists", "all", "exists_one"]),
        st.sampled_from([" && ", " || "]),
        parts,
    )


def _halved(kind: Type, draw: Draw) -> st.SearchStrategy[Written]:
    """Draw a calculation with an item, which may have no result."""
    return _atom(kind).map(lambda one: Written(f"{_inside(one, _SIGN)} / i", _PRODUCT))


def _several(
    operator: str, binds: int, part: st.SearchStrategy[Written]
) -> st.SearchStrategy[Written]:
    """Draw two or three conditions joined by an operator."""
    return st.lists(part, min_size=2, max_size=3).map(
        lambda parts: Written(f" {operator} ".join(_inside(one, binds + 1) for one in parts), binds)
    )


_DRAWN: dict[tuple[Type, int], st.SearchStrategy[Written]] = {}


def written(kind: Type = BOOLEAN, depth: int = 3) -> st.SearchStrategy[Written]:
    """Draw an expression of a type, with at most so many operations inside each other."""
    if (kind, depth) not in _DRAWN:
        atoms = _atom(kind)
        if depth:
            deeper = st.one_of(*_deeper(kind, lambda one: written(one, depth - 1)))
            _DRAWN[kind, depth] = st.one_of(deeper, deeper, deeper, atoms)
        else:
            _DRAWN[kind, depth] = atoms
    return _DRAWN[kind, depth]


def sources(kind: Type = BOOLEAN, depth: int = 3) -> st.SearchStrategy[str]:
    """Draw the text of an expression of a type."""
    return written(kind, depth).map(lambda one: one.text)


TYPED_SOURCES = st.sampled_from([*LISTED, *LISTED, BOOLEAN, BOOLEAN, *VALUES]).flatmap(
    lambda kind: st.tuples(st.just(kind), sources(kind))
)
"""A type and an expression of that type."""
