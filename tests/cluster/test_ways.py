"""Through a host's sshd and under TLS: what gets through, and what is refused by name."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from raftfleet.cluster.access import NodeAccess
from raftfleet.cluster.reach import way_to
from raftfleet.errors import CertificateError, ForwardingError, UsageError
from raftfleet.journal.values import Port
from raftfleet.systems.protocol import AccessError
from raftfleet.testing.system import toy_node
from raftfleet.testing.transport import FakeTransport
from raftfleet.transport import make_transport
from tests.cluster.bench import PATIENCE, until
from tests.transport.sshd import Sshd

if TYPE_CHECKING:
    from collections.abc import Iterator

DNS = x509.DNSName
HERE = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def server(
    context: ssl.SSLContext | None = None, heard: list[bytes] | None = None
) -> Iterator[int]:
    """Answer every request; under TLS when there is a context. ``heard`` gets what was asked."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk(peer: socket.socket) -> None:
        try:
            with context.wrap_socket(peer, server_side=True) if context else peer as one:
                while asked := one.recv(4096):
                    if heard is not None:
                        heard.append(asked)
                    one.sendall(OK)
        except OSError:
            peer.close()

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(peer,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def certificate(folder: Path, name: x509.GeneralName, days: int = 1) -> ssl.SSLContext:
    """Return a server's settings with a self-signed certificate that ends in ``days``."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(tz=UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


def access(port: int, transport: object = None, **variables: object) -> NodeAccess:
    node = toy_node("n1", 1, PurePosixPath("/opt/toy"), port)
    node.variables.update(variables)  # type: ignore[attr-defined]
    way = way_to(node, ["status"], transport or FakeTransport("n1"))  # type: ignore[arg-type]
    return NodeAccess(node, {"status": Port("status", port)}, way)


def get(one: NodeAccess) -> bytes:
    return one.request("status", "GET", "/x", timeout=PATIENCE).body


def test_a_port_is_reached_through_ssh_and_again_after_the_connection_died(tmp_path: Path) -> None:
    with Sshd(tmp_path) as sshd, server() as port:
        transport = make_transport("n1", sshd.options())
        one = access(port, transport, api_via="ssh", api_address="127.0.0.1")
        assert one.over_loopback
        assert [get(one) for _ in range(3)] == [b"ok"] * 3
        sshd.cut()

        def again() -> bool:
            try:
                return get(one) == b"ok"
            except AccessError:
                return False

        until(again, "an answer over a new connection")
        one.close()
        transport.close()


def test_a_port_that_nobody_listens_on_is_a_miss(tmp_path: Path) -> None:
    with Sshd(tmp_path) as sshd:
        transport = make_transport("n1", sshd.options())
        with pytest.raises(AccessError, match="connection refused"):
            get(access(1, transport, api_via="ssh"))
        transport.close()


@pytest.mark.parametrize("rule", ["AllowTcpForwarding no\n", "PermitOpen 127.0.0.1:2\n"])
def test_an_sshd_that_does_not_forward_is_named(tmp_path: Path, rule: str) -> None:
    with Sshd(tmp_path, environment=f"SetEnv SHLVL=3\n{rule}") as sshd, server() as port:
        transport = make_transport("n1", sshd.options())
        with pytest.raises(ForwardingError, match="the sshd of n1 does not forward") as caught:
            get(access(port, transport, api_via="ssh"))
        assert "AllowTcpForwarding" in str(caught.value)
        transport.close()


@pytest.mark.parametrize("via", ["direct", "ssh"])
def test_a_certificate_that_is_good_is_accepted(tmp_path: Path, via: str) -> None:
    with server(certificate(tmp_path, DNS("meta.example"))) as port:
        one = access(
            port,
            api_via=via,
            api_scheme="https",
            api_ca_file=str(tmp_path / "ca.pem"),
            api_server_name="meta.example",
        )
        assert [get(one) for _ in range(3)] == [b"ok"] * 3
        one.close()


def test_tls_over_a_real_ssh_channel_says_whom_it_is_for(tmp_path: Path) -> None:
    heard: list[bytes] = []
    context = certificate(tmp_path, DNS("meta.example"))
    with Sshd(tmp_path) as sshd, server(context, heard) as port:
        transport = make_transport("n1", sshd.options())
        secured: dict[str, object] = {
            "api_via": "ssh",
            "api_scheme": "https",
            "api_ca_file": str(tmp_path / "ca.pem"),
        }
        one = access(port, transport, api_server_name="meta.example", **secured)
        assert [get(one) for _ in range(3)] == [b"ok"] * 3
        assert all(f"Host: meta.example:{port}\r\n".encode() in asked for asked in heard), heard
        with pytest.raises(CertificateError, match=r"127\.0\.0\.1:\d+: .*mismatch"):
            get(access(port, transport, api_server_name="other.example", **secured))
        one.close()
        transport.close()


@pytest.mark.parametrize(
    ("name", "days", "known", "says"),
    [
        (HERE, 1, False, "self-signed certificate"),
        (DNS("other.example"), 1, True, "mismatch"),
        (HERE, -1, True, "expired"),
    ],
)
def test_a_certificate_that_is_not_good_is_refused_by_name(
    tmp_path: Path, name: x509.GeneralName, days: int, known: bool, says: str
) -> None:
    with server(certificate(tmp_path, name, days)) as port:
        ca: dict[str, object] = {"api_ca_file": str(tmp_path / "ca.pem")} if known else {}
        with pytest.raises(CertificateError, match=f"n1: the status port .*{says}"):
            get(access(port, api_scheme="https", **ca))
        blind = access(port, api_scheme={"status": "https"}, api_verify=False)
        assert get(blind) == b"ok"
        blind.close()


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"api_via": "shh"}, "did you mean ssh"),
        ({"api_scheme": "htps"}, "did you mean https"),
        ({"api_verfy": False}, "did you mean api_verify"),
        ({"api_ports": {"statos": 1}}, "did you mean status"),
        ({"api_ports": {"status": 70000}}, "from 1 to 65535"),
        ({"api_verify": "perhaps"}, "true or false"),
        ({"api_scheme": "https", "api_ca_file": "/no/such"}, "does not exist on this machine"),
    ],
)
def test_wrong_words_are_refused(variables: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        access(1, **variables)
    assert says in str(caught.value)
