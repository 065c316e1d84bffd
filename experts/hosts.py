"""Where a URL's host is, as far as the URL tells."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

_PRIVATE_ENDINGS = (".local", ".lan", ".internal", ".home.arpa")


def on_this_machine(url: str) -> bool:
    """Whether it is this machine."""
    host = _host(url)
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and (address.is_loopback or address.is_unspecified)


def near(url: str) -> bool:
    """Whether it is this machine or in a private network."""
    host = _host(url)
    if on_this_machine(url) or host.endswith(_PRIVATE_ENDINGS):
        return True
    address = _address(host)
    if address is not None:
        return address.is_private or address.is_link_local
    return bool(host) and "." not in host


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
