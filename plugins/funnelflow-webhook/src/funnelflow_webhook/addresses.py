"""Which addresses may be connected to: those that are public, in every way to write them.

Python's `ipaddress.is_global` is not enough: it says yes to addresses that lead elsewhere
(``64:ff9b::a9fe:a9fe`` and ``2002:a9fe:a9fe::`` are 169.254.169.254 in disguise) and to
metadata services on addresses that count as public. So the networks are listed here, after the
special-purpose registries of IANA, and what carries an IPv4 address inside is judged by that.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

__all__ = ["refusal"]

_IPV4: Final = {
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
    "this machine's own": ("0.0.0.0/8", "127.0.0.0/8"),
    "link-local, where metadata services are": ("169.254.0.0/16",),
    "shared by a provider's customers": ("100.64.0.0/10",),
    "a cloud's metadata service": ("168.63.129.16/32",),
    "reserved": (
        "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
        "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
    ),
    "multicast": ("224.0.0.0/4",),
}  # fmt: skip
_IPV6: Final = {
    "this machine's own": ("::/127",),
    "private": ("fc00::/7", "fec0::/10"),
    "link-local": ("fe80::/10",),
    "multicast": ("ff00::/8",),
    "a tunnel": ("2002::/16", "2001::/32"),
    "a translator's own": ("64:ff9b:1::/48",),
    "reserved": ("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20"),
}
_REFUSED_4: Final = [(IPv4Network(net), why) for why, nets in _IPV4.items() for net in nets]
_REFUSED_6: Final = [(IPv6Network(net), why) for why, nets in _IPV6.items() for net in nets]
_GLOBAL: Final = IPv6Network("2000::/3")
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")
_ISATAP: Final = (0x0000_5EFE, 0x0200_5EFE)


def refusal(address: str) -> str:
    """Say why an address must not be connected to.

    Args:
        address: An IP address in its canonical form, as the system resolves it; a zone behind
            ``%`` is left out of account.

    Returns:
        Why, in a few words; empty when it may be connected to.
    """
    found = ip_address(address.partition("%")[0])
    return _of_ipv4(found) if isinstance(found, IPv4Address) else _of_ipv6(found)


def _of_ipv4(address: IPv4Address) -> str:
    return next((why for network, why in _REFUSED_4 if address in network), "")


def _of_ipv6(address: IPv6Address) -> str:
    why = next((why for network, why in _REFUSED_6 if address in network), "")
    if why:
        return why
    low = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.ipv4_mapped is not None or address in _TRANSLATED or address in _COMPATIBLE:
        return _of_ipv4(low)
    if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP and _of_ipv4(low):
        return "a tunnel"
    return "" if address in _GLOBAL else "reserved"
