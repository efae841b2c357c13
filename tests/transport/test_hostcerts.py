"""Certificates of hosts, and what known_hosts may say besides keys."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import HostKeyError
from raftfleet.transport import Command
from tests.transport.sshd import Sshd, missing, new_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.transport.conftest import MakeTransport

PATIENCE = 30.0
TRUE = Command("true")


class Vouched:
    """A server whose host key an authority may vouch for."""

    def __init__(self, folder: Path, server: Sshd) -> None:
        self.server = server
        self.authority = new_key(folder / "authority")
        self.other = new_key(folder / "other")
        self.known_hosts = folder / "known_hosts"

    def certify(self, *words: str, authority: Path | None = None) -> None:
        """Sign the host key, and let the server show the certificate."""
        subprocess.run(
            [
                "ssh-keygen",
                "-q",
                "-s",
                authority or self.authority,
                "-I",
                "test",
                "-h",
                *words,
                f"{self.server.host_key}.pub",
            ],
            check=True,
        )
        self.server.stop()
        self.server.start()

    def knows(self, marker: str, name: str, key: Path) -> None:
        public = key.with_name(f"{key.name}.pub").read_text()
        with self.known_hosts.open("a") as file:
            file.write(f"{marker} {name} {public}".lstrip())


@pytest.fixture
def vouched(tmp_path: Path) -> Iterator[Vouched]:
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path / "vouched"
    folder.mkdir()
    shows = f"HostCertificate {folder}/host_key-cert.pub\nSetEnv SHLVL=3\n"
    with Sshd(folder, environment=shows) as server:
        yield Vouched(folder, server)


@pytest.fixture
def enter(ssh: MakeTransport, vouched: Vouched) -> Callable[..., bool]:
    def enter(*, strict: bool = True) -> bool:
        server = vouched.server
        transport = ssh(
            port=server.port,
            key_file=server.key_file,
            known_hosts=vouched.known_hosts,
            strict=strict,
        )
        return transport.run(TRUE, timeout=PATIENCE).ok

    return enter


@pytest.mark.parametrize("name", ["127.0.0.1", "127.*", "[127.0.0.1]:*", "!10.*,*"])
def test_an_authority_vouches_for_a_host(
    vouched: Vouched, enter: Callable[..., bool], name: str
) -> None:
    vouched.certify("-n", "127.0.0.1,h1.example")
    vouched.knows("@cert-authority", name, vouched.authority)
    before = vouched.known_hosts.read_text()
    assert enter()
    assert vouched.known_hosts.read_text() == before


def test_an_authority_for_other_hosts_does_not(
    vouched: Vouched, enter: Callable[..., bool]
) -> None:
    vouched.certify("-n", "127.0.0.1")
    vouched.knows("@cert-authority", "*.example,!127.0.0.1", vouched.authority)
    with pytest.raises(HostKeyError, match=r"h1 shows a host key that is not in"):
        enter()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["-n", "h9"], "it is for h9 and not for 127.0.0.1"),
        (["-n", "127.0.0.1", "-V", "20200101:20200102"], "it is not valid now"),
    ],
)
def test_a_certificate_that_proves_nothing_says_why(
    vouched: Vouched, enter: Callable[..., bool], words: list[str], why: str
) -> None:
    vouched.certify(*words)
    vouched.knows("@cert-authority", "*", vouched.authority)
    with pytest.raises(HostKeyError, match=f"its certificate does not help: {why}"):
        enter()


def test_a_certificate_of_another_authority_is_refused(
    vouched: Vouched, enter: Callable[..., bool]
) -> None:
    vouched.certify("-n", "127.0.0.1", authority=vouched.other)
    vouched.knows("@cert-authority", "*", vouched.authority)
    with pytest.raises(HostKeyError, match="no authority we know has signed it"):
        enter()


def test_a_remembered_key_counts_whatever_its_certificate_says(
    vouched: Vouched, enter: Callable[..., bool]
) -> None:
    vouched.certify("-n", "127.0.0.1", authority=vouched.other)
    vouched.knows("@cert-authority", "*", vouched.authority)
    assert enter(strict=False)
    assert len(vouched.known_hosts.read_text().splitlines()) == 2
    assert " ssh-ed25519 " in vouched.known_hosts.read_text().splitlines()[1]
    assert enter()


def test_a_revoked_key_is_refused(vouched: Vouched, enter: Callable[..., bool]) -> None:
    vouched.knows("", f"[127.0.0.1]:{vouched.server.port}", vouched.server.host_key)
    assert enter()
    vouched.knows("@revoked", "*", vouched.server.host_key)
    with pytest.raises(HostKeyError, match=r"that .*known_hosts, line 2, revokes"):
        enter()


def test_a_revoked_authority_vouches_for_nobody(
    vouched: Vouched, enter: Callable[..., bool]
) -> None:
    vouched.certify("-n", "127.0.0.1")
    vouched.knows("@cert-authority", "*", vouched.authority)
    vouched.knows("@revoked", "*", vouched.authority)
    with pytest.raises(HostKeyError, match="no authority we know"):
        enter()


def test_other_files_are_looked_at_and_left_alone(
    vouched: Vouched, ssh: MakeTransport, tmp_path: Path
) -> None:
    server = vouched.server
    vouched.knows("", f"[127.0.0.1]:{server.port}", server.host_key)
    trusted, own = vouched.known_hosts, tmp_path / "own"
    here = {"port": server.port, "key_file": server.key_file, "known_hosts": own}
    assert ssh(**here, trusted=(trusted,), strict=True).run(TRUE, timeout=PATIENCE).ok
    assert not own.exists()
    trusted.write_text("")
    vouched.knows("", f"[127.0.0.1]:{server.port}", vouched.other)
    before = trusted.read_text()
    with pytest.raises(HostKeyError, match=f"another host key .* {trusted}, line 1"):
        ssh(**here, trusted=(trusted,)).connect(timeout=PATIENCE)
    assert trusted.read_text() == before
    assert not own.exists()


def test_a_key_filed_without_the_port_counts_when_it_is_right(
    vouched: Vouched, enter: Callable[..., bool]
) -> None:
    vouched.knows("", "127.0.0.1", vouched.server.host_key)
    assert enter()
    vouched.known_hosts.write_text("")
    vouched.knows("", "127.0.0.1", vouched.other)
    assert enter(strict=False)
