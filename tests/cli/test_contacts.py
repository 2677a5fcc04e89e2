"""One contact at a time: add, set, record, move."""

import json

import pytest

LATER = ("--at", "2026-03-03T10:00:00Z")


def test_adding_says_where_the_contact_starts(workspace, call):
    done = call("add", "ada", "email=ada@example.com")
    assert (done.exit_code, done.stdout.splitlines()[:2]) == (
        0,
        ["ada is added: target", "  email  ada@example.com"],
    )


def test_adding_somebody_twice_is_a_conflict(ada, call):
    done = call("add", "ada")
    assert done.exit_code == 1
    assert "ada" in done.stderr


def test_adding_to_another_funnel(workspace, call):
    done = call("add", "ada", "--funnel", "dialogue", "--json")
    assert json.loads(done.stdout)["after"] == "target"
    assert json.loads(call("why", "ada", "--json").stdout)["funnel"] == "dialogue"


def test_a_funnel_that_does_not_exist_names_the_nearest(workspace, call):
    done = call("add", "ada", "--funnel", "dialog")
    assert (done.exit_code, "dialogue" in done.stderr) == (2, True)


def test_recording_an_event_says_how_the_contact_moved(workspace, call):
    call("add", "ada", "email=ada@example.com")
    done = call("record", "ada", "form_submitted")
    assert done.stdout.splitlines()[0] == "ada moved: target → lead.inquiry"
    assert "What to do now" in done.stdout


def test_an_event_that_does_not_exist_names_the_nearest(ada, call):
    done = call("record", "ada", "form_submited")
    assert done.exit_code == 2
    assert done.stderr.splitlines()[1] == "hint: did you mean 'form_submitted'?"


def test_a_contact_that_does_not_exist_names_the_nearest(ada, call):
    done = call("record", "adda", "form_submitted")
    assert done.exit_code == 2
    assert "ada" in done.stderr.splitlines()[1]


def test_a_fact_that_does_not_exist_names_the_nearest(ada, call):
    done = call("set", "ada", "bugdet=1")
    assert (done.exit_code, "did you mean 'budget'?" in done.stderr) == (2, True)


def test_a_fact_of_the_wrong_type_says_what_to_write(ada, call):
    done = call("set", "ada", "budget=lots")
    assert done.exit_code == 2
    assert "budget" in done.stderr
    assert "hint: " in done.stderr


def test_a_choice_that_does_not_exist_names_the_nearest(ada, call):
    done = call("set", "ada", "authority=decide")
    assert (done.exit_code, "decides" in done.stderr) == (2, True)


def test_something_that_is_no_fact_says_how_one_is_written(ada, call):
    done = call("set", "ada", "budget")
    assert done.exit_code == 2
    assert (
        done.stderr == "error: 'budget' is not a fact\nhint: write a fact as name=value: budget=…\n"
    )


def test_a_fact_that_is_written_like_an_option_says_how_one_is_written(ada, call):
    done = call("set", "ada", "--horizon-days", "5")
    assert done.exit_code == 2
    assert done.stderr.endswith("A fact is written without dashes: horizon_days=…\n")


def test_a_fact_given_twice_is_refused(ada, call):
    assert call("set", "ada", "budget=1", "budget=2").exit_code == 2


def test_setting_nothing_is_refused(ada, call):
    assert "funnelflow set ada budget=5000" in call("set", "ada").stderr


def test_a_name_alone_removes_the_fact(ada, call):
    done = call("set", "ada", "budget=")
    assert "  budget  3,000 → unknown" in done.stdout


def test_a_value_may_contain_an_equals_sign(ada, call):
    call("set", "ada", "need=a=b")
    assert json.loads(call("why", "ada", "--json").stdout)["fields"]["need"] == "a=b"


def test_a_refused_move_gives_every_reason_and_exits_1(ada, call):
    done = call("move", "ada", "prospect", *LATER)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "ada stays lead.inquiry: 2 of 4 criteria for prospect are not met",
        "",
        "  ✓ We can reach them           email is ada@example.com",
        "  ✗ Budget is at least 5,000    budget is 3,000; needs at least 5,000",
        '  ? Talks to the decider        unknown: ask "Who signs the contract?"',
        "  ✓ Buys within three months    buying horizon is 60 days",
        "",
    ]
    assert done.stderr == (
        "hint: funnelflow set ada budget=… authority=… ; from lead.inquiry you can also reach: "
        "lead.recycled, customer, disqualified\n"
    )


