"""`get_url` against a real server: downloaded once, checked before it is there."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.playbook.module import Status
from tests.modules.web import FILE, Web, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.modules.conftest import Bench

SHA1 = hashlib.sha1(FILE).hexdigest()


@pytest.fixture
def web() -> Iterator[Web]:
    """A server without TLS."""
    with serving() as one:
        yield one


def test_a_file_is_downloaded_once(bench: Bench, web: Web, there: Path) -> None:
    wanted = {"url": f"{web.url}/file.bin", "dest": f"{there}/f", "mode": "0640"}
    first = bench.run("get_url", **wanted)
    assert (there / "f").read_bytes() == FILE
    values = {key: first.values[key] for key in ("dest", "status_code", "checksum_src", "mode")}
    assert values == {
        "dest": f"{there}/f",
        "status_code": 200,
        "checksum_src": SHA1,
        "mode": "0640",
    }
    assert first.values["checksum_dest"] is None
    second = bench.run("get_url", **wanted)
    assert (second.status, second.values["checksum_dest"]) == (Status.OK, SHA1)


@pytest.mark.parametrize("checksum", [f"sha1:{SHA1}", f"sha1: {SHA1.upper()}", "sha1:{}/sums"])
def test_what_is_there_with_its_checksum_is_not_asked_for(
    bench: Bench, web: Web, there: Path, checksum: str
) -> None:
    wanted = {
        "url": f"{web.url}/file.bin",
        "dest": f"{there}/f",
        "checksum": checksum.format(web.url),
    }
    assert bench.changes("get_url", **wanted) == [True, False]
    assert web.seen.count("GET /file.bin") == 1
    (there / "f").write_text("spoilt")
    assert bench.run("get_url", **wanted, backup=True).values["backup_file"]
    assert (there / "f").read_bytes() == FILE
    assert bench.run("get_url", **wanted, mode="0600").status is Status.CHANGED


def test_a_list_of_sums_in_the_other_form(bench: Bench, web: Web, there: Path) -> None:
    wanted = {"url": f"{web.url}/bsd.bin", "dest": str(there), "checksum": f"sha1:{web.url}/sums"}
    assert bench.changes("get_url", **wanted)[0]
    unlisted = {**wanted, "url": f"{web.url}/unlisted.bin"}
    assert "no digest of 'unlisted.bin'" in bench.failure("get_url", **unlisted)


def test_a_wrong_checksum_leaves_what_was(bench: Bench, web: Web, there: Path) -> None:
    (there / "f").write_text("old")
    wanted = {"url": f"{web.url}/file.bin", "dest": f"{there}/f", "checksum": f"md5:{'0' * 32}"}
    said = bench.failure("get_url", **wanted)
    assert "did not match" in said
    assert hashlib.md5(FILE).hexdigest() in said
    assert [path.read_text() for path in there.iterdir()] == ["old"]


def test_a_folder_takes_it_under_its_own_name(bench: Bench, web: Web, there: Path) -> None:
    named = bench.run("get_url", url=f"{web.url}/named", dest=str(there))
    plain = bench.run("get_url", url=f"{web.url}/x/a.tgz?v=1", dest=f"{there}/")
    assert named.values["dest"] == f"{there}/given.txt"
    assert plain.values["dest"] == f"{there}/a.tgz"


def test_what_is_not_newer_stays_unless_forced(bench: Bench, web: Web, there: Path) -> None:
    (there / "f").write_text("mine")
    wanted = {"url": f"{web.url}/old", "dest": f"{there}/f"}
    result = bench.run("get_url", **wanted)
    assert (result.status, result.values["status_code"]) == (Status.OK, 304)
    assert (there / "f").read_text() == "mine"
    assert bench.changes("get_url", **wanted, force=True) == [True, False]


def test_check_mode_asks_for_the_headers_only(bench: Bench, web: Web, there: Path) -> None:
    result = bench.checking().run("get_url", url=f"{web.url}/file.bin", dest=f"{there}/f")
    assert (result.status, web.seen) == (Status.CHANGED, ["HEAD /file.bin"])
    assert not list(there.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"url": "{}/status/404"}, "Request failed"),
        ({"url": "http://127.0.0.1:1/"}, "Request failed: connection refused"),
        ({"url": "{}/cut"}, "95 bytes are missing"),
        ({"dest": "{there}/no/f"}, "{there}/no does not exist"),
        ({"dest": "{there}/no/"}, "is no directory"),
        ({"checksum": "zzz"}, "wants ALGORITHM:DIGEST"),
        ({"checksum": "crc32:aa"}, "wants ALGORITHM:DIGEST"),
        ({"checksum": "md5:xyz"}, "no digest in hexadecimal"),
        ({"checksum": "md5:{}/status/404"}, "cannot be had: status 404"),
    ],
)
def test_what_fails_leaves_nothing(
    bench: Bench, web: Web, there: Path, arguments: dict[str, Any], message: str
) -> None:
    given = {"url": f"{web.url}/file.bin", "dest": f"{there}/f", **arguments}
    given = {
        key: value.replace("{there}", str(there)).format(web.url) for key, value in given.items()
    }
    result = bench.run("get_url", **given)
    assert result.status is Status.FAILED
    assert message.replace("{there}", str(there)) in result.msg
    assert result.values["dest"] == given["dest"]
    assert not list(there.iterdir())
