"""What a plugin offers is checked when it is offered, and only what is wrong is left out."""

import pytest

CASES = [
    ("criteria", '"badc", yes, "Bad", {"n": int}', "'n' has the type int; write INTEGER"),
    ("criteria", '"badc", yes, "Bad", {"n": object()}', "write a type such as INTEGER"),
    ("criteria", '"badc", yes, "Bad", {"a b": NUMBER}', "a parameter is called 'a b'"),
    ("criteria", '"badc", yes, "Bad", 5', "its parameters is 5; write"),
    ("criteria", '"badc", None, "Bad"', "its function is None; give a function"),
    ("criteria", '"badc", yes, None', "its label is None; give a text"),
    ("criteria", '"bad c", yes, "Bad"', "its name is 'bad c'; write letters"),
    ("criteria", '5, yes, "Bad"', "its name is 5; write letters"),
    ("criteria", '"badc", yes, "Bad", reads="engagements"', 'write a tuple of texts: ("engag'),
    ("criteria", '"badc", yes, "Bad", reads=(1,)', "write a tuple of texts"),
    ("criteria", '"badc", yes, "B", {"n": NUMBER}, defaults={"n": "x"}', "is of another type"),
    ("criteria", '"badc", yes, "B", {"n": NUMBER}, defaults={"n": None}', "is no value"),
    ("criteria", '"badc", yes, "B", {}, defaults={"n": 1}', "which is none of its parameters"),
    ("criteria", '"badc", yes, "B", defaults=5', "its defaults is 5"),
    ("notifiers", '"nn", None', "its send is None; give a function of two arguments"),
    ("notifiers", '"nn", yes, int', "its settings is int; give an attrs class"),
    ("commands", "'zz', None", "its command is None; give a function with @click.command()"),
    ("formats", "'pipes', '.pipes', yes", "its suffixes is '.pipes'; write a tuple of texts: (\"."),
    ("formats", "'pipes', ('pipes',), yes", "does not begin with a dot; write '.pipes'"),
    ("formats", "'pipes', ('.pipes',), 3", "its read is 3; give a function of one argument"),
    ("numbers", "'nn', 'What.', 3", "its function is 3; give a function of two arguments"),
    ("numbers", "'nn', '', yes", "its definition is empty; say what is counted"),
    ("numbers", "'nn', 'What.', yes, 'most'", "its summary is 'most'; write count, sum"),
]
RECORDS = {
    "criteria": "CriterionProvider",
    "notifiers": "NotifierProvider",
    "commands": "CommandProvider",
    "formats": "FormatProvider",
    "numbers": "NumberProvider",
}


@pytest.mark.parametrize(("kind", "record", "said"), CASES)
def test_a_record_that_cannot_be_used_is_left_out_and_reported_once(
    write, host, reported, kind, record, said
):
    write(
        "broken",
        f"""
        import click
        def yes(*_): return True
        @hookimpl
        def funnelflow_{kind}():
            return [{RECORDS[kind]}({record})]
        """,
    )
    found = host()
    assert dict(found.offered(kind)) == {}
    found.offered(kind)
    ((message, plugin, _),) = reported.said
    assert plugin == "broken"
    assert message.startswith("plugin broken offers the ")
    assert said in message
    assert found.plugins[0].problems == [message]


def test_beside_a_record_that_cannot_be_used_the_others_of_its_plugin_are(write, host):
    write(
        "broken",
        """
        @hookimpl
        def funnelflow_criteria():
            return [CriterionProvider("bad", None, ""), 5,
                    CriterionProvider("good", lambda call: True, "Good", {"n": NUMBER},
                                      reads=["budget"], defaults={"n": 1})]
        """,
    )
    found = host()
    assert list(found.criteria) == ["good"]
    assert found.criteria["good"].reads == ("budget",)
    assert found.criteria["good"].defaults == {"n": 1.0}
