"""What the command line says is recorded, but for what may be a secret."""

from __future__ import annotations

import pytest

from raftfleet.cli.options import without_secrets


def test_a_command_line_without_secrets_is_kept_whole() -> None:
    argv = ("raftfleet", "drill", "a-remove", "-i", "hosts.yml", "-e", "victim=leader")
    assert without_secrets(argv) == argv


@pytest.mark.parametrize(
    "word",
    [
        "robustmq_config={admin: {username: root, password: hunter2}}",
        '{"admin_password": "hunter2"}',
        "x_token=hunter2",
        "JWT_SECRET=hunter2\nmore",
    ],
)
def test_what_may_be_a_secret_is_cut(word: str) -> None:
    (kept,) = without_secrets([word])
    assert "hunter2" not in kept
    assert kept.endswith("***")
    assert kept[:-3] in word


def test_the_login_in_an_address_is_cut() -> None:
    argv = (
        "--push-gateway",
        "http://me:hunter2@push:9091/x",
        "url=ftp://a:hunter2@b",
        "git@host:x",
    )
    assert without_secrets(argv) == (
        *("--push-gateway", "http://***@push:9091/x"),
        *("url=ftp://***@b", "git@host:x"),
    )
