"""What people get to read: each usual slip has its code, its exact place and its help."""

import pytest

from funnelflow.criteria import (
    BOOLEAN,
    DURATION,
    EXPRESSION_CODES,
    INTEGER,
    NUMBER,
    TEXT,
    TIMESTAMP,
    CriterionError,
    Field,
    Scope,
    compile_expression,
    list_of,
)

FIELDS = [
    Field("budget", NUMBER),
    Field("seats", INTEGER),
    Field("authority", TEXT, choices=("decides", "influences")),
    Field("level", INTEGER, choices=(1, 2, 3)),
    Field("email", TEXT),
    Field("fits", BOOLEAN),
    Field("last_reply", TIMESTAMP),
    Field("wait", DURATION),
    Field("tags", list_of(TEXT)),
    Field("topics", list_of(TEXT), choices=("crm", "erp")),
]
SCOPE = Scope(
    {field.name: field for field in FIELDS},
    {"amount": Field("amount", NUMBER), "email": Field("email", TEXT)},
)

# The place of the problem stands between « and »; « alone is a place behind the end.
SLIPS = [
    ("contact.seats «=» 5", "E110", "write =="),
    ("contact.seats «===» 5", "E110", "write =="),
    ("contact.seats «!==» 5", "E110", "write !="),
    ("contact.fits «and» contact.fits", "E111", "write &&"),
    ("contact.fits «OR» contact.fits", "E111", "write ||"),
    ("«not» contact.fits", "E111", "write !"),
    ("contact.seats «=>» 5", "E112", "write >="),
    ("contact.seats «=<» 5", "E112", "write <="),
    ("contact.seats «<>» 5", "E113", "write !="),
    ("contact.email == «\u201cada\u201d»", "E114", 'write "ada"'),
    ("contact.email == «\u201eada\u201c»", "E114", 'write "ada"'),
    ("contact.email == «\u2018ada\u2019»", "E114", 'write "ada"'),
    ("contact.email == «`ada`»", "E114", 'write "ada"'),
    ('contact.email == «\u201ca"»', "E114", 'write "a"'),
    ("contact.email == «\u201c»ada", "E114", 'write "'),
    ("contact.fits «&» contact.fits", "E115", "write &&"),
    ("contact.fits «|» contact.fits", "E115", "write ||"),
    ("contact.seats «\u2265» 5", "E105", "write >="),
    ("contact.seats «\u2260» 5", "E105", "write !="),
    ("contact.seats > 5 «\u2212» 1", "E105", "write -"),
    ("contact.fits«;»", "E105", "join conditions by &&"),
    ("contact.seats«\u00a0»> 5", "E105", "leave it out"),
    ("contact.fits «@»", "E105", "put text in quotes, or leave it out"),
    ("contact.email == ada«@»example.com", "E105", "put text in quotes, or leave it out"),
    ("contact.«ü»ber", "E105", "names have only letters a to z, digits and _"),
    ("contact.seats «**» 2 > 5", "E105", "multiply instead"),
    ('contact.email == "a«\u202e»b"', "E105", "leave it out, or write \\u202E"),
    ('contact.email == «"ada»', "E106", 'add " at its end'),
    ('contact.email == «"""ada"»', "E106", 'add """ at its end'),
    ('contact.email == "a«\\q»"', "E107", "write \\\\ for a backslash, or \\n, \\t, \\u20AC"),
    ('contact.email == "«\\uD800»"', "E107", "write \\\\ for a backslash, or \\n, \\t, \\u20AC"),
    ("contact.seats > 5 «//» many", "E119", "say it in the label"),
    ("contact.seats > 5 «/*» x */", "E119", "say it in the label"),
    ("«»", "E101", "write a condition, like contact.budget > 0 or has(contact.email)"),
    ("«  \n »", "E101", "write a condition, like contact.budget > 0 or has(contact.email)"),
    ("contact.seats > «", "E108", "write what is missing"),
    ("contact.fits && «)»", "E108", "write a value"),
    ("«*» 5 == 5", "E108", "write a value"),
    ("contact.seats «5»", "E108", "join conditions by && or ||, and put text in quotes"),
    (
        "contact.email == ada «lovelace»",
        "E108",
        "join conditions by && or ||, and put text in quotes",
    ),
    ('contact.email «contains» "a"', "E108", 'write contact.x.contains("…")'),
    ("contact.seats in (1«,» 2)", "E108", "write a list in [ ]"),
    ("has «contact».email", "E108", "write has(contact.x)"),
    ("contact.budget > 5.«", "E108", "write 5.0"),
    ('contact.email «is» "a"', "E108", "write ==, or has(contact.x) to ask whether it is known"),
    ('contact.email «!» in ["a"]', "E108", "write !(contact.x in […])"),
    ("contact.fits «?» true", "E108", "write a ? b : c"),
    ("contact.«5»", "E108", "write it like contact.budget"),
    ("contact.«true»", "E108", "write it like contact.budget"),
    ("«(»contact.seats > 5", "E109", "add ) where it ends"),
    ('contact.email in «[»"a"', "E109", "add ] where it ends"),
    ("contact.seats > 5«)»", "E109", "leave it out"),
    ("contact.seats > «5k»", "E116", "write 5000"),
    ("contact.seats > «1.5M»", "E116", "write 1500000"),
    ("contact.seats > 5«,»000", "E116", "write 5000, or 5.000 if the comma is decimal"),
    ("contact.seats > «1_000»", "E116", "write 1000"),
    ("contact.seats > 5 «000»", "E116", "write the number alone, without spaces or a unit"),
    ("contact.budget > 5000 «EUR»", "E116", "write the number alone, without spaces or a unit"),
    ("contact.seats > 50«%»", "E116", "write 0.5 for 50%"),
    ("contact.seats > 50«%» && contact.fits", "E116", "write 0.5 for 50%"),
    ("contact.seats > «€»5", "E116", "write the number alone"),
    ("contact.seats > 5 «$»", "E116", "write the number alone"),
    ("contact.wait > «30d»", "E116", 'write duration("720h")'),
    ("contact.seats > «5x»", "E116", "write digits, like 5000 or 12.5"),
    ("contact.seats > «9223372036854775808»", "E117", "integers have 64 bits"),
    ("contact.budget > «1e999»", "E117", "integers have 64 bits"),
    ("contact.seats > «5u»", "E118", "write 5"),
    ('contact.email == «b"a"»', "E118", "write a text without the b"),
    (
        "«1 < contact.seats < 5»",
        "E120",
        "write 1 < contact.seats && contact.seats < 5",
    ),
    ("contact.email == «null»", "E121", "ask whether a fact is known: !has(contact.x)"),
    ("contact.email == «None»", "E121", "ask whether a fact is known: !has(contact.x)"),
    ('contact«["email"]» == "a"', "E122", "write contact.email"),
    ('contact.tags«[0]» == "a"', "E122", "use in or size() on a list"),
    ('contact.email.«matches»("a.*")', "E123", "use startsWith, endsWith or contains"),
    ('contact.tags.«exists»(t, t == "a")', "E124", "use in or size() on a list"),
    ("contact.last_reply.«getFullYear»() == 2026", "E125", "compare the value as it is"),
    ("«int»(contact.budget) == 5", "E125", "compare the value as it is"),
    ("«len»(contact.email) > 5", "E126", "did you mean size(contact.x)?"),
    ('contact.email.«startswith»("a")', "E126", 'did you mean contact.x.startsWith("…")?'),
    ('«startsWith»(contact.email, "a")', "E126", 'write contact.x.startsWith("…")'),
    (
        "«frobnicate»(contact.email)",
        "E126",
        "there are: has, size, timestamp, duration, startsWith, endsWith, contains",
    ),
    ("«size(contact.email, 1)» > 5", "E127", "write size(contact.x)"),
    (
        "contact.last_reply > «timestamp(contact.email)»",
        "E127",
        'write timestamp("2026-03-01T00:00:00Z")',
    ),
    ("contact.wait > «duration(5)»", "E127", 'write duration("720h")'),
    ("«contact.email.contains()»", "E127", 'write .contains("…")'),
    ("contact.«budjet» > 5", "E130", "did you mean contact.budget?"),
    ("contact.«amount» > 5", "E130", "did you mean event.amount?"),
    ("event.«zzz» > 5", "E130", "the event has: amount, email"),
    ("«budget» > 5", "E131", "write contact.budget"),
    ("«amount» > 5", "E131", "write event.amount"),
    ("«email» == 5", "E131", "write contact.email"),
    ("«budjet» > 5", "E131", "did you mean contact.budget?"),
    ("contact.email == «ada»", "E131", 'write "ada" for a text, or contact.x for a field'),
    ("contact.fits == «yes»", "E131", "write true"),
    ("«contact» == 5", "E131", "name one of its fields, like contact.x"),
    ("«contcat».budget > 5", "E131", "write contact.budget"),
    ("contact.email«.domain» == 5", "E132", "leave out what follows it"),
    ("has(contact.email) && «has(email)»", "E133", "write has(contact.email)"),
    ("«has(amount)»", "E133", "write has(event.amount)"),
    ("«has(contact)»", "E133", "write has(contact.x)"),
    ("«has(contact.email, contact.fits)»", "E133", "write has(contact.x)"),
    ('«contact.budget > "5000"»', "E140", "write 5000 without quotes"),
    ("«contact.email == 5»", "E140", 'write "5"'),
    ('«contact.fits == "yes"»', "E140", "compare with true or false"),
    ('«contact.tags == "a"»', "E140", 'write "a" in contact.tags'),
    ("«contact.wait > 30»", "E140", 'write a duration, like duration("720h") for 30 days'),
    (
        '«contact.last_reply > duration("720h")»',
        "E140",
        "write now - contact.last_reply for how long ago it was",
    ),
    ('"a" in «contact.email»', "E140", 'write contact.email.contains("a")'),
    ("contact.seats in «5»", "E140", "write [5]"),
    (
        '«contact.last_reply > "1 March"»',
        "E140",
        'write a timestamp, like timestamp("2026-03-01T00:00:00Z")',
    ),
    ('«contact.seats in ["5"]»', "E140", "list values of its type"),
    ("«contact.budget + 1» > 5.0", "E141", "write 1.0"),
    ("«contact.budget * contact.seats» > 5.0", "E141", "give both the same type"),
    ('«contact.email + 5» == "a5"', "E142", "only text is joined to text"),
    ("«now + 30» > now", "E142", 'add a duration, like duration("720h") for 30 days'),
    ("«contact.budget % 2.0» == 0.0", "E142", "% takes whole numbers"),
    ('«contact.tags < ["a"]»', "E142", "compare size() of them"),
    ('«-contact.email» == "a"', "E142", ""),
    (
        "«contact.budget»",
        "E143",
        "write has(contact.budget), or compare it, like contact.budget > 0",
    ),
    (
        "contact.fits && «contact.email»",
        "E143",
        'write has(contact.email), or compare it, like contact.email != ""',
    ),
    (
        "«contact.tags»",
        "E143",
        "write has(contact.tags), or compare it, like size(contact.tags) > 0",
    ),
    ("«contact.wait»", "E143", "write has(contact.wait), or compare it"),
    ("«5»", "E143", "compare it with a field"),
    ("!(«contact.seats + 1»)", "E143", "compare it, like contact.seats + 1 > 0"),
    ('(«contact.fits ? 1 : "a"») == 1', "E144", "give both branches the same type"),
    ("(«contact.fits ? 1 : 1.5») == 1", "E144", "write 1.0 for 1"),
    ('contact.email in ["a", «5»]', "E145", "list values of one type"),
    ("[«[1]»] == [2]", "E146", "list single values"),
    ("contact.fits == «{»}", "E146", "compare one field at a time"),
    ("size(«contact.seats») > 5", "E148", "size() counts characters of a text or items of a list"),
    ("contact.email.contains(«5»)", "E148", "put it in quotes"),
    ('«contact.tags».contains("a")', "E148", 'write "a" in contact.tags'),
    (
        'contact.last_reply > timestamp(«"2026-03-01"»)',
        "E150",
        'write timestamp("2026-03-01T00:00:00Z")',
    ),
    (
        'contact.last_reply > timestamp(«"2026-03-01 10:00"»)',
        "E150",
        'write timestamp("2026-03-01T10:00:00Z")',
    ),
    (
        'contact.last_reply > timestamp(«"1 March"»)',
        "E150",
        'write it like "2026-03-01T09:30:00Z"',
    ),
    ('contact.wait > duration(«"30d"»)', "E151", 'write duration("720h")'),
    ('contact.wait > duration(«"soon"»)', "E151", 'write it like "720h", "90m" or "30s"'),
    ('contact.wait > duration(«"9999999h"»)', "E151", "write a shorter duration"),
    ('contact.wait > duration(«"5ns"»)', "E152", "microseconds (us) are the finest unit"),
    (
        'contact.last_reply > timestamp(«"2026-03-01T00:00:00.0000001Z"»)',
        "E152",
        "six decimals are the finest part of a second",
    ),
    (
        '«contact.last_reply > "2026-03-01"»',
        "E153",
        'write timestamp("2026-03-01T00:00:00Z")',
    ),
    ("«contact.last_reply > 2026-03-01»", "E153", 'write timestamp("2026-03-01T00:00:00Z")'),
    ("«contact.last_reply > 2026-13-01»", "E140", ""),
    ('contact.authority == «"decide"»', "E154", 'did you mean "decides"?'),
    ('contact.authority != «"zzz"»', "E154", "its values are: decides, influences"),
    ('contact.authority in «["decides", "x"]»', "E154", "its values are: decides, influences"),
    ('«"CRM"» in contact.topics', "E154", 'did you mean "crm"?'),
    ("contact.level == «7»", "E154", "its values are: 1, 2, 3"),
]


