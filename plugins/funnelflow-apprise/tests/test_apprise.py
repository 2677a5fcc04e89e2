"""Messages for people: through a real apprise, to a real server on this machine."""

import pytest
from funnelflow_apprise import Settings, funnelflow_notifiers, send, text_of

from funnelflow.plugins import DeliveryError
from funnelflow.testing import Answer, NotifierContract, example_message

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def address(receiver, path="hook"):
    """Give the URL of a receiver as apprise writes it."""
    return receiver.url.replace("http://", "json://") + path


def test_a_message_is_said_in_words(funnelflow_receiver):
    send(example_message(), Settings(url=address(funnelflow_receiver)))
    said = funnelflow_receiver.requests[0].json()
    assert said["title"] == "ada is now prospect"


def test_the_words_can_be_chosen_and_name_fields(funnelflow_receiver):
    settings = Settings(
        url=address(funnelflow_receiver), title="{after}!", body="{email} {budget} from {before}"
    )
    send(example_message(), settings)
    said = funnelflow_receiver.requests[0].json()
    assert (said["title"], said["message"]) == (
        "prospect!",
        "ada@example.com ? from lead.inquiry",
    )


def test_a_name_is_looked_up_and_nothing_else():
    facts = {"a": "x", "b": {"c": 1}}
    assert text_of("{a} {a.__class__} {a!r} {0} {b[c]} {zz}", facts) == (
        "x {a.__class__} {a!r} {0} {b[c]} ?"
    )


@pytest.mark.parametrize(
    ("value", "said"), [(True, "yes"), (3.0, "3"), (0.5, "0.5"), ("a\nb", "a b"), (None, "?")]
)
def test_a_value_is_said_in_one_line(value, said):
    assert text_of("{x}", {"x": value}) == said


def test_what_was_not_taken_is_told_without_the_address(funnelflow_receiver):
    funnelflow_receiver.answer = Answer(500)
    with pytest.raises(DeliveryError, match="did not take the message") as caught:
        send(example_message(), Settings(url=address(funnelflow_receiver, "t0ken")))
    assert "t0ken" not in str(caught.value)


@pytest.mark.parametrize("url", ["", " ", "nonsense", "nosuch://t0ken"])
def test_an_address_that_apprise_does_not_know_is_refused_untold(url, capsys):
    with pytest.raises(ValueError, match="url is none that apprise knows") as caught:
        Settings(url=url)
    assert "t0ken" not in str(caught.value)
    assert "t0ken" not in "".join(capsys.readouterr())


class TestApprise(NotifierContract):
    provider = next(iter(funnelflow_notifiers()))

    def working(self, tmp_path, funnelflow_receiver):  # noqa: ARG002  # the contract's
        return {"url": address(funnelflow_receiver)}

    def broken(self, tmp_path, funnelflow_receiver):  # noqa: ARG002  # the contract's
        funnelflow_receiver.answer = Answer(500)
        return {"url": address(funnelflow_receiver)}
