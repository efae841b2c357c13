"""How a broker calls the meta service: three tries, one redirect each, a line in the log for all.

The leader that a refusal names is remembered per method: a write goes to it until it cannot be
reached. Everything else is asked in the order of ``meta_addrs``, which is the order of its keys as
text. A try may take 5 s, but what was redirected has no deadline of its own: with the leader behind
a dead connection it hangs for as long as the connection does.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from .deadline import DeadlineError, within
from .errors import BrokenError, CallError, LateError, RefusedError
from .links import Links

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .logbook import Logbook
    from .presets import Preset
    from .values import Json
    from .wire import Handler

__all__ = ["Caller", "GrpcError"]

UTILS = "grpc_clients::utils"
POOL = "grpc_clients::pool"
TRIES = 3
READS = (
    "ClusterStatus", "GetResourceConfig", "ListTenant", "NodeList", "Summary", "Heartbeat",
    "UpdateCache",
)  # fmt: skip
"""Methods that are not sent to the leader remembered."""
GRPC_FAILED = "Grpc call of the node failed,Grpc status was"
EXPIRED = "code: 'The operation was cancelled', message: \"Timeout expired\""
FORWARD = "has to forward request to"
LEADER = re.compile(r'rpc_addr: \\"([^"\\]+)')


class GrpcError(Exception):
    """A call failed for good; the text is what the broker passes on to its client."""


class Caller:
    """Calls other nodes, and its own without the network."""

    def __init__(
        self,
        own: str,
        addresses: Sequence[str],
        preset: Preset,
        book: Logbook,
        *,
        channels: int = 4,
    ) -> None:
        self._own = own
        self._addresses = list(addresses)
        self._preset = preset
        self._book = book
        self._channels = channels
        self._links: dict[tuple[str, str], Links] = {}
        self._leaders: dict[str, str] = {}
        self.handler: Handler | None = None

    def links_to(self, address: str, pool: str = "broker") -> Links:
        """Return the connections to an address; Raft has a pool of its own beside the broker's.

        So a node has no connection of Raft's to one it has never led or asked for a vote.
        """
        key = (address, pool)
        if key not in self._links:
            self._links[key] = Links(address, self._preset, self._channels)
            text = f"Channel pool created for {address} with {self._channels} channels"
            self._book.info(POOL, f"{text} (lazy connect)")
        return self._links[key]

    async def call(
        self,
        method: str,
        body: Json = None,
        *,
        service: str = "PlacementService",
        only: str | None = None,
    ) -> Json:
        """Return the result of a call of the meta service; raises `GrpcError`.

        ``only`` names the one address to ask instead of all in turn.
        """
        name = f"{service}/{method}"
        error = GrpcError("no meta service address")
        tries = max(TRIES, 1 if only else len(self._addresses))
        for number in range(tries):
            if number:
                await asyncio.sleep(self._preset.retry_pause)
            address = only or self._address(name, number)
            said = f"retry_call {name} attempt {number + 1}"
            try:
                return await self._once(address, method, body, self._preset.call_timeout)
            except (RefusedError, BrokenError) as refusal:
                error = _grpc_error(refusal)
                if not _forwards(refusal):
                    self._rejected(f"{said}: {address}", error)
                    raise error from refusal
                result = await self._redirected(said, name, address, body, error)
                if result is not None:
                    return result[0]
            except CallError as failure:
                error = self._unreachable(said, tries, address, failure)
                self._leaders.pop(name, None)
        raise error

    def _address(self, name: str, number: int) -> str:
        return self._leaders.get(name) or self._addresses[number % len(self._addresses)]

    async def _redirected(
        self,
        said: str,
        name: str,
        address: str,
        body: Json,
        refusal: GrpcError,
    ) -> tuple[Json] | None:
        """Follow a refusal to the leader it names; None when that leads nowhere."""
        named = LEADER.search(str(refusal))
        if not named:
            text = f"{said}: {address} returned a forward error but no leader addr parsed"
            self._book.warn(UTILS, f"{text}: {refusal}")
            return None
        leader = named[1]
        self._book.info(UTILS, f"{said}: {address} redirected to leader {leader}")
        self._book.info(POOL, f"Update Leader cache for method={name}, leader={leader}")
        method = name.partition("/")[2]
        if method not in READS:
            self._leaders[name] = leader
        said = f"{said}: redirected leader {leader}"
        try:
            return (await self._once(leader, method, body, self._preset.channel_timeout),)
        except (RefusedError, BrokenError) as second:
            final = _grpc_error(second)
            self._rejected(said, final)
            raise final from second
        except LateError as late:
            final = GrpcError(f"{GRPC_FAILED} {EXPIRED}")
            self._rejected(said, final)
            raise final from late
        except CallError as failure:
            self._book.warn(UTILS, f"{said} unreachable: {self._failure(leader, failure)}")
            self._leaders.pop(name, None)
            return None

    async def _once(self, address: str, method: str, body: Json, timeout: float) -> Json:  # noqa: ASYNC109
        if address != self._own or self.handler is None:
            return await self.links_to(address).call(method, body, timeout)
        try:
            result = self.handler(method, body)
            if asyncio.iscoroutine(result):
                result = await within(timeout, result)
        except DeadlineError:
            raise LateError(address) from None
        return result

    def _rejected(self, said: str, error: GrpcError) -> None:
        self._book.warn(UTILS, f"{said} rejected the request (not retried): {error}")

    def _unreachable(self, said: str, tries: int, address: str, failure: CallError) -> GrpcError:
        if isinstance(failure, LateError):
            seconds = f"{self._preset.call_timeout:g}s"
            late = f"{said}/{tries}: {address} did not respond within {seconds}"
            self._book.warn(UTILS, late)
        error = self._failure(address, failure)
        self._book.warn(UTILS, f"{said}: {address} unreachable: {error}")
        return error

    def _failure(self, address: str, failure: CallError) -> GrpcError:
        if isinstance(failure, LateError):
            seconds = f"{self._preset.call_timeout:g}s"
            return GrpcError(f"tcp connect error: {address} timed out after {seconds}")
        return _grpc_error(failure)


def _forwards(error: CallError) -> bool:
    return isinstance(error, RefusedError) and FORWARD in error.message


def _grpc_error(error: CallError) -> GrpcError:
    return GrpcError(f"{GRPC_FAILED} {error}")
