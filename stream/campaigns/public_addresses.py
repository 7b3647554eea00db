"""Which addresses a webhook may have, checked for each connection when it is made.

Names are resolved at every connection and may change in between (DNS rebinding), so what counts is the address that the
socket is made for. It is the same for every spelling of an address in a URL.
"""

import errno
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

__all__ = ["AddressNotPublic", "is_public", "public_socket"]

_WITH_IPV4: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
"""NAT64, and the addresses that were called IPv4-compatible: their last 32 bits are an IPv4 address."""


class AddressNotPublic(OSError):
    """A webhook's host has an address inside a network; an OSError, so that the connection fails like any other."""

    def __init__(self, address: str) -> None:
        super().__init__(
            errno.EACCES, f"{address} is not a public address; SHOAL_TRIGGER_ADDRESSES=any allows webhooks to have it"
        )


def is_public(address: str) -> bool:
    """Return whether an address is one of the internet: not of a private network, this host, a cloud's metadata.

    >>> is_public("93.184.216.34"), is_public("10.0.0.1"), is_public("169.254.169.254"), is_public("::ffff:127.0.0.1")
    (True, False, False, False)
    """
    found = _without_tunnel(ip_address(address.partition("%")[0]))
    site_local = isinstance(found, IPv6Address) and found.is_site_local
    return found.is_global and not found.is_multicast and not site_local


def public_socket(address_info: tuple[Any, ...]) -> socket.socket:
    """Return the socket of a connection (`socket_factory` of aiohttp). Raises AddressNotPublic."""
    family, kind, protocol, _, address = address_info
    if not is_public(address[0]):
        raise AddressNotPublic(address[0])
    return socket.socket(family, kind, protocol)


def _without_tunnel(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 address leads to (mapped, NAT64, 6to4), any other as it is."""
    if isinstance(address, IPv4Address):
        return address
    if any(address in network for network in _WITH_IPV4):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
