"""The contract suites: a sound one passes, and every fault that they are for fails."""

from pathlib import Path

import pytest
from attrs import field, frozen

from funnelflow.criteria import INTEGER
from funnelflow.definition.library import CriterionProvider
from funnelflow.plugins import DeliveryError, NotifierProvider, secret
from funnelflow.testing import CriterionContract, Example, NotifierContract, StoreContract


@frozen
class Channel:
    path: str
    token: str = field(default="", metadata=secret, repr=False)


def append(message, channel):
    try:
        with Path(channel.path).open("a") as file:
            file.write(f"{message.id}\n")
    except OSError as error:
        raise DeliveryError(error.strerror) from None


class TestNotifier(NotifierContract):
    provider = NotifierProvider("file", append, Channel, "Appends a line to a file.")

    def working(self, tmp_path, funnelflow_receiver):  # noqa: ARG002
        return {"path": str(tmp_path / "messages"), "token": "s3cret"}

    def broken(self, tmp_path, funnelflow_receiver):  # noqa: ARG002
        return {"path": str(tmp_path / "nowhere" / "messages"), "token": "s3cret"}


def answers(call):
    replies = call.fields.get("replies")
    return None if replies is None else replies >= call.arguments["times"]


class TestCriterion(CriterionContract):
    provider = CriterionProvider(
        "answers", answers, "Answers us", {"times": INTEGER}, reads=("replies",)
    )
    examples = (
        Example({"replies": 3}, {"times": 2}, True),
        Example({"replies": 1}, {"times": 2}, False),
        Example({}, {"times": 2}, None),
    )


class TestSqlite(StoreContract):
    @pytest.fixture
    def database(self):
        return "contract.db"


BASE = """
import itertools, time
from attrs import field, frozen
from funnelflow.criteria import INTEGER
from funnelflow.plugins import *
from funnelflow.testing import *
count = itertools.count()
@frozen
class Channel:
    name: str = ""
    token: str = field(default="", metadata=secret)
"""


@pytest.mark.parametrize(
    ("body", "failing"),
    [
        ("return None if not call.fields else next(count) % 2 == 0", "the_same_answer_again"),
        ("return call.fields['replies'] > 2", "when_nothing_is_known"),
        ("call.fields.get('budget'); return call.fields.get('replies', 0) > 2", "that_it_reads"),
        ("return True", "examples_show_both_answers"),
    ],
)
def test_a_fault_of_a_criterion_fails_its_contract(tmp_path, body, failing, run_pytest):
    (tmp_path / "test_it.py").write_text(
        BASE + f"def ask(call):\n    {body}\n" + "class TestIt(CriterionContract):\n"
        "    provider = CriterionProvider('it', ask, 'It', reads=('replies',))\n"
        "    examples = (Example({'replies': 3}, {}, True), Example({'replies': 1}, {}, "
        + ("True" if body == "return True" else "False")
        + "))\n"
    )
    ran = run_pytest(tmp_path, "-rf")
    assert f"{failing} " in ran.out or f"{failing}\n" in ran.out
    assert ran.code == 1


@pytest.mark.parametrize(
    ("body", "failing"),
    [
        ("print('sent')", "prints_nothing"),
        ("if channel.name: raise OSError('x')", "is_a_delivery_error"),
        ("if channel.name: raise DeliveryError(f'with {channel.token}')", "is_a_delivery_error"),
        ("if message.id in sent: raise DeliveryError('again')\n    sent.add(message.id)", "again"),
        ("message.data['x'] = 1", "sends_a_message"),
        ("if channel.name: raise DeliveryError('x')", "do_not_show_secrets"),
    ],
)
def test_a_fault_of_a_notifier_fails_its_contract(tmp_path, body, failing, run_pytest):
    (tmp_path / "test_it.py").write_text(
        BASE
        + f"sent = set()\ndef send(message, channel):\n    {body}\n"
        + "class TestIt(NotifierContract):\n"
        "    provider = NotifierProvider('it', send, Channel, 'It.')\n"
        "    def working(self, tmp_path, funnelflow_receiver): return {'token': 'sssh'}\n"
        "    def broken(self, tmp_path, funnelflow_receiver):\n"
        "        return {'name': 'x', 'token': 'sssh'}\n"
    )
    ran = run_pytest(tmp_path, "-rf")
    assert failing in ran.out
    assert ran.code == 1


def test_contracts_are_no_tests_by_themselves(tmp_path, run_pytest):
    (tmp_path / "test_it.py").write_text("from funnelflow.testing import *\n")
    assert run_pytest(tmp_path).code == 5