def test_a_refused_move_is_kept_in_the_history(ada, call):
    call("move", "ada", "prospect", *LATER)
    row = json.loads(call("history", "ada", "--outcome", "refused", "--json").stdout)["rows"][0]
    assert (row["event"], row["to"]) == ("move", "prospect")
    assert [c["criterion"] for c in row["unmet"]] == [
        "Budget is at least 5,000",
        "Talks to the decider",
    ]


def test_a_move_to_where_no_transition_leads_says_what_can_be_reached(workspace, call):
    call("add", "ada")
    done = call("move", "ada", "prospect")
    assert done.exit_code == 1
    assert done.stdout.startswith("ada stays target: no transition leads from there to prospect\n")
    assert done.stderr.startswith("hint: ")


def test_a_move_to_where_the_contact_is_changes_nothing(ada, call):
    done = call("move", "ada", "lead", *LATER)
    assert (done.exit_code, done.stdout) == (
        0,
        "ada stays lead.inquiry: it is there already\n",
    )


def test_a_move_goes_by_alias(ada, call):
    call("set", "ada", "budget=6000", "authority=decides", *LATER)
    done = call("move", "ada", "qualified lead", *LATER)
    assert done.stdout.startswith("ada moved: lead.inquiry → prospect\n")


def test_a_stage_that_does_not_exist_names_the_nearest(ada, call):
    done = call("move", "ada", "prospct")
    assert done.exit_code == 2
    assert "prospect" in done.stderr.splitlines()[1]


def test_a_forced_move_needs_a_reason(ada, call):
    done = call("move", "ada", "customer", "--force")
    assert done.exit_code == 2
    assert "--reason" in done.stderr.splitlines()[1]


def test_a_forced_move_is_for_the_roles_that_the_definition_names(ada, call):
    forced = ("move", "ada", "customer", "--force", "--reason", "signed on paper", *LATER)
    refused = call(*forced, "--actor", "linus")
    assert refused.exit_code == 1
    assert "only sales_manager may force a move" in refused.stdout
    assert call(*forced, "--actor", "grace").stdout.startswith(
        "ada moved: lead.inquiry → customer\n  → customer: forced past its criteria\n"
    )


def test_a_dry_run_stores_nothing(ada, call):
    done = call("set", "ada", "budget=9000", "--dry-run")
    assert "  budget  3,000 → 9,000" in done.stdout
    assert "dry run: nothing was stored" in done.stderr
    assert json.loads(call("why", "ada", "--json").stdout)["fields"]["budget"] == 3000


def test_a_dry_run_of_adding_stores_nobody(workspace, call):
    assert call("add", "ada", "--dry-run").exit_code == 0
    assert call("why", "ada").exit_code == 2


def test_who_was_not_stored_is_not_to_be_set(workspace, call):
    assert "hint: funnelflow set ada " in call("add", "ada").stderr
    dry = call("add", "grace", "--dry-run").stderr
    assert "hint: funnelflow add grace email=… " in dry
    assert "funnelflow set" not in dry


def test_a_refused_dry_run_exits_1_too(ada, call):
    assert call("move", "ada", "prospect", "--dry-run").exit_code == 1


def test_a_key_does_things_once(ada, call):
    first = call("set", "ada", "budget=4000", "--key", "k1", *LATER)
    again = call("set", "ada", "budget=4000", "--key", "k1", *LATER)
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "nothing was stored" in again.stderr
    assert len(json.loads(call("history", "ada", "--json").stdout)["rows"]) == 4


