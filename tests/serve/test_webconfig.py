"""The web configuration of Prometheus's own: passwords and certificates, and what is wrong with them."""

from __future__ import annotations

import base64
import ssl
import subprocess
from typing import TYPE_CHECKING

import bcrypt
import pytest

from raftfleet.errors import SourceError
from raftfleet.serve.webconfig import Users, WebConfig, read_web_config

if TYPE_CHECKING:
    from pathlib import Path

HASH = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def certificate(folder: Path, name: str = "server") -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem", "-days", "2",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip


def read(folder: Path, text: str) -> WebConfig:
    path = folder / "web.yml"
    path.write_text(text)
    return read_web_config(path)


TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("web")
    certificate(made)
    certificate(made, "other")
    return made


def test_certificate_and_passwords_close_the_door(folder: Path) -> None:
    web = read(folder, f"{TLS}basic_auth_users:\n  prom: {HASH}\n")
    assert web.tls is not None
    assert web.tls.minimum_version is ssl.TLSVersion.TLSv1_2
    assert web.is_closed
    assert web.users.allow(basic("prom", "right"))


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("", False),
        (TLS, False),
        (f"basic_auth_users:\n  prom: {HASH}\n", False),
        (
            f"{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: other.pem\n",
            True,
        ),
    ],
    ids=["nothing", "tls", "users", "certificates"],
)
def test_half_of_it_does_not(folder: Path, text: str, closed: bool) -> None:
    assert read(folder, text).is_closed is closed


@pytest.mark.parametrize(
    "header",
    [
        "", "Basic", "Basic !!!", "Bearer abc", basic("prom", "wrong"), basic("nobody", "right"),
        basic("", ""), "Basic " + base64.b64encode(b"prom").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:right").decode(), basic("prom", "right" * 40),
    ],
)  # fmt: skip
def test_nobody_else_gets_in(header: str) -> None:
    users = Users({"prom": HASH.encode()})
    assert not users.allow(header)
    assert not users.allow(header)
    assert users.allow(basic("prom", "right"))


def test_a_password_is_hashed_once_and_memory_does_not_grow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    users, compared = Users({"prom": HASH.encode()}), []

    def compare(_: bytes, password: bytes) -> bool:
        compared.append(password)
        return password == b"right"

    monkeypatch.setattr(users, "_compare", compare)
    for _ in range(5):
        assert users.allow(basic("prom", "right"))
    assert len(compared) == 1
    for guess in range(500):
        assert not users.allow(basic("prom", str(guess)))
    assert len(users._decided) < 200


def test_an_unknown_user_costs_as_much_as_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(_: bytes, hashed: bytes) -> bool:
        compared.append(hashed)
        return True

    monkeypatch.setattr(bcrypt, "checkpw", compare)
    assert not Users({"prom": HASH.encode()}).allow(basic("nobody", "right"))
    assert len(compared) == 1


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("basic_auth: {}", "1:1", "'basic_auth' is not a key", "did you mean basic_auth_users?"),
        ("http_server_config: {http2: true}", "1:1", "that raftfleet keeps", "leave it out"),
        ("basic_auth_users: [a]", "1:19", "names and bcrypt hashes", None),
        ("basic_auth_users:\n  prom: hunter2", "2:9", "not a bcrypt hash", "htpasswd"),
        ("tls_server_config:\n  cert_file: a", "1:1", "wants key_file", "server.pem"),
        (f"{TLS}  min_version: TLS1", "4:16", "one of TLS12, TLS13", "TLS1"),
        (f"{TLS}  client_auth_type: RequestClientCert", "4:21", "one of NoClientCert", None),
        (f"{TLS}  client_ca_file: other.pem", "4:3", "belong together", None),
        (TLS.replace("server.pem", "none.pem"), "2:14", "does not exist", None),
        (TLS.replace("server.key", "other.key"), "2:14", "cannot be used", "the key that belongs"),
    ],
)
def test_what_is_wrong_is_shown_at_its_place(
    folder: Path, text: str, place: str, message: str, hint: str | None
) -> None:
    with pytest.raises(SourceError) as caught:
        read(folder, text)
    assert str(caught.value.mark).endswith(f"web.yml:{place}")
    assert message in caught.value.message
    assert (hint or "") in (caught.value.hint or "")
    assert "hunter2" not in str(caught.value)