def placed(marked):
    """Split a marked source into the source and the place of the problem."""
    start = marked.index("«")
    end = marked.index("»") - 1 if "»" in marked else start
    return marked.replace("«", "").replace("»", ""), start, end


def problems_of(source, expect=BOOLEAN):
    with pytest.raises(CriterionError) as caught:
        compile_expression(source, SCOPE, expect)
    return caught.value.problems


@pytest.mark.parametrize(("marked", "code", "help_"), SLIPS, ids=[slip[0] for slip in SLIPS])
def test_a_slip_is_told_with_its_code_its_place_and_its_help(marked, code, help_):
    source, start, end = placed(marked)
    first = problems_of(source)[0]
    assert (first.code, first.start, first.end, first.help) == (code, start, end, help_)


def test_every_code_of_an_error_is_shown_to_occur():
    warnings = {"E190", "E191", "E192"}
    elsewhere = {"E102", "E103", "E104", "E147"}
    assert {slip[1] for slip in SLIPS} == set(EXPRESSION_CODES) - warnings - elsewhere


def test_everything_wrong_is_told_at_once_in_order_of_place():
    source = 'contact.budjet > 5 and contact.email = 5 || contact.authority == "x"'
    assert [problem.code for problem in problems_of(source)] == [
        "E130",
        "E111",
        "E140",
        "E110",
        "E154",
    ]


