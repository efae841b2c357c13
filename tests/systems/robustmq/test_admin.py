"""The admin API: logging in, and what its answers mean, as a real broker once gave them."""

from __future__ import annotations

import json
import logging
import threading
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.errors import AuthenticationError
from raftfleet.systems import AccessError, Ack, Answer, Refused, Unknown, system_named
from raftfleet.systems.robustmq import RobustMQ
from raftfleet.systems.robustmq.admin import Admin, AdminError
from tests.systems.conftest import as_answer, recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.systems.conftest import FakeAccess, MakeNode

    Answers = dict[tuple[str, str], Answer | Exception | list[Answer]]
    Ask = Callable[..., tuple[Admin, FakeAccess]]

PASSWORD = "correct-horse"
INFO = ("http", "/api/info")
LOGIN = ("http", "/api/v1/login")
LIST = ("http", "/api/cluster/tenant/list?limit=100000&page=1")
CREATE = ("http", "/api/cluster/tenant/create")
DELETE = ("http", "/api/cluster/tenant/delete")
UPDATE = ("http", "/api/cluster/tenant/update")
LEAVE = ("http", "/api/cluster/node/leave")


def sample(name: str) -> Answer:
    found = recorded("admin.json")[name]
    assert isinstance(found, dict)
    return as_answer(found)


def token_of(answer: Answer) -> str:
    token: str = json.loads(answer.body)["data"]["token"]
    return token


def granted(token: str, seconds: float = 28800) -> Answer:
    data = {"code": 0, "data": {"token": token, "expires_in": seconds}, "message": "success"}
    return Answer(200, {"content-type": "application/json"}, json.dumps(data).encode())


def failed(error: str, status: int = 200) -> Answer:
    body = json.dumps({"code": 100, "data": "", "error": error})
    return Answer(status, {"content-type": "text/plain; charset=utf-8"}, body.encode())


class Now:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def ask(make_node: MakeNode, fake_access: type[FakeAccess], now: Now) -> Ask:
    """An admin API that answers as given; asked from elsewhere unless ``over_loopback``."""

    def make(answers: Answers, *, over_loopback: bool = False) -> tuple[Admin, FakeAccess]:
        at = fake_access(make_node(1), answers, over_loopback=over_loopback)
        return Admin(at, "admin", PASSWORD, now), at

    return make


def bearers(at: FakeAccess) -> list[str | None]:
    return [headers.get("authorization") for headers in at.headers]


# --- logging in ----------------------------------------------------------------------------------


def test_over_loopback_nobody_logs_in(ask: Ask) -> None:
    admin, at = ask({INFO: sample("info-n2")}, over_loopback=True)
    assert admin.info(timeout=5).version == "0.4.3"
    assert [path for _, _, path, _ in at.asked] == ["/api/info"]
    assert bearers(at) == [None]


def test_from_elsewhere_it_logs_in_once_before_it_asks(ask: Ask) -> None:
    admin, at = ask({INFO: sample("info-n2"), LOGIN: sample("login-n1")})
    admin.info(timeout=5)
    admin.info(timeout=5)
    assert [path for _, _, path, _ in at.asked] == ["/api/v1/login", "/api/info", "/api/info"]
    token = token_of(sample("login-n1"))
    assert bearers(at) == [None, f"Bearer {token}", f"Bearer {token}"]
    assert json.loads(at.asked[0][3]) == {"username": "admin", "password": PASSWORD}
    assert at.headers[0]["content-type"] == "application/json"


def test_a_token_is_not_used_to_its_very_end(ask: Ask, now: Now) -> None:
    logins = [granted("first", 100), granted("second", 100)]
    admin, at = ask({INFO: sample("info-n2"), LOGIN: logins})
    admin.info(timeout=5)
    now.at += 85
    admin.info(timeout=5)
    assert len(logins) == 1
    now.at += 10
    admin.info(timeout=5)
    assert logins == []
    assert bearers(at)[-1] == "Bearer second"


def test_a_token_that_is_refused_is_renewed_once(ask: Ask) -> None:
    refused, good = sample("info-bad-token-n1"), sample("info-n2")
    admin, at = ask({INFO: [refused, good], LOGIN: [granted("old"), granted("new")]})
    assert admin.info(timeout=5).cluster_name == "robustmq-cluster"
    assert bearers(at) == [None, "Bearer old", None, "Bearer new"]
    admin, _ = ask({INFO: [refused, refused], LOGIN: [granted("old"), granted("new")]})
    with pytest.raises(AdminError, match="Invalid or expired token"):
        admin.info(timeout=5)


def test_a_node_that_wants_a_token_even_over_loopback_gets_one(ask: Ask) -> None:
    """What ends TLS in front of a node may make our loopback another's."""
    admin, at = ask(
        {INFO: [sample("info-noauth-n1"), sample("info-n2")], LOGIN: granted("made")},
        over_loopback=True,
    )
    admin.info(timeout=5)
    assert bearers(at) == [None, None, "Bearer made"]


