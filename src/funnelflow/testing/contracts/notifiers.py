"""What every notifier must do.

::

    class TestFile(NotifierContract):
        provider = plugin.funnelflow_notifiers()[0]

        def working(self, tmp_path, funnelflow_receiver):
            return {"path": str(tmp_path / "messages")}

        def broken(self, tmp_path, funnelflow_receiver):
            return {"path": str(tmp_path / "no such directory" / "messages")}
"""

import datetime as dt
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest

from funnelflow.plugins import DeliveryError, Message, NotifierProvider, Settings, read_settings
from funnelflow.testing.receiver import Receiver

__all__ = ["NotifierContract", "example_message"]


def example_message(number: int = 1) -> Message:
    """Give a message as one that tells of a contact that moved."""
    return Message(
        id=f"msg_{number}",
        type="funnelflow.contact.moved",
        source="/funnelflow/example",
        subject="ada",
        time=dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC),
        data={
            "before": "lead.inquiry",
            "after": "prospect",
            "event": "call",
            "fields": {"email": "ada@example.com"},
        },
    )


class NotifierContract:
    """Tests that every notifier must pass; subclass it with a provider and its channels.

    Attributes:
        provider: The notifier.
    """

    provider: ClassVar[NotifierProvider]

    def working(self, tmp_path: Path, funnelflow_receiver: Receiver) -> Mapping[str, Any]:
        """Give the settings of a channel that works, as they stand in a file."""
        raise NotImplementedError

    def broken(self, tmp_path: Path, funnelflow_receiver: Receiver) -> Mapping[str, Any]:
        """Give the settings of a channel on which nothing arrives."""
        raise NotImplementedError

    @pytest.fixture
    def settings(self, tmp_path: Path, funnelflow_receiver: Receiver) -> Any:
        """The channel that works."""
        return self._read(self.working(tmp_path, funnelflow_receiver)).value

    def test_it_sends_a_message(self, settings: Any) -> None:
        """What arrives raises nothing."""
        self.send(example_message(), settings)

    def test_it_sends_the_same_message_again(self, settings: Any) -> None:
        """Delivery is at least once, so a message may have to be sent twice."""
        self.send(example_message(), settings)
        self.send(example_message(), settings)

    def test_it_sends_for_several_contacts_at_once(self, settings: Any) -> None:
        """Workers share a notifier."""
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: self.send(example_message(n), settings), range(8)))

    def test_what_does_not_arrive_is_a_delivery_error(
        self, tmp_path: Path, funnelflow_receiver: Receiver
    ) -> None:
        """Nothing else gets out, and the reason holds no secret."""
        broken = self._read(self.broken(tmp_path, funnelflow_receiver))
        with pytest.raises(DeliveryError) as failed:
            self.send(example_message(), broken.value)
        assert failed.value.reason
        for hidden in broken.secrets:
            assert hidden not in str(failed.value)

    def test_it_prints_nothing(self, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
        """What it writes to stdout would be part of somebody's answer."""
        self.send(example_message(), settings)
        assert capsys.readouterr().out == ""

    def test_its_settings_do_not_show_secrets(
        self, tmp_path: Path, funnelflow_receiver: Receiver
    ) -> None:
        """They are in tracebacks and logs before anybody thinks of it."""
        settings = self._read(self.working(tmp_path, funnelflow_receiver))
        for hidden in settings.secrets:
            assert hidden not in repr(settings.value)

    def test_it_says_what_it_does(self) -> None:
        """`funnelflow plugins show` is read by people who have not seen the code."""
        assert self.provider.about.strip()
        assert self.provider.name == self.provider.name.strip().lower()

    def send(self, message: Message, settings: Any) -> None:
        """Send a message as `funnelflow deliver` does."""
        self.provider.send(message, settings)

    def _read(self, table: Mapping[str, Any]) -> Settings:
        return read_settings(self.provider.settings or _NoSettings, table, lambda name: name)


@attrs.frozen
class _NoSettings:
    """The settings of a notifier that has none."""
