"""How a node comes into its cluster: it recovers, or joins by a peer, or bootstraps alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .caller import GrpcError
from .deadline import DeadlineError, within

if TYPE_CHECKING:
    from .caller import Caller
    from .group import Group
    from .logbook import Logbook
    from .settings import Settings

__all__ = ["enter_cluster"]

MANAGER = "meta_service::raft::manager"
GROUP = "meta_service::raft::group"
PROBE = 0.5


async def enter_cluster(
    settings: Settings, groups: dict[str, Group], caller: Caller, book: Logbook
) -> None:
    """Recover, join or bootstrap; raises `GrpcError` when a join is refused.

    A node with any persisted state recovers. A fresh one joins by the first peer that accepts a
    TCP connection, in the order of ``meta_addrs``; without one it is its own cluster.
    """
    node = settings.node
    book.info(MANAGER, "Starting Multi-Raft")
    for name, group in groups.items():
        if group.fresh:
            book.info(GROUP, f"[{name}] Not yet initialized, waiting for bootstrap or join")
        else:
            book.info(GROUP, f"[{name}] Already initialized, rejoining cluster")
    if not all(group.fresh for group in groups.values()):
        book.info(MANAGER, f"Node {node} has persisted state, recovering existing cluster")
    else:
        peer = await _reachable_peer(settings, book)
        if peer:
            await _join(settings, peer, caller, book)
        else:
            text = f"No reachable peers, bootstrapping single-node cluster (node {node})"
            book.info(MANAGER, text)
            for name, group in groups.items():
                group.initialize(settings.meta_addrs[str(node)])
                book.info(GROUP, f"[{name}] Single-node cluster bootstrapped")
    book.info(MANAGER, "Multi-Raft started")


async def _reachable_peer(settings: Settings, book: Logbook) -> str | None:
    for peer, address in settings.meta_addrs.items():
        if peer == str(settings.node):
            continue
        problem = await _probe(address)
        if problem is None:
            book.info(MANAGER, f"Joining cluster via peer {peer} at {address}")
            return address
        text = "connection timed out" if problem == "timeout" else f"not reachable: {problem}"
        book.warn(MANAGER, f"Peer {peer} at {address} {text}")
    return None


async def _probe(address: str) -> str | None:
    """Return None when the address accepts a connection, else why not."""
    host, _, port = address.rpartition(":")
    opening = asyncio.get_running_loop().create_connection(asyncio.Protocol, host, int(port))
    try:
        transport, _ = await within(PROBE, opening)
    except DeadlineError:
        return "timeout"
    except ConnectionRefusedError as error:
        return f"Connection refused (os error {error.errno})"
    except OSError as error:
        return f"{error.strerror or error} (os error {error.errno})"
    transport.close()
    return None


async def _join(settings: Settings, peer: str, caller: Caller, book: Logbook) -> None:
    body = {"node_id": settings.node, "rpc_addr": settings.meta_addrs[str(settings.node)]}
    try:
        await caller.call("JoinCluster", body, only=peer)
    except GrpcError as error:
        raise GrpcError(f"Failed to join cluster via peer {peer}: {error}") from error
    book.info(MANAGER, f"Successfully joined cluster via peer {peer}")
