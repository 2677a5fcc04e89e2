"""Everything wrong with ``[[notify]]``, with its place, before something happens."""

import pytest

from funnelflow.definition import load_definition, render_problems
from funnelflow.errors import ConfigurationError
from funnelflow.notify import check_subscriptions
from funnelflow.plugins import PluginHost
from funnelflow.storage.subscriptions import masked_source
from funnelflow.workspace.settings import read_config
from funnelflow.workspace.workspace import Workspace

from .support import PIPELINE, Recorder

RECORDER = '[[notify]]\nchannel = "recorder"\n'
OTHER = """\
funnel: other
initial: begun
fields: {seats: integer}
events: {ended: {}}
stages: {begun: {}, over: {type: lost}}
transitions: [{from: begun, to: over, on: ended}]
"""


@pytest.fixture
def problems(tmp_path, monkeypatch):
    """Return what is wrong with these settings, as it is shown."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    (tmp_path / "other.yaml").write_text(OTHER)
    host = PluginHost()
    host.register(Recorder(), "recorder")
    Workspace.create(tmp_path, "pipeline", plugins=host).close()

    def look(toml, *, in_use=("pipeline",), form="concise"):
        path = tmp_path / "funnelflow.toml"
        path.write_text(toml)
        config = read_config(tmp_path, environment={})
        with Workspace.open(tmp_path, plugins=host) as workspace:
            checked = list(
                check_subscriptions(config.subscriptions, tmp_path, host, in_use, workspace.linked)
            )
        found = [problem for _, of_one in checked for problem in of_one]
        text = render_problems(found, {str(path): masked_source(toml)}, form)
        return text.replace(f"{path}:", "")

    return look


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('when = "contact.budgte > 1"', "3:17: E130 there is no field contact.budgte"),
        ('when = "contact.budget"', "3:9: E143 contact.budget is a number, not a condition"),
        ("when = \"event.afer == 'x'\"", "3:15: E130 there is no field event.afer"),
        ('when = """\ntrue &&\n  conta.x"""', "5:3: E131 conta has no fields"),
        ('when = "1 \\u003e \\"a\\""', "3:9: E140 a whole number and text do not"),
        ("when = \"event.after == 'custmer'\"", '3:24: E154 "custmer" is none of the values'),
        ("when = \"event.before == 'custmer'\"", "3:25: E154"),
        ("when = \"contact.stage == 'custmer'\"", "3:26: E154"),
        ("when = \"event.name == 'signd'\"", "3:23: E154"),
        (
            'fields = ["email", "emial"]',
            "3:20: F705 no funnel of the endpoint 'recorder' has a field",
        ),
        ('funnels = ["nowhere"]', "3:12: F704 there is no funnel 'nowhere'"),
        ('[notify.settings]\ntokn = "x"', "4:1: F703 there is no setting 'tokn'"),
        ('settings = {token = "x", tokn = "x"}', "3:1: F703 there is no setting 'tokn'"),
        ("[notify.settings]\ntoken = 3", "4:1: F703 token must be text, but this is a number"),
        ('[notify.settings]\ntoken = "${NO_SUCH_THING}"', "4:1: F707 warning: token names"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(problems, monkeypatch, more, said):
    monkeypatch.delenv("NO_SUCH_THING", raising=False)
    (line,) = problems(f"{RECORDER}{more}\n").splitlines()
    assert line.startswith(said)


def test_a_channel_that_nobody_offers_is_pointed_at(problems):
    assert problems('[[notify]]\nchannel = "recordr"\n', form="full") == (
        "2:11: F702 there is no notifier 'recordr'\n"
        "    |\n"
        '  2 | channel = "recordr"\n'
        "    |           ^^^^^^^^^\n"
        "    help: did you mean 'recorder'?\n"
    )


def test_a_criterion_is_shown_with_carets_under_what_is_wrong_in_it(problems):
    assert problems(f'{RECORDER}when = "contact.budgte > 1"\n', form="full").splitlines()[2:4] == [
        '  3 | when = "contact.budgte > 1"',
        "    |                 ^^^^^^",
    ]


def test_everything_wrong_with_an_endpoint_is_said_in_the_order_of_the_file(problems):
    toml = f"""{RECORDER}when = "contact.a > 1 && contact.b > 1"
