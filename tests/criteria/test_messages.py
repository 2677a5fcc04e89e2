"""What is wrong with an expression: each common mistake has its code, place and message."""

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
MISTAKES = [
    ("contact.seats «=» 5", "E110"),
    ("contact.seats «===» 5", "E110"),
    ("contact.seats «!==» 5", "E110"),
    ("contact.fits «and» contact.fits", "E111"),
    ("contact.fits «OR» contact.fits", "E111"),
    ("«not» contact.fits", "E111"),
    ("contact.seats «=>» 5", "E112"),
    ("contact.seats «=<» 5", "E112"),
    ("contact.seats «<>» 5", "E113"),
    ("contact.email == «\u201cada\u201d»", "E114"),
    ("contact.email == «\u201eada\u201c»", "E114"),
    ("contact.email == «\u2018ada\u2019»", "E114"),
    ("contact.email == «`ada`»", "E114"),
    ('contact.email == «\u201ca"»', "E114"),
    ("contact.email == «\u201c»ada", "E114"),
    ("contact.fits «&» contact.fits", "E115"),
    ("contact.fits «|» contact.fits", "E115"),
    ("contact.seats «\u2265» 5", "E105"),
    ("contact.seats «\u2260» 5", "E105"),
    ("contact.seats > 5 «\u2212» 1", "E105"),
    ("contact.fits«;»", "E105"),
    ("contact.seats«\u00a0»> 5", "E105"),
    ("contact.fits «@»", "E105"),
    ("contact.email == ada«@»example.com", "E105"),
    ("contact.«ü»ber", "E105"),
    ("contact.seats «**» 2 > 5", "E105"),
    ('contact.email == "a«\u202e»b"', "E105"),
    ('contact.email == «"ada»', "E106"),
    ('contact.email == «"""ada"»', "E106"),
    ('contact.email == "a«\\q»"', "E107"),
    ('contact.email == "«\\uD800»"', "E107"),
    ("contact.seats > 5 «//» many", "E119"),
    ("contact.seats > 5 «/*» x */", "E119"),
    ("«»", "E101"),
    ("«  \n »", "E101"),
    ("contact.seats > «", "E108"),
    ("contact.fits && «)»", "E108"),
    ("«*» 5 == 5", "E108"),
    ("contact.seats «5»", "E108"),
    ("contact.email == ada «lovelace»", "E108"),
    ('contact.email «contains» "a"', "E108"),
    ("contact.seats in (1«,» 2)", "E108"),
    ("has «contact».email", "E108"),
    ("contact.budget > 5.«", "E108"),
    ('contact.email «is» "a"', "E108"),
    ('contact.email «!» in ["a"]', "E108"),
    ("contact.fits «?» true", "E108"),
    ("contact.«5»", "E108"),
    ("contact.«true»", "E108"),
    ("«(»contact.seats > 5", "E109"),
    ('contact.email in «[»"a"', "E109"),
    ("contact.seats > 5«)»", "E109"),
    ("contact.seats > «5k»", "E116"),
    ("contact.seats > «1.5M»", "E116"),
    ("contact.seats > 5«,»000", "E116"),
    ("contact.seats > «1_000»", "E116"),
    ("contact.seats > 5 «000»", "E116"),
    ("contact.budget > 5000 «EUR»", "E116"),
    ("contact.seats > 50«%»", "E116"),
    ("contact.seats > 50«%» && contact.fits", "E116"),
    ("contact.seats > «€»5", "E116"),
    ("contact.seats > 5 «$»", "E116"),
    ("contact.wait > «30d»", "E116"),
    ("contact.seats > «5x»", "E116"),
    ("contact.seats > «9223372036854775808»", "E117"),
    ("contact.budget > «1e999»", "E117"),
    ("contact.seats > «5u»", "E118"),
    ('contact.email == «b"a"»', "E118"),
    ("«1 < contact.seats < 5»", "E120"),
    ("contact.email == «null»", "E121"),
    ("contact.email == «None»", "E121"),
    ('contact«["email"]» == "a"', "E122"),
    ('contact.tags«[0]» == "a"', "E122"),
    ('contact.email.«matches»("a.*")', "E123"),
    ('contact.tags.«map»(t, t == "a")', "E124"),
    ("«contact.tags.exists(t)»", "E128"),
    ('«contact.tags.all("t", true)»', "E128"),
    ('contact.tags.exists(«now», now == "a")', "E128"),
    ("contact.tags.exists(t, «contact.tags.all(u, u == t)»)", "E128"),
    ("«[1, 2.5]».exists(i, i > 2)", "E128"),
    ("«[]».exists(i, i > 2)", "E128"),
    ('«exists»(contact.tags, "a")', "E128"),
    ('«contact.email».exists(t, t == "a")', "E148"),
    ("contact.tags.exists(t, «t»)", "E143"),
    ("contact.tags.exists(t, «t == 5»)", "E140"),
    ('contact.tags.exists(t, «u» == "a")', "E131"),
    ('contact.tags.exists(t, true) && «t» == "a"', "E131"),
    ("«type»(contact.budget) == 5", "E125"),
    ("«uint»(contact.seats) == 5", "E125"),
    ("«int(contact.seats, 10)» == 5", "E127"),
    ('contact.last_reply.getMonth(«"Paris"») == 5', "E127"),
    ("int(«contact.fits») == 5", "E148"),
    ("«len»(contact.email) > 5", "E126"),
    ('contact.email.«startswith»("a")', "E126"),
    ('«startsWith»(contact.email, "a")', "E126"),
    ("«frobnicate»(contact.email)", "E126"),
    ("«size(contact.email, 1)» > 5", "E127"),
    ("contact.last_reply > «timestamp(contact.email)»", "E127"),
    ("contact.wait > «duration(5)»", "E127"),
    ("«contact.email.contains()»", "E127"),
    ("contact.«budjet» > 5", "E130"),
    ("contact.«amount» > 5", "E130"),
    ("event.«zzz» > 5", "E130"),
    ("«budget» > 5", "E131"),
    ("«amount» > 5", "E131"),
    ("«email» == 5", "E131"),
    ("«budjet» > 5", "E131"),
    ("contact.email == «ada»", "E131"),
    ("contact.fits == «yes»", "E131"),
    ("«contact» == 5", "E131"),
    ("«contcat».budget > 5", "E131"),
    ("contact.email«.domain» == 5", "E132"),
    ("has(contact.email) && «has(email)»", "E133"),
    ("«has(amount)»", "E133"),
    ("«has(contact)»", "E133"),
    ("«has(contact.email, contact.fits)»", "E133"),
    ('«contact.budget > "5000"»', "E140"),
    ("«contact.email == 5»", "E140"),
    ('«contact.fits == "yes"»', "E140"),
    ('«contact.tags == "a"»', "E140"),
    ("«contact.wait > 30»", "E140"),
    ('«contact.last_reply > duration("720h")»', "E140"),
    ('"a" in «contact.email»', "E140"),
    ("contact.seats in «5»", "E140"),
    ('«contact.last_reply > "1 March"»', "E140"),
    ('«contact.seats in ["5"]»', "E140"),
    ("«contact.budget + 1» > 5.0", "E141"),
    ("«contact.budget * contact.seats» > 5.0", "E141"),
    ('«contact.email + 5» == "a5"', "E142"),
    ("«now + 30» > now", "E142"),
    ("«contact.budget % 2.0» == 0.0", "E142"),
    ('«contact.tags < ["a"]»', "E142"),
    ('«-contact.email» == "a"', "E142"),
    ("«contact.budget»", "E143"),
    ("contact.fits && «contact.email»", "E143"),
    ("«contact.tags»", "E143"),
    ("«contact.wait»", "E143"),
    ("«5»", "E143"),
    ("!(«contact.seats + 1»)", "E143"),
    ('(«contact.fits ? 1 : "a"») == 1', "E144"),
    ("(«contact.fits ? 1 : 1.5») == 1", "E144"),
    ('contact.email in ["a", «5»]', "E145"),
    ("[«[1]»] == [2]", "E146"),
    ("contact.fits == «{»}", "E146"),
    ("size(«contact.seats») > 5", "E148"),
    ("contact.email.contains(«5»)", "E148"),
    ('«contact.tags».contains("a")', "E148"),
    ('contact.last_reply > timestamp(«"2026-03-01"»)', "E150"),
    ('contact.last_reply > timestamp(«"2026-03-01 10:00"»)', "E150"),
    ('contact.last_reply > timestamp(«"1 March"»)', "E150"),
    ('contact.wait > duration(«"30y"»)', "E151"),
    ('contact.wait > duration(«"soon"»)', "E151"),
    ('contact.wait > duration(«"9999999h"»)', "E151"),
    ('contact.wait > duration(«"5ns"»)', "E152"),
    ('contact.last_reply > timestamp(«"2026-03-01T00:00:00.0000001Z"»)', "E152"),
    ('«contact.last_reply > "2026-03-01"»', "E153"),
    ("«contact.last_reply > 2026-03-01»", "E153"),
    ("«contact.last_reply > 2026-13-01»", "E140"),
    ('contact.authority == «"decide"»', "E154"),
    ('contact.authority != «"zzz"»', "E154"),
    ('contact.authority in «["decides", "x"]»', "E154"),
    ('«"CRM"» in contact.topics', "E154"),
    ("contact.level == «7»", "E154"),
    ("'a«\\U00110000»' == contact.email", "E107"),
    ("contact.email == «rR'a'»", "E107"),
    ("contact.seats «like» 5", "E108"),
    ("contact.seats > «30.5k2»", "E116"),
    ("contact.seats > 5«,»000,000", "E116"),
    ("«contact.budget % 2.0» > 1.0", "E142"),
    ("event.«budjet» > 5", "E130"),
    ("«contact.fits + contact.fits» == contact.fits", "E142"),
    ("(contact.seats + 1)«.x» == 5", "E132"),
    ("«contact.wait + contact.wait»", "E143"),
]


