"""`uri`: an HTTP request from the host, and what came back."""

from __future__ import annotations

import email.message
import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.base import ATTRIBUTES, REFUSED_ATTRIBUTES, GenericModule, arguments
from raftfleet.modules.commanding import skipped_because
from raftfleet.modules.files.attributes import Attributes
from raftfleet.modules.files.delivery import deliver
from raftfleet.modules.files.remote_file import look
from raftfleet.modules.http.answers import content_of, values_of
from raftfleet.modules.http.bodies import body_of
from raftfleet.modules.http.downloading import file_name, since
from raftfleet.modules.http.exchange import Answer, NoAnswerError, bare_url
from raftfleet.modules.http.web import WEB_ARGUMENTS, Web
from raftfleet.modules.on_host import OnHost
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Uri"]

_FORMATS: Final = ("raw", "json", "form-urlencoded", "form-multipart")
_FOLLOW: Final = ("safe", "all", "none", "no", "yes", "urllib2")
_JSON: Final = frozenset({"json", "javascript"})
_MOST: Final = 32 * 1024 * 1024
_NOT_MODIFIED: Final = 304
_NONE: Final = -1


class Uri(GenericModule):
    """Send an HTTP request from the host; fail unless the answer's status is an expected one.

    Arguments: ``url`` (http or https, required), ``method`` (GET), ``body`` (any value) with
    ``body_format`` (raw, json, form-urlencoded, form-multipart; raw), or ``src`` (path of a file
    here, looked up in ``files``, or with ``remote_src`` (bool) on the host: the body), ``headers``
    (mapping), ``status_code`` (list of numbers, 200), ``return_content`` (bool), ``dest`` (path:
    where the answer goes; a folder takes it under its own name), ``timeout`` (seconds for the
    connecting, and for each wait for data; 30), ``follow_redirects`` (safe: of GET and HEAD; all,
    none; also yes, no, urllib2), ``unredirected_headers`` (list of headers that are sent once),
    ``url_username`` (also ``user``), ``url_password`` (also ``password``), ``force_basic_auth``
    (bool: send them before they are asked for), ``validate_certs`` (bool, true), ``ca_path``,
    ``client_cert``, ``client_key`` (paths on the host, PEM), ``use_proxy`` (bool, true: those that
    the task's environment names), ``http_agent`` (text), ``decompress`` (bool, true), ``ciphers`` (list, of OpenSSL's names), ``force``
    (bool: do not ask whether ``dest`` is out of date), ``creates``, ``removes`` (path or pattern:
    do not ask when it exists, or does not), ``mode``, ``owner``, ``group`` (of ``dest``). ``use_gssapi`` and ``use_netrc`` (bool) may only be
    false.
    Returns: status (-1 without an answer), url, redirected, msg, elapsed (seconds), content (with
    return_content), json (of a JSON answer), each header by its name in small letters with _
    for -, cookies, cookies_string, path. No password is returned.
    The host makes the connection, what it says is said here: the host needs no program for it,
    but its sshd has to allow forwarding. Certificates are judged by this machine's CAs.
    "Changed" only when ``dest`` is. Check mode: skipped. Diff: of ``dest``. Idempotence: that of
    what is asked for.
    """

    name = "uri"
    arguments = arguments(
        method=Argument(default="GET"),
        body=Argument("raw"),
        body_format=Argument(choices=_FORMATS, default="raw"),
        src=Argument("path"),
        remote_src=Argument("bool", default=False),
        status_code=Argument("list", default=(200,)),
        return_content=Argument("bool", default=False),
        dest=Argument("path"),
        timeout=Argument("float", default=30),
        follow_redirects=Argument(choices=_FOLLOW, default="safe"),
        url_username=Argument(aliases=("user",)),
        url_password=Argument(aliases=("password",)),
        creates=Argument("path"),
        removes=Argument("path"),
        **WEB_ARGUMENTS,
        **ATTRIBUTES,
    )
    idle = frozenset({"unsafe_writes"})
    refused = MappingProxyType(
        {**REFUSED_ATTRIBUTES, "unix_socket": "command: curl --unix-socket PATH URL"}
    )
    exclusive = (("body", "src"),)

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Ask, and judge the answer."""
        wanted, method = _statuses(arguments["status_code"]), _method(arguments["method"])
        host = OnHost(context)
        if reason := skipped_because(host, arguments):
            said = f"skipped, since {reason}"
            return Result(msg=said, values={"stdout": said, "stdout_lines": [said]})
        if context.check_mode:
            return Result(Status.SKIPPED, "nothing is asked for in check mode")
        headers, body = body_of(arguments, host)
        dest = host.path(arguments["dest"]) if arguments["dest"] else None
        if dest and not arguments["force"]:
            headers |= since(look(host, dest, follow=True))
        began = context.clock.monotonic()
        web = Web(host, arguments, arguments["follow_redirects"])
        try:
            with web.ask(method, headers, body) as answer:
                content = content_of(answer, decompress=arguments["decompress"], most=_MOST)
        except NoAnswerError as error:
            nothing = {"status": _NONE, "url": bare_url(arguments["url"]), "redirected": False}
            return _judged(Result(msg=f"Request failed: {error}", values=nothing), wanted)
        values = values_of(answer, web.cookies) | {
            "redirected": answer.url != bare_url(arguments["url"]),
            "elapsed": round(context.clock.monotonic() - began),
            **_understood(answer, content, arguments),
        }
        result = Result(msg=values.pop("msg"), values=values)
        if dest is not None and answer.status == _NOT_MODIFIED and "If-Modified-Since" in headers:
            return Result(msg=result.msg, values=values | {"path": dest})
        result = _judged(result, wanted)
        if dest is None or result.status is Status.FAILED:
            return result
        return _written(host, dest, content, answer, result, arguments)


def _statuses(given: list[Any]) -> list[int]:
    try:
        return [int(one) for one in given]
    except (TypeError, ValueError):
        raise TaskError(f"status_code wants numbers, not {given!r}") from None


def _method(given: str) -> str:
    method = given.upper()
    if not method.isascii() or not method.isalpha():
        raise TaskError(f"method wants one word such as GET or POST, not {given!r}")
    return method


def _understood(answer: Answer, content: bytes, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content as text when it was asked for, and what JSON says."""
    head = email.message.Message()
    head["Content-Type"] = answer.headers.get("Content-Type", "application/octet-stream")
    charset = head.get_content_charset("utf-8")
    try:
        text = content.decode(charset, "replace")
    except LookupError:
        text = content.decode("utf-8", "replace")
    values: dict[str, Any] = {"content": text} if arguments["return_content"] else {}
    if head.get_content_subtype().rpartition("+")[2] in _JSON:
        try:
            values["json"] = json.loads(text)
        except ValueError:
            return values
    return values


def _judged(result: Result, wanted: list[int]) -> Result:
    status = result.values["status"]
    if status in wanted:
        return result
    said = f"Status code was {status} and not {wanted}: {result.msg}"
    return Result(Status.FAILED, said, result.values)


def _written(
    host: OnHost,
    dest: str,
    content: bytes,
    answer: Answer,
    result: Result,
    arguments: Mapping[str, Any],
) -> Result:
    """Put the answer where it is wanted."""
    done = deliver(host, content, dest, Attributes.of(arguments), name=file_name(answer))
    values = {key: value for key, value in done.values.items() if key not in {"dest", "checksum"}}
    values |= {**result.values, "path": done.values["dest"]}
    return Result(done.status, result.msg, values, diff=done.diff)