def test_a_wrong_password_is_said_by_name_and_not_shown(ask: Ask) -> None:
    admin, _ = ask({INFO: sample("info-n2"), LOGIN: sample("login-wrong-n1")})
    with pytest.raises(AuthenticationError, match=r"n1: .* refuses the password of user 'admin'"):
        admin.info(timeout=5)
    with pytest.raises(AuthenticationError, match="password"):
        admin.create_tenant("t", timeout=5)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, {}, b"secret-token"),
        Answer(200, {}, b'{"data":"secret-token"}'),
        granted("secret-token\r\nX: y"),
        granted("secret token"),
        granted("s\u00e9cret-token"),
        granted(""),
    ],
)
def test_what_is_no_token_is_not_shown_either(ask: Ask, answer: Answer) -> None:
    admin, _ = ask({INFO: sample("info-n2"), LOGIN: answer})
    with pytest.raises(AccessError) as caught:
        admin.info(timeout=5)
    assert "cret" not in "".join(traceback.format_exception(caught.value))


def test_secrets_stand_in_no_error_no_log_and_no_repr(
    ask: Ask, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    answers: Answers = {LOGIN: granted("the-token"), INFO: failed("no"), CREATE: failed("no")}
    admin, _ = ask(answers)
    said = [repr(admin), repr(vars(admin)), str(admin)]
    with pytest.raises(AdminError) as caught:
        admin.info(timeout=5)
    said += traceback.format_exception(caught.value)
    said.append(repr(admin.create_tenant("t", timeout=5)))
    said += [caplog.text, *capsys.readouterr()]
    shown = "".join(said)
    assert "AdminError" in shown
    assert PASSWORD not in shown
    assert "the-token" not in shown


def test_threads_share_one_login(ask: Ask) -> None:
    admin, at = ask({INFO: sample("info-n2"), LOGIN: granted("shared")})
    threads = [threading.Thread(target=admin.info, kwargs={"timeout": 5}) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path for _, _, path, _ in at.asked].count("/api/v1/login") == 1
    assert [path for _, _, path, _ in at.asked].count("/api/info") == 8


def test_the_login_counts_against_the_deadline(
    make_node: MakeNode, fake_access: type[FakeAccess], now: Now
) -> None:
    class Slow(fake_access):  # type: ignore[misc, valid-type]
        def request(self, *words: Any, **options: Any) -> Answer:
            now.at += 3
            return super().request(*words, **options)  # type: ignore[no-any-return]

    at = Slow(make_node(1), {LOGIN: granted("t"), INFO: sample("info-n2")}, over_loopback=False)
    with pytest.raises(AccessError, match="no time was left"):
        Admin(at, "admin", PASSWORD, now).info(timeout=2)
    assert len(at.asked) == 1


def test_the_adapter_logs_in_with_what_it_writes_into_server_toml(
    make_node: MakeNode, fake_access: type[FakeAccess]
) -> None:
    system = system_named("robustmq")
    assert isinstance(system, RobustMQ)
    config = {"admin": {"username": "root", "password": PASSWORD}}
    node = make_node(1, robustmq_config=config)
    at = fake_access(node, {LOGIN: granted("t"), INFO: sample("info-n2")}, over_loopback=False)
    system.admin(at).info(timeout=5)
    assert json.loads(at.asked[0][3]) == {"username": "root", "password": PASSWORD}
    assert system.admin(at) is system.admin(at)
    plain = fake_access(
        make_node(1), {LOGIN: granted("t"), INFO: sample("info-n2")}, over_loopback=False
    )
    system.admin(plain).info(timeout=5)
    assert json.loads(plain.asked[0][3]) == {"username": "admin", "password": "admin"}


# --- reading -------------------------------------------------------------------------------------


def test_info_says_what_the_asked_node_knows(ask: Ask) -> None:
    admin, _ = ask({INFO: sample("info-n2")}, over_loopback=True)
    info = admin.info(timeout=5)
    assert {broker.node_id for broker in info.broker_node_list} == {1, 2, 3}
    assert {broker.http_addr.split(":")[0] for broker in info.broker_node_list} == set(info.nodes)


def test_every_tenant_is_listed(ask: Ask) -> None:
    admin, at = ask({LIST: sample("list-limit-100000-n3")}, over_loopback=True)
    names = {tenant.tenant_name for tenant in admin.tenants(timeout=5)}
    assert {"default", "drill-1", 'a b/ü"'} < names
    assert at.asked[0][1] == "GET"


def test_a_list_that_is_cut_is_no_list(ask: Ask) -> None:
    """Ten of many would look like lost tenants."""
    admin, _ = ask({LIST: sample("list-default-n1")}, over_loopback=True)
    with pytest.raises(AccessError, match=r"10 of \d+ tenants"):
        admin.tenants(timeout=5)


def test_tenants_are_looked_for_by_a_part_of_their_names(ask: Ask) -> None:
    path = LIST[1] + "&tenant_name=a+b%26"
    empty = Answer(200, {}, b'{"code":0,"data":{"data":[],"total_count":0},"error":null}')
    admin, _ = ask({("http", path): empty}, over_loopback=True)
    assert admin.tenants(containing="a b&", timeout=5) == []


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (failed("asked in vain"), "^asked in vain$"),
        (failed("", 500), "HTTP status 500, code 100, no reason"),
        (sample("unknown-path-n1"), "HTTP status 404 with '', which is no answer"),
        (Answer(502, {}, b"<html>Bad Gateway</html>"), "HTTP status 502 with '<html>"),
        (Answer(200, {}, b'{"code":0,"data":"","error":null}'), "/api/info cannot be read"),
        (Answer(200, {}, b'{"code":0}'), "/api/info cannot be read"),
        (Answer(200, {}, b"[]"), "no answer of the admin API"),
    ],
)
def test_an_error_is_an_error_whatever_its_data_is(ask: Ask, answer: Answer, says: str) -> None:
    admin, _ = ask({INFO: answer}, over_loopback=True)
    with pytest.raises(AccessError, match=says):
        admin.info(timeout=5)


