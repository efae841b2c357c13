"""What paramiko gets wrong for us, and can only be put right in its private parts.

* Ciphers that today's processors do fast (AES-GCM) come last in its list; here they come first.
* It drops the message that names the signal which ended a command (RFC 4254, section 6.10).
* It forgets a channel whose opening took too long: the host would keep the session for ever and
  soon refuse new ones (MaxSessions). Such a channel is closed when it opens after all.
* A writer waiting for its window to open can only block; here a bell is rung for it.
"""

# mypy: disable-error-code="attr-defined"
# ruff: noqa: SLF001
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import paramiko
from paramiko.common import (
    MSG_CHANNEL_OPEN_SUCCESS,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_WINDOW_ADJUST,
    cMSG_CHANNEL_CLOSE,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CuredTransport"]


class CuredTransport(paramiko.Transport):
    """paramiko's transport with the cures applied."""

    _preferred_ciphers = (
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        *(name for name in paramiko.Transport._preferred_ciphers if "gcm" not in name),
    )

    def __init__(self, sock: Any, **options: Any) -> None:
        super().__init__(sock, **options)
        self._handler_table: dict[int, Callable[..., Any]]
        self._handler_table = {**self._handler_table, MSG_CHANNEL_OPEN_SUCCESS: self._opened}

    def _opened(self, message: paramiko.Message) -> None:
        """Close a channel again that opens when nobody waits for it any more."""
        start = message.packet.tell()
        ours, theirs = message.get_int(), message.get_int()
        message.packet.seek(start)
        if self._channels.get(ours) is not None:
            self._parse_channel_open_success(message)
            return
        close = paramiko.Message()
        close.add_byte(cMSG_CHANNEL_CLOSE)
        close.add_int(theirs)
        self._send_user_message(close)


def _request(channel: paramiko.Channel, message: paramiko.Message) -> None:
    """Handle a request on a channel, the one that names a fatal signal too (RFC 4254, 6.10)."""
    start = message.packet.tell()
    if message.get_text() == "exit-signal":
        message.get_boolean()
        channel.exit_signal = message.get_text().partition("@")[0]
        channel.status_event.set()
    else:
        message.packet.seek(start)
        channel._handle_request(message)
    _ring(channel)


def _window_adjust(channel: paramiko.Channel, message: paramiko.Message) -> None:
    channel._window_adjust(message)
    _ring(channel)


def _ring(channel: paramiko.Channel) -> None:
    bell = getattr(channel, "bell", None)
    if bell is not None:
        bell.set()


CuredTransport._channel_handler_table = {
    **paramiko.Transport._channel_handler_table,
    MSG_CHANNEL_REQUEST: _request,
    MSG_CHANNEL_WINDOW_ADJUST: _window_adjust,
}
