"""What a diff may show: never the value of what is secret by name, nor what `no_log` hid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.playbook import Argument, Result, Status
from raftfleet.playbook.engine.secrets import (
    HIDDEN,
    is_secret_name,
    masked,
    masked_diff,
    secret_values,
)
from raftfleet.playbook.templating import Scope, written
from tests.playbook.conftest import FakeModule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook import ModuleContext
    from tests.playbook.conftest import Stage


@pytest.mark.parametrize(
    "name",
    [
        *("password", "db_password", "PASSWORD", "dbPassword", "passwd", "admin_pass", "token"),
        *("api_token", "api_key", "private_key", "secret", "client-secret", "ssl.secret"),
        *("ansible_become_password", "secret_key", "passphrase", "credentials", "token_value"),
    ],
)
def test_a_secret_is_known_by_its_name(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("compass", "key", "passive", "tokenizer", "secretary", "private_key_file", "bypass"),
        *("ansible_ssh_private_key_file", "token_url", "password_length", "monkey", "secret_name"),
    ],
)
def test_what_only_resembles_one_is_none(name: str) -> None:
    assert not is_secret_name(name)


def test_secret_values_are_found_in_depth_and_templated() -> None:
    variables = {
        "plain": "plain",
        "base": "s3",
        "db_password": "{{ base }}cret",
        "app": {"users": [{"name": "bob", "password": "bobs-own"}], "size": 4},
        "tokens": ["one-token", {"deep": 12345}],
        "broken_secret": "{{ nope }}",
        "short_password": "x",
        "use_password": True,
        "seen": {"stdout": "hidden-output", "msg": "All items completed", "rc": 0},
        "private_key": "-----BEGIN\nAAAA\n-----END",
    }
    values = secret_values(Scope((written(variables),)), {"seen"})
    assert {"s3cret", "bobs-own", "one-token", "12345", "hidden-output", "AAAA"} <= set(values)
    assert not {"plain", "bob", "x", "True", "All items completed", "0"} & set(values)
    assert [len(value) for value in values] == sorted(map(len, values), reverse=True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("user = bob\npassword = hunter2\n", f"user = bob\npassword = {HIDDEN}\n"),
        ('{"api_key": "abc, def", "n": 1}', f'{{"api_key": "{HIDDEN}", "n": 1}}'),
        ("--token=abc --name=x", f"--token={HIDDEN} --name=x"),
        ("token: |\n", f"token: {HIDDEN}\n"),
        ("url: http://h:80/", "url: http://h:80/"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nAAA=\n-----END RSA PRIVATE KEY-----\n",
            f"-----BEGIN RSA PRIVATE KEY-----\n{HIDDEN}\n-----END RSA PRIVATE KEY-----\n",
        ),
    ],
)
def test_what_stands_in_a_file_under_a_secrets_name_is_masked(text: str, shown: str) -> None:
    assert masked(text, ()) == shown


def test_texts_inside_a_value_are_masked_and_other_values_stay() -> None:
    diff = [{"before": "a s3cret", "after": None, "lines": 3}]
    assert masked(diff, ["s3cret"]) == [{"before": f"a {HIDDEN}", "after": None, "lines": 3}]


def test_a_line_whose_secret_is_another_one_says_so() -> None:
    diff = {"before": "a\npassword=one\ntoken=same\n", "after": "b\npassword=two\ntoken=same\n"}
    assert masked_diff([diff], ["one", "two"]) == [
        {
            "before": f"a\npassword={HIDDEN}\ntoken={HIDDEN}\n",
            "after": f"b\npassword={HIDDEN} (new)\ntoken={HIDDEN}\n",
        }
    ]
    key = "-----BEGIN PRIVATE KEY-----\nA\nB\n-----END PRIVATE KEY-----\n"
    assert "(new)" not in str(masked_diff({"before": "", "after": key}, []))
    assert masked_diff("token=x", ()) == f"token={HIDDEN}"


def _write(arguments: Mapping[str, Any], context: ModuleContext) -> Result:
    del context
    return Result(Status.CHANGED, diff=("old\n", f"{arguments['text']}\n"))


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ("", "x {{ db_password }} y"),
        ("- {say: hunter2, no_log: true, register: r}", "x {{ r.said }} y"),
        ("- {set_fact: {inner: hunter2}, no_log: true}", "x {{ inner }} y"),
        ("- {set_fact: {a: {token: hunter2}}}", "x {{ a.token }} y"),
    ],
)
def test_a_templated_secret_never_stands_in_an_events_diff(
    stage: Stage, before: str, text: str
) -> None:
    stage.add(FakeModule("write", _write, text=Argument()))
    task = f'- {{write: {{text: "{text}"}}, vars: {{db_password: hunter2}}, register: w}}'
    seen = '- {say: "{{ w.diff.after }}"}'
    last = stage.tasks(f"{before}\n{task}", diff=True).results()[-1]
    assert last.result["diff"] == {"before": "old\n", "after": f"x {HIDDEN} (new) y\n"}
    registered = stage.tasks(f"{before}\n{task}\n{seen}", diff=True).of("e1")[-1]
    assert registered.strip() == "x hunter2 y"


def test_without_diff_there_is_none(stage: Stage) -> None:
    stage.add(FakeModule("write", _write, text=Argument()))
    assert "diff" not in stage.tasks("- {write: {text: x}}").results()[-1].result