def test_a_key_with_other_content_is_a_conflict(ada, call):
    call("set", "ada", "budget=4000", "--key", "k1", *LATER)
    assert call("set", "ada", "budget=5000", "--key", "k1", *LATER).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "environment", "actor"),
    [
        (("--actor", "grace"), {"FUNNELFLOW_ACTOR": "linus"}, "grace"),
        ((), {"FUNNELFLOW_ACTOR": "linus"}, "linus"),
        ((), {"FUNNELFLOW_ACTOR": "", "LOGNAME": "system-user"}, "system-user"),
    ],
)
def test_the_actor_is_the_flag_s_the_environment_s_or_the_system_s(
    ada, call, monkeypatch, arguments, environment, actor
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    call("set", "ada", "need=help", *arguments)
    assert json.loads(call("history", "ada", "--json").stdout)["rows"][-1]["actor"] == actor


def test_a_time_that_is_none_says_what_to_write(ada, call):
    done = call("set", "ada", "need=x", "--at", "yesterday")
    assert done.exit_code == 2
    assert "--at" in done.stderr


def test_a_time_without_an_offset_needs_a_zone(ada, call):
    assert call("set", "ada", "need=x", "--at", "2026-03-03T10:00").exit_code == 2


def test_a_time_without_an_offset_is_read_in_the_workspace_s_zone(ada, call, workspace):
    settings = workspace / "funnelflow.toml"
    settings.write_text(settings.read_text().replace('timezone = ""', 'timezone = "Europe/Paris"'))
    call("set", "ada", "need=x", "--at", "2026-07-03 10:00")
    row = json.loads(call("history", "ada", "--json").stdout)["rows"][-1]
    assert row["at"] == "2026-07-03T08:00:00.000000Z"


def test_json_says_everything_that_was_considered(ada, call):
    done = call("move", "ada", "prospect", "--json", *LATER)
    assert done.exit_code == 1
    answer = json.loads(done.stdout)
    assert (answer["outcome"], answer["before"], answer["after"]) == (
        "refused",
        "lead.inquiry",
        "lead.inquiry",
    )
    checks = answer["considered"][0]["criteria"]["checks"]
    assert [check["verdict"] for check in checks] == ["met", "not met", "unknown", "met"]
    assert checks[1]["seen"] == {"contact.budget": 3000.0}
    assert answer["questions"] == [
        {"field": "authority", "ask": "Who signs the contract?", "label": "authority"}
    ]
    assert done.stderr == ""


def test_control_characters_in_facts_do_not_reach_the_terminal(ada, call):
    done = call("set", "ada", "need=\u202eevil\u2069")
    assert "\u202e" not in done.stdout + done.stderr
    assert "\u202e" not in call("why", "ada").stdout


def test_an_id_with_control_characters_is_refused_and_not_sent_to_the_terminal(workspace, call):
    done = call("add", "ada\x1b[31m")
    assert done.exit_code == 2
    assert "\x1b" not in done.stderr


def test_another_directory_s_workspace_is_reached_by_an_option(ada, call, workspace, monkeypatch):
    monkeypatch.chdir("/")
    assert call("-C", str(workspace), "why", "ada").exit_code == 0
    assert call("why", "ada", "-C", str(workspace)).exit_code == 0


def test_without_a_workspace_the_hint_says_how_to_make_one(tmp_path, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call("why", "ada")
    assert (done.exit_code, "funnelflow init" in done.stderr) == (2, True)


@pytest.fixture
def spaced(workspace, call):
    call("add", "ada lovelace", "email=ada@example.com")
    call("record", "ada lovelace", "form_submitted")
    return "ada lovelace"


@pytest.mark.parametrize(
    ("command", "following", "suggested"),
    [
        ("why", (), "set"),
        ("set", (), "set"),
        ("move", ("prospect",), "set"),
        ("record", ("assessed",), "set"),
        ("move", ("prospect", "--force"), "move"),
    ],
)
def test_an_id_that_a_shell_would_take_apart_is_quoted_in_hints(
    spaced, call, command, following, suggested
):
    done = call(command, spaced, *following)
    assert f"hint: funnelflow {suggested} 'ada lovelace' " in done.stderr


@pytest.mark.parametrize("command", [("why",), ("record", "call"), ("move", "lead")])
def test_an_unknown_id_that_a_shell_would_take_apart_is_quoted_in_the_hint(
    workspace, call, command
):
    name, *following = command
    done = call(name, "ada lovelace", *following)
    assert "hint: funnelflow add 'ada lovelace'" in done.stderr


def test_adding_somebody_who_is_known_says_how_to_give_the_facts(ada, call):
    done = call("add", "ada", "company=Example & Co")
    assert done.stderr.splitlines()[1] == (
        "hint: give what is known about it: funnelflow set ada 'company=Example & Co'"
    )


@pytest.mark.parametrize(
    "command",
    [("record", "ada", "call"), ("set", "ada", "budget=1"), ("move", "ada", "prospect")],
)
def test_evidence_from_the_future_is_kept_with_a_warning_if_it_is_meant(ada, call, command):
    refused = call(*command, "--at", "2126-01-01T00:00:00Z")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith(
        "error: 2126-01-01 00:00 UTC lies more than a day in the future\nhint: did you mean 2"
    )
    assert refused.stderr.endswith("-01-01 00:00 UTC? --future records it all the same\n")
    done = call(*command, "--at", "2126-01-01T00:00:00Z", "--future")
    assert "warning: 2126-01-01 00:00 UTC lies in the future" in done.stderr
    assert "warning" not in call("add", "eve").stderr


@pytest.mark.parametrize("blank", ["", " ", "\u00a0"])
@pytest.mark.parametrize(
    "command",
    [("add", "grace"), ("set", "ada", "budget=1"), ("record", "ada", "form_submitted"),
     ("move", "ada", "lead"), ("tick",), ("why", "ada")],
)  # fmt: skip
def test_a_time_that_is_blank_is_not_taken_for_now(ada, call, command, blank):
    before = call("history", "--json").stdout
    done = call(*command, "--at", blank)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--at is blank" in done.stderr
    assert call("history", "--json").stdout == before


def test_what_happens_is_said_for_each_funnel(ada, call):
    entered = call("enter", "ada", "dialogue", *LATER)
    assert entered.stdout.splitlines()[:2] == [
        "in dialogue:",
        "ada enters dialogue: target → lead.inquiry",
    ]
    done = call("record", "ada", "form_submitted", "--at", "2026-03-04T10:00:00Z")
    assert done.stdout.splitlines()[0] == "in standard:"
    assert done.stdout.splitlines()[-1] == "in dialogue: stays lead.inquiry"
    said = json.loads(call("set", "ada", "budget=1", "--json").stdout)
    assert (said["funnel"], [other["funnel"] for other in said["others"]]) == (
        "standard",
        ["dialogue"],
    )


def test_a_move_says_in_which_funnels_it_could_be(ada, call):
    call("enter", "ada", "dialogue", *LATER)
    done = call("move", "ada", "prospect")
    assert done.exit_code == 2
    assert "several funnels that have a stage 'prospect': standard, dialogue" in done.stderr
    done = call("move", "ada", "prospect", "--funnel", "dialogue", "--json")
    assert (done.exit_code, json.loads(done.stdout)["funnel"]) == (1, "dialogue")


def test_a_contact_is_explained_in_each_of_its_funnels(ada, call):
    call("enter", "ada", "dialogue", *LATER)
    done = call("why", "ada")
    assert "it is lead.inquiry in dialogue too: funnelflow why ada --funnel dialogue" in done.stderr
    asked = json.loads(call("why", "ada", "--funnel", "dialogue", "--json").stdout)
    assert (asked["funnel"], asked["others"][0]["funnel"]) == ("dialogue", "standard")
    listed = json.loads(call("list", "--json").stdout)
    assert [one["funnel"] for one in listed] == ["standard", "dialogue"]
    shown = json.loads(call("history", "ada", "--funnel", "dialogue", "--json").stdout)
    assert [(row["event"], row["after"]) for row in shown["rows"]] == [("enter", "lead.inquiry")]
    translated = call("translate", "ada", "--to", "qualified", "--funnel", "dialogue", "--json")
    assert json.loads(translated.stdout)["funnel"] == "dialogue"


def test_leaving_a_funnel_says_where_the_contact_was(ada, call):
    assert call("leave", "ada", "standard").exit_code == 1
    call("enter", "ada", "dialogue", *LATER)
    done = call("leave", "ada", "dialogue", "--at", "2026-03-05T10:00:00Z")
    assert done.stdout.splitlines()[1] == "ada leaves dialogue, where it was lead.inquiry"
    assert call("leave", "ada", "dialogue").exit_code == 2


@pytest.fixture
def three(workspace, call):
    for name, budget in (("ada", "9000"), ("bob", "100"), ("eve", "")):
        call("add", name, f"budget={budget}", f"email={name}@example.com")
        call("record", name, "form_submitted")


def test_many_are_asked_at_once_and_each_is_told_why_not(three, call):
    done = call("move", "--where", "has(contact.email)", "--to", "prospect")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[0] == "3 contacts: 3 refused"
    assert "such as bob" in done.stdout
    assert "funnelflow undo 1" in done.stderr
    assert call("undo", "1", "--reason", "no", "--yes").exit_code == 0


def test_many_are_told_of_as_one_would_be(three, call):
    tried = call("set", "--where", "has(contact.budget)", "need=paper", "--dry-run")
    assert tried.stdout == "2 contacts: 2 stayed\n"
    assert tried.stderr == "dry run: nothing was stored\n"
    data = json.loads(
        call("record", "--where", "contact.budget > 1.0", "form_submitted", "--json").stdout
    )
    assert (data["contacts"], data["run"], data["answers"]) == (2, 1, [])
    assert call("set", "--where", "contact.budget > 1e9", "need=x").stderr == "no contact fits\n"


def test_a_move_brings_what_was_answered(three, call):
    done = call("move", "ada", "prospect", "--set", "authority=decides", "--set", "horizon_days=30")
    assert done.exit_code == 0
    assert "authority" in done.stdout


@pytest.mark.parametrize(
    "line",
    [
        "move lead",
        "move --where true",
        "set --where true",
        "record --where true",
        "set",
        "set --where true need=x --key k",
    ],
)
def test_what_is_left_out_is_named(three, call, line):
    done = call(*line.split())
    assert done.exit_code == 2
    assert "hint: " in done.stderr