fields = ["c"]
[notify.settings]
d = 1
"""
    codes = [line.split()[1] for line in problems(toml).splitlines()]
    assert codes == ["E130", "E130", "F705", "F703"]


@pytest.mark.parametrize(
    "secret",
    [
        '[notify.settings]\ntoken = "hunter2"\ntokn = "hunter2"  # hunter2\n',
        '[notify.settings]\ntokn = """\nhunter2"""\n',
        'settings = {token = "hunter2", tokn = "hunter2"}\n',
        'settings.tokn = "hunter2"\n',
        'settings = "hunter2"\n',
        'token = "hunter2"\n',
    ],
)
def test_no_value_of_a_setting_is_shown(problems, secret):
    try:
        shown = problems(RECORDER + secret, form="full")
    except ConfigurationError as error:
        shown = str(error)
    assert "3" in shown or "4" in shown
    assert "hunter" not in shown


def test_a_criterion_that_can_never_hold_is_a_warning(problems):
    assert "E190 warning: " in problems(
        f'{RECORDER}when = "contact.budget > 2 && contact.budget < 1"'
    )


def test_a_criterion_that_only_some_funnels_understand_says_which_do_not(problems):
    shown = problems(
        f'{RECORDER}when = "contact.budget > 2"', in_use=("pipeline", "other"), form="full"
    )
    assert "there is no field contact.budget in other" in shown
    assert 'name the funnels that it is for: funnels = ["…"]' in shown
    named = f'{RECORDER}when = "contact.budget > 2"\nfunnels = ["pipeline"]'
    assert problems(named, in_use=("pipeline", "other")) == ""


@pytest.mark.parametrize(
    "more",
    [
        'when = "contact.budget > 1 && contact.id != \\"x\\""\nfields = ["email"]',
        "when = \"event.after == 'customer' || event.after == 'over'\"",
        "when = \"event.name in ['signed', 'ended', 'move', 'tick']\"",
        'funnels = ["other"]\nfields = ["seats"]\nwhen = "contact.seats > 1"',
        'when = "  "',
    ],
)
def test_what_is_in_order_is_no_problem(problems, more):
    in_use = ("pipeline", "other") if "over" in more or "ended" in more else ("pipeline",)
    assert problems(f"{RECORDER}{more}\n", in_use=in_use) == ""


def test_a_stage_field_of_the_vocabulary_may_say_anything(tmp_path):
    (tmp_path / "own.yaml").write_text(PIPELINE.replace("email:", "stage:"))
    (tmp_path / "funnelflow.toml").write_text(f"{RECORDER}when = \"contact.stage == 'x'\"")
    host = PluginHost()
    host.register(Recorder(), "recorder")
    linked = load_definition(tmp_path / "own.yaml")
    ((_, found),) = check_subscriptions(
        read_config(tmp_path).subscriptions, tmp_path, host, ("own",), lambda _: linked
    )
    assert found == ()


def test_a_definition_that_cannot_be_used_is_said_where_it_is_named(problems, tmp_path):
    (tmp_path / "other.yaml").write_text("funnel: other\n")
    assert problems(f'{RECORDER}funnels = ["other"]').startswith(
        "3:12: F704 the funnel 'other' cannot be used"
    )
    assert problems(RECORDER, in_use=("pipeline", "other")) == ""


def test_what_is_checked_is_not_taken_into_use(tmp_path):
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    (tmp_path / "other.yaml").write_text(OTHER)
    with Workspace.create(tmp_path, "pipeline", plugins=PluginHost()) as workspace:
        assert workspace.linked("other").fields.keys() == {"seats"}
        assert workspace.funnels() == ("pipeline",)


def test_a_notifier_of_a_plugin_has_its_own_settings_checked(problems):
    assert problems(f'{RECORDER}[notify.settings]\ntoken = "x"\n') == ""


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ('"https://example.com:8443/hook/t0ken?key=t0ken"', '"https://example.com:8443***'),
        ("'http://[::1]:80'", "'http://[::1]:80***"),
        ('"https://example.com"', '"https://example.com***'),
        ('"htp://example.com/t0ken"', '"htp://***'),
        ('"slack://t0ken/t0ken"', '"slack://***'),
        ('"https://t0ken@example.com/"', '"https://***'),
        ('"https://ada:t0/ken@example.com/"', '"https://***'),
        ('"https://${T0KEN}.example.com/"', '"https://***'),
        ('"t0ken https://example.com/"', "***"),
        ('"example.com/t0ken"', "***"),
        ("3", "***"),
    ],
)
def test_of_an_address_only_its_beginning_is_shown(value, shown):
    toml = f'[[notify]]\nchannel = "recorder"\n[notify.settings]\nurl = {value} # t0ken\nx = 1\n'
    said = masked_source(toml)
    assert said.splitlines()[3:] == [f"url = {shown}", "x = ***"]
    assert "t0" not in said