def placed(marked):
    """Split a marked source into the source and the place of the problem."""
    start = marked.index("«")
    end = marked.index("»") - 1 if "»" in marked else start
    return marked.replace("«", "").replace("»", ""), start, end


def problems_of(source, expect=BOOLEAN):
    """Return what is wrong with a source that does not compile."""
    with pytest.raises(CriterionError) as caught:
        compile_expression(source, SCOPE, expect)
    return caught.value.problems


@pytest.mark.parametrize(("marked", "code"), MISTAKES, ids=[mistake[0] for mistake in MISTAKES])
def test_a_mistake_has_its_code_and_its_place(marked, code):
    source, start, end = placed(marked)
    first = problems_of(source)[0]
    assert (first.code, first.start, first.end) == (code, start, end)


def test_every_code_of_an_error_is_shown_to_occur():
    warnings = {"E190", "E191", "E192"}
    elsewhere = {"E102", "E103", "E104", "E147", "E160", "E161"}
    assert {code for _, code in MISTAKES} == set(EXPRESSION_CODES) - warnings - elsewhere


def test_everything_wrong_is_reported_at_once_in_order_of_place():
    source = 'contact.budjet > 5 and contact.email = 5 || contact.authority == "x"'
    assert [problem.code for problem in problems_of(source)] == [
        "E130",
        "E111",
        "E140",
        "E110",
        "E154",
    ]


def test_one_mistake_gives_one_message():
    assert len(problems_of("(contact.budjet + 1) * 2 > size(contact.budjet)")) == 2


def test_a_value_of_another_type_than_wanted_is_reported():
    problem = problems_of("contact.email", NUMBER)[0]
    assert problem.code == "E147"
    assert problem.parameters == {"kind": "text", "wanted": "a number"}


def test_too_long_an_expression_is_reported_where_it_becomes_too_long():
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
def test_too_deep_an_expression_is_reported(source):
    assert "E103" in [problem.code for problem in problems_of(source)]


@pytest.mark.parametrize("operator", [" && ", " || "])
def test_too_many_operators_are_reported(operator):
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