@pytest.mark.parametrize("word", ["and", "OR", "not"])
def test_a_word_that_is_no_operator_is_quoted(word):
    source = f"{word} contact.fits" if word == "not" else f"contact.fits {word} contact.fits"
    assert problems_of(source)[0].message == f"'{word}' is no operator here"


def test_one_slip_gives_one_message():
    assert len(problems_of("(contact.budjet + 1) * 2 > size(contact.budjet)")) == 2


def test_a_value_of_another_type_than_wanted_is_told():
    problem = problems_of("contact.email", NUMBER)[0]
    assert (problem.code, problem.message) == ("E147", "this is text, where a number is wanted")


def test_too_long_an_expression_is_told_where_it_becomes_too_long():
    problem = problems_of("contact.fits" + " " * 2000)[0]
    assert (problem.code, problem.start, problem.end) == ("E102", 2000, 2012)


@pytest.mark.parametrize(
    "source",
    [
        "(" * 60 + "true" + ")" * 60,
        "[" * 60 + "1" + "]" * 60,
        "contact.fits ? true : " * 60 + "true",
        "contact.seats > " + " + ".join(["1"] * 60),
        'contact.email == "a"' + '.size("a")' * 60,
        "size(" * 60 + "contact.email" + ")" * 60 + " > 1",
        "(" * 1900,
        "[" * 1900,
        "a[" * 900,
    ],
)
def test_too_deep_an_expression_is_told(source):
    assert "E103" in [problem.code for problem in problems_of(source)]