# --- writing -------------------------------------------------------------------------------------


def test_a_created_tenant_is_acknowledged(ask: Ask) -> None:
    admin, at = ask({CREATE: sample("create-1-n2")}, over_loopback=True)
    assert admin.create_tenant("drill-1", "x", timeout=5) == Ack()
    assert json.loads(at.asked[0][3]) == {"tenant_name": "drill-1", "desc": "x"}
    assert at.headers[0]["content-type"] == "application/json"


def test_already_there_counts_as_written_at_the_first_use_of_a_name(ask: Ask) -> None:
    answers: Answers = {CREATE: sample("create-duplicate-n1")}
    admin, _ = ask(answers, over_loopback=True)
    assert admin.create_tenant("drill-1", timeout=5) == Ack()
    again = admin.create_tenant("drill-1", first_use=False, timeout=5)
    assert isinstance(again, Unknown)
    assert "already exists" in again.reason
    other = admin.create_tenant("drill-11", timeout=5)
    assert isinstance(other, Unknown), "another tenant is there, not this one"


@pytest.mark.parametrize(
    "name",
    [
        "create-empty-name-n1",
        "create-long-name-n1",
        "create-bad-json-n1",
        "create-missing-field-n1",
        "create-no-content-type-n1",
    ],
)
def test_input_that_is_refused_was_not_written(ask: Ask, name: str) -> None:
    admin, _ = ask({CREATE: sample(name)}, over_loopback=True)
    outcome = admin.create_tenant("t", timeout=5)
    assert isinstance(outcome, Refused)
    assert "failed: " in outcome.reason


@pytest.mark.parametrize(
    "answer",
    [
        failed("NodeCallManager global sender is not initialized; call start() before send()"),
        failed("Grpc call of the node failed, has to forward request to: None, None"),
        failed("tcp connect error: 10.0.0.1:1228 timed out after 5s"),
        failed("anything else", 500),
        Answer(200, {}, b""),
        Answer(504, {}, b"<html>"),
        AccessError("no answer within 5 s"),
        AccessError("connection reset"),
    ],
)
def test_any_other_failure_may_have_been_written(ask: Ask, answer: Answer | Exception) -> None:
    admin, _ = ask({CREATE: answer}, over_loopback=True)
    outcome = admin.create_tenant("t", timeout=5)
    assert isinstance(outcome, Unknown)
    assert outcome.reason


def test_without_a_token_that_is_accepted_nothing_was_written(ask: Ask) -> None:
    refused = sample("info-bad-token-n1")
    admin, _ = ask({CREATE: [refused, refused], LOGIN: granted("t")})
    assert admin.create_tenant("t", timeout=5) == Refused("Invalid or expired token")


def test_updates_and_deletions_are_told_apart_the_same_way(ask: Ask) -> None:
    admin, _ = ask(
        {DELETE: sample("delete-unknown-n2"), UPDATE: sample("update-unknown-n2")},
        over_loopback=True,
    )
    assert admin.delete_tenant("nope", timeout=5) == Ack()
    updated = admin.update_tenant("nope", "x", timeout=5)
    assert isinstance(updated, Unknown)
    assert updated.reason.endswith('"Tenant nope not found"')


def test_a_node_that_is_asked_to_leave(ask: Ask) -> None:
    admin, at = ask({LEAVE: sample("leave-unknown-n1")}, over_loopback=True)
    assert admin.leave(9, timeout=5).startswith("Node 9 removed")
    assert json.loads(at.asked[0][3]) == {"node_id": 9, "force": False}
    admin, _ = ask({LEAVE: sample("leave-live-n1")}, over_loopback=True)
    with pytest.raises(AdminError, match="still registered"):
        admin.leave(3, timeout=5)
