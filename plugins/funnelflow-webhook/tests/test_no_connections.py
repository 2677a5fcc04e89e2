"""A server on every address of this machine is not reached by any spelling of one."""

import contextlib
import datetime as dt
import socket

import pytest
from funnelflow_webhook import Settings, send

from funnelflow.plugins import DeliveryError
from funnelflow.testing import example_message

HERE = """
127.0.0.1 127.1 127.0.1 127.255.255.254 2130706433 0x7f000001 0x7f.0.0.1 017700000001 0177.0.0.1
127.0x1 0 0.0.0.0 0x0 00 localhost localhost. LOCALHOST LocalHost [::1] [::] [0:0:0:0:0:0:0:1]
[::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:0.0.0.0] [::127.0.0.1] [64:ff9b::127.0.0.1]
[2002:7f00:1::]
""".split()  # noqa: SIM905  # a list of so many is read better like this


@pytest.fixture
def everywhere():
    """Listen on every address; gives the port, and what counts who came."""
    server = socket.socket(socket.AF_INET6 if socket.has_ipv6 else socket.AF_INET)
    with contextlib.suppress(OSError, AttributeError):
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        server.bind(("", 0))
    except OSError:  # a machine without IPv6
        server.close()
        server = socket.create_server(("0.0.0.0", 0))  # for the length of a test
    server.listen()
    server.settimeout(0.05)

    def came():
        try:
            server.accept()[0].close()
        except TimeoutError:
            return False
        return True

    yield server.getsockname()[1], came
    server.close()


@pytest.mark.parametrize("host", HERE)
def test_nothing_of_this_machine_is_connected_to(everywhere, host):
    port, came = everywhere
    with pytest.raises(DeliveryError, match=r"leads to an address that is|cannot be resolved"):
        send(example_message(), Settings(url=f"https://{host}:{port}/"))
    assert not came()


def test_the_server_would_notice(everywhere):
    port, came = everywhere
    with pytest.raises(DeliveryError):
        send(
            example_message(),
            Settings(
                url=f"https://127.0.0.1:{port}/",
                allow=["127.0.0.1"],
                deadline=dt.timedelta(seconds=0.2),
            ),
        )
    assert came()
