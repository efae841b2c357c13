"""What stands in for a transport where a module says that it needs none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from raftfleet.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NoTransport"]


class NoTransport:
    """No host is touched, and none need be reachable; asking for more is the module's mistake."""

    def __init__(self, host: str) -> None:
        self.host = host

    def _refuse(self, *_args: object, **_options: object) -> NoReturn:
        raise TaskError(f"the module said it needs no connection to {self.host}, and asks for one")

    def close(self) -> None:
        """There is nothing to let go of."""

    connect: Callable[..., NoReturn] = _refuse
    run: Callable[..., NoReturn] = _refuse
    open: Callable[..., NoReturn] = _refuse
    put: Callable[..., NoReturn] = _refuse
    get: Callable[..., NoReturn] = _refuse
    forward: Callable[..., NoReturn] = _refuse
    tunnel: Callable[..., NoReturn] = _refuse
