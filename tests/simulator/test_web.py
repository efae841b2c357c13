"""The HTTP server: what it takes for a request, and how it hands a connection over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from raftfleet.simulator.errors import LateError, RefusedError, UnreachableError
from raftfleet.simulator.links import Link, Links
from raftfleet.simulator.presets import PRESETS, Preset
from raftfleet.simulator.web import Connection, Request, Response
from raftfleet.simulator.wire import PREFACE, serve_calls
from tests.simulator.processes import free_ports


def echo(request: Request) -> Response | Awaitable[Response]:
    text = f"{request.method} {request.path} {request.query} {request.body.decode()}"
    response = Response(200, {"x": "y"}, text.encode())
    if request.path != "/slow":
        return response

    async def later() -> Response:
        await asyncio.sleep(0.02)
        return response

    return later()


async def calls(method: str, body: object) -> object:
    if method == "sleep":
        await asyncio.sleep(30)
    if method == "refuse":
        raise RefusedError(f'no "{body}"')
    return [method, body]


async def talk(*pieces: bytes) -> bytes:
    """Send pieces to a server on one connection and return everything it says."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(echo), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await writer.wait_closed()
        return answer


def bodies(answer: bytes) -> list[bytes]:
    return [part.split(b"\r\n\r\n")[1] for part in answer.split(b"HTTP/1.1 ")[1:]]


def test_requests_on_one_connection_are_answered_in_order() -> None:
    answer = asyncio.run(
        talk(
            b"GET /slow HTTP/1.1\r\n\r\nPOST /b?q=1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
            b"GET /last HTTP/1.1\r\nConnection: close\r\n\r\n"
        )
    )
    assert bodies(answer) == [b"GET /slow  ", b"POST /b q=1 abc", b"GET /last  "]


def test_a_request_may_come_in_pieces_and_in_chunks() -> None:
    answer = asyncio.run(
        talk(
            b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nab",
            b"c\r\n2;x=y\r\nde\r",
            b"\n0\r\n\r\n",
        )
    )
    assert bodies(answer) == [b"POST /a  abcde"]


@pytest.mark.parametrize(
    "text",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"GET / HTTP/1.1\r\n" + b"a" * 70000,
    ],
)
def test_what_is_no_request_ends_the_connection(text: bytes) -> None:
    assert asyncio.run(talk(text)).startswith(b"HTTP/1.1 400 Bad Request\r\n")


# -- calls between nodes ---------------------------------------------------------------------


Work = Callable[[Link], Awaitable[list[object]]]


async def with_link(work: Work, preset: Preset = PRESETS["head"]) -> list[object]:
    """Do something with a link to a server, and leave no connection behind."""
    loop = asyncio.get_running_loop()
    accepted: list[Connection] = []

    def accept() -> Connection:
        accepted.append(Connection(echo, preface=PREFACE, hand_over=lambda: serve_calls(calls)))
        return accepted[-1]

    server = await loop.create_server(accept, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        link = Link(f"127.0.0.1:{port}", preset)
        result = await work(link)
        for connection in accepted:
            connection._transport.abort()
        await asyncio.sleep(0)  # the transports are closed by callbacks of the loop
        await asyncio.sleep(0.01)
        return result


def test_many_calls_share_a_connection() -> None:
    async def work(link: Link) -> list[object]:
        return list(await asyncio.gather(*(link.call("m", n, 10.0) for n in range(50))))

    assert asyncio.run(with_link(work)) == [["m", n] for n in range(50)]


def test_a_refusal_says_why_and_a_late_answer_leaves_the_connection_alone() -> None:
    async def work(link: Link) -> list[object]:
        with pytest.raises(RefusedError) as refused:
            await link.call("refuse", "x", 10.0)
        wire = link._wire
        with pytest.raises(LateError):
            await link.call("sleep", None, 0.05)
        return [refused.value, await link.call("m", 1, 10.0), link._wire is wire]

    refusal, answer, same = asyncio.run(with_link(work))
    assert str(refusal) == r"""code: 'Internal error', message: "no \"x\"" """.strip()
    assert (answer, same) == (["m", 1], True)


def test_an_address_where_nobody_listens_is_unreachable_in_tonics_words() -> None:
    address = f"127.0.0.1:{free_ports(1)}"
    with pytest.raises(UnreachableError) as error:
        asyncio.run(Link(address, PRESETS["head"]).call("m", None, 10.0))
    assert str(error.value) == (
        "code: 'The service is currently unavailable', message: \"tcp connect error\", source: "
        'tonic::transport::Error(Transport, ConnectError(ConnectError("tcp connect error", '
        f'{address}, Os {{ code: 111, kind: ConnectionRefused, message: "Connection refused" }})))'
    )


def test_a_broken_connection_fails_its_calls_and_is_made_anew() -> None:
    async def work(link: Link) -> list[object]:
        await link.call("m", 0, 10.0)
        call = asyncio.ensure_future(link.call("sleep", None, 10.0))
        await asyncio.sleep(0.01)
        assert link._wire
        assert link._wire.transport
        link._wire.transport.abort()
        with pytest.raises(UnreachableError, match="transport error"):
            await call
        return [await link.call("m", 2, 10.0)]

    assert asyncio.run(with_link(work)) == [["m", 2]]


def test_a_call_that_is_given_up_is_ended_there_and_one_taken_back_in_time_never_begins() -> None:
    begun: list[str] = []
    ended: list[str] = []

    async def handler(method: str, _: object) -> object:
        begun.append(method)
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append(method)
            raise
        return None

    async def work() -> None:
        wire = serve_calls(handler)
        wire._on_frames([[1, "first", None]])
        await asyncio.sleep(0)
        wire._on_frames([[2, "second", None], [1], [2]])
        await asyncio.sleep(0.01)

    asyncio.run(work())
    assert (begun, ended) == (["first"], ["first"])


QUIET = PRESETS["head"]._replace(keep_alive=0.05, keep_alive_timeout=0.1)


def test_a_silent_connection_that_still_answers_is_kept() -> None:
    async def work(link: Link) -> list[object]:
        await link.call("m", 0, 10.0)
        wire = link._wire
        await asyncio.sleep(0.4)
        return [link._wire is wire, await link.call("m", 1, 10.0)]

    assert asyncio.run(with_link(work, QUIET)) == [True, ["m", 1]]


def test_a_connection_that_swallows_everything_is_given_up_and_made_anew() -> None:
    async def work(link: Link) -> list[object]:
        await link.call("m", 0, 10.0)
        first = link._wire
        assert first
        first.data_received = lambda data: None  # type: ignore[method-assign]  # noqa: ARG005
        with pytest.raises(UnreachableError, match="KeepAliveTimedOut"):
            await link.call("m", 1, 10.0)
        return [await link.call("m", 2, 10.0), link._wire is first]

    assert asyncio.run(with_link(work, QUIET)) == [["m", 2], False]


def test_calls_take_turns_on_the_connections_to_an_address() -> None:
    links = Links("127.0.0.1:1", PRESETS["head"], 3)
    asked: list[int] = []

    async def work() -> None:
        for number, link in enumerate(links._links):

            async def call(method: str, body: object, timeout: float, n: int = number) -> None:  # noqa: ASYNC109
                del method, body, timeout
                asked.append(n)

            link.call = call  # type: ignore[method-assign]
        for _ in range(5):
            await links.call("m", None, 1.0)

    asyncio.run(work())
    assert asked == [0, 1, 2, 0, 1]