@pytest.mark.parametrize("operator", [" && ", " || "])
def test_too_many_operators_are_told(operator):
    assert problems_of(operator.join(["true"] * 202))[0].code == "E104"


def test_a_long_row_of_conditions_is_not_deep():
    row = " && ".join(["contact.fits"] * 120)
    assert compile_expression(row, SCOPE).holds({"fits": True}, {}, None)


def test_a_row_of_signs_is_counted():
    assert problems_of("!" * 300 + "contact.fits")[0].code == "E104"


def test_a_message_shows_the_source_line_with_a_caret_and_the_help():
    with pytest.raises(CriterionError) as caught:
        compile_expression("contact.fits &&\ncontact.email == “ada”", SCOPE)
    assert caught.value.show() == (
        "E114 curly quotes hold no text\n"
        "  contact.email == “ada”\n"
        "                   ^^^^^\n"
        '  help: write "ada"'
    )


def test_the_error_says_in_one_line_what_is_wrong_and_how_much_else():
    with pytest.raises(CriterionError) as caught:
        compile_expression("contact.budjet = 5", SCOPE)
    assert caught.value.message == (
        "there is no field contact.budjet at character 9 of the criterion (and 1 more)"
    )
    assert caught.value.hint == "did you mean contact.budget?"


def test_the_error_as_data_carries_every_problem():
    with pytest.raises(CriterionError) as caught:
        compile_expression("contact.seats = 5", SCOPE)
    assert caught.value.to_json()["problems"] == [
        {
            "code": "E110",
            "severity": "error",
            "message": "= does not compare",
            "start": 14,
            "end": 15,
            "help": "write ==",
        }
    ]
