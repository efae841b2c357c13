"""Loopback unless told, and nothing else without TLS and credentials."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from raftfleet.errors import UsageError
from raftfleet.serve.address import PORT, Address, check_closed, listen
from raftfleet.serve.webconfig import Users, WebConfig

TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
SOMEBODY = Users({"prom": b"hash"})


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback"),
    [
        ("127.0.0.1:1234", "127.0.0.1", 1234, True),
        ("localhost:1234", "127.0.0.1", 1234, True),
        ("[::1]:1234", "::1", 1234, True),
        ("::1", "::1", PORT, True),
        ("127.0.0.1", "127.0.0.1", PORT, True),
        (":1234", "::", 1234, False),
        ("0.0.0.0:0", "0.0.0.0", 0, False),
        ("192.0.2.1:1234", "192.0.2.1", 1234, False),
    ],
)
def test_an_address_is_read(text: str, host: str, port: int, loopback: bool) -> None:
    address = Address.of(text)
    assert (address.host, address.port, address.is_loopback) == (host, port, loopback)


@pytest.mark.parametrize("text", ["127.0.0.1:", "127.0.0.1:x", "host:1", "1.2.3.4:70000", "[::1]x"])
def test_what_is_none_is_refused(text: str) -> None:
    if text == "127.0.0.1:":
        assert Address.of(text).port == PORT
        return
    with pytest.raises(UsageError) as caught:
        Address.of(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("web", "lacks"),
    [(WebConfig(), "TLS and credentials"), (WebConfig(TLS), "no credentials"),
     (WebConfig(None, users=SOMEBODY), "TLS and credentials")],
)  # fmt: skip
def test_an_open_address_wants_tls_and_credentials(web: WebConfig, lacks: str) -> None:
    with pytest.raises(UsageError, match=lacks) as caught:
        check_closed(Address.of(":1234"), web)
    assert "--web-config" in (caught.value.hint or "")
    check_closed(Address.of("127.0.0.1:1234"), web)


@pytest.mark.parametrize("web", [WebConfig(TLS, users=SOMEBODY), WebConfig(TLS, certifies=True)])
def test_with_both_it_may_be_open(web: WebConfig) -> None:
    check_closed(Address.of(":1234"), web)


def test_a_port_that_is_taken_is_said_so() -> None:
    with listen(Address("127.0.0.1", 0)) as taken:
        with pytest.raises(UsageError, match="in use") as caught:
            listen(Address("127.0.0.1", taken.getsockname()[1]))
        assert "--listen" in (caught.value.hint or "")


def test_the_default_port_is_no_ephemeral_one() -> None:
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert not low <= PORT <= high
    assert not 9090 <= PORT <= 9999
