"""Addresses cut to networks, judged by the ipaddress module."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.collect.checks.addresses import is_address_key, truncated


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_keeps_its_24_bits(address: ipaddress.IPv4Address) -> None:
    network = ipaddress.ip_network(f"{address}/24", strict=False)
    assert truncated(str(address)) == str(network.network_address)
    assert truncated(f"{address}:8080") == str(network.network_address)


@given(st.ip_addresses(v=6), st.booleans())
def test_an_ipv6_address_keeps_its_48_bits(
    address: ipaddress.IPv6Address, whole: bool
) -> None:
    text = address.exploded if whole else address.compressed
    if address.ipv4_mapped is not None:
        network = ipaddress.ip_network(f"{address.ipv4_mapped}/24", strict=False)
        expected = ipaddress.ip_address(f"::ffff:{network.network_address}")
    else:
        network = ipaddress.ip_network(f"{address}/48", strict=False)
        expected = network.network_address
    assert ipaddress.ip_address(truncated(text)) == expected
    assert ipaddress.ip_address(truncated(f"[{text}]:443")) == expected


@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_inside_an_ipv6_one_is_cut_as_ipv4(number: int) -> None:
    inner = ipaddress.IPv4Address(number)
    found = ipaddress.ip_address(truncated(f"::ffff:{inner}"))
    network = ipaddress.ip_network(f"{inner}/24", strict=False)
    assert isinstance(found, ipaddress.IPv6Address)
    assert found.ipv4_mapped == network.network_address


@given(st.ip_addresses() | st.ip_addresses(v=6))
def test_cutting_twice_is_cutting_once(address: object) -> None:
    once = truncated(str(address))
    assert truncated(once) == once


@given(st.text(alphabet="0123456789abcdef.:,% x", max_size=30))
def test_what_is_no_address_stays(text: str) -> None:
    def is_address(part: str) -> bool:
        bare = part.strip().partition("%")[0]
        host, _, port = bare.rpartition(":")
        if port.isdigit() and "." in host:
            bare = host
        try:
            ipaddress.ip_address(bare)
        except ValueError:
            return False
        return True

    if not any(is_address(part) for part in text.split(",")):
        assert truncated(text) == text


def test_all_addresses_of_a_list_are_cut() -> None:
    assert truncated("203.0.113.7, unknown,198.51.100.9") == (
        "203.0.113.0, unknown, 198.51.100.0"
    )


@pytest.mark.parametrize(
    "name",
    ["ip", "$ip", "IP", "user_ipaddress", "clientIp", "ip_address", "X-Forwarded-For"],
)
def test_keys_of_addresses(name: str) -> None:
    assert is_address_key(name)


@pytest.mark.parametrize("name", ["version", "ipad", "os_version", "recipient", ""])
def test_other_keys(name: str) -> None:
    assert not is_address_key(name)
