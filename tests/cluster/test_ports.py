"""A node's ports are looked up in the kernel of its host, with whoever really holds them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from raftfleet.cluster.ports import holders, look
from raftfleet.journal.values import Port
from tests.cluster.bench import free_ports, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.bench import Bench

LISTEN = """exec /usr/bin/python3 -S -E -c '
import socket, time
held = [socket.socket(family, kind) for family, kind in {kinds}]
for number, one in zip({ports}, held):
    one.bind(("", number))
    if one.type == socket.SOCK_STREAM: one.listen()
time.sleep(60)'"""


def listener(*wanted: tuple[str, str, int]) -> str:
    """Return the line of a node that holds these ports: (family, kind, number)."""
    kinds = [f"(socket.AF_{family}, socket.SOCK_{kind})" for family, kind, _ in wanted]
    return LISTEN.format(kinds=f"[{', '.join(kinds)}]", ports=[one[2] for one in wanted])


@pytest.fixture
def stranger() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A process that holds a port, and is no node."""
    code = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); "
        "print(s.getsockname()[1], flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline()), process
    finally:
        process.communicate(b"\n")


def test_ports_of_every_kind_are_seen(bench: Bench) -> None:
    numbers = free_ports(3)
    life = bench.life(
        listener(
            ("INET", "STREAM", numbers[0]),
            ("INET6", "STREAM", numbers[1]),
            ("INET", "DGRAM", numbers[2]),
        )
    )
    wanted = [
        Port("four", numbers[0]),
        Port("six", numbers[1]),
        Port("datagram", numbers[2], "udp"),
    ]
    life.start()
    until(lambda: len(look(life.place, wanted).held) == 3, "all ports")
    holding = look(life.place, wanted)
    assert holding.missing == ()
    assert holding.foreign == {}
    assert holding.life is not None
    assert holding.life.alive


def test_a_port_of_another_protocol_is_missing(bench: Bench) -> None:
    (number,) = free_ports(1)
    life = bench.life(listener(("INET", "STREAM", number)))
    life.start()
    until(lambda: look(life.place, [Port("a", number)]).held, "the port")
    udp = Port("a", number, "udp")
    assert look(life.place, [udp]).missing == (udp,)


def test_a_connection_is_no_listener(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        port = Port("outgoing", client.getsockname()[1])
        assert look(bench.place(), [port]).missing == (port,)
        client.close()


def test_a_port_somebody_else_holds_is_not_the_nodes(
    bench: Bench, stranger: tuple[int, subprocess.Popen[bytes]]
) -> None:
    number, process = stranger
    life = bench.life("exec sleep 60")
    life.start()
    port = Port("status", number)
    holding = look(life.place, [port])
    assert holding.held == ()
    assert list(holding.foreign) == [port]
    (line,) = holders(life.place, holding.foreign)
    assert line.startswith(f"tcp port {number} (status) is held by pid {process.pid} (")
    assert "import socket" in line


def test_while_the_node_is_down_every_holder_is_a_stranger(
    bench: Bench, stranger: tuple[int, subprocess.Popen[bytes]]
) -> None:
    number, process = stranger
    port = Port("status", number)
    holding = look(bench.place(), [port])
    assert list(holding.foreign) == [port]
    assert f"pid {process.pid} " in holders(bench.place(), holding.foreign)[0]


def test_our_own_process_is_named_when_it_holds_the_port(bench: Bench) -> None:
    with socket.create_server(("", 0)) as server:
        port = Port("status", server.getsockname()[1])
        (line,) = holders(bench.place(), look(bench.place(), [port]).foreign)
        assert f"pid {os.getpid()} " in line


def test_nothing_is_asked_when_nothing_is_foreign(bench: Bench) -> None:
    assert holders(bench.place(), {}) == []
