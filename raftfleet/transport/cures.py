"""What paramiko gets wrong for us, and can only be put right in its private parts.

* Ciphers that today's processors do fast (AES-GCM) come last in its list; here they come first.
* It drops the message that names the signal which ended a command (RFC 4254, section 6.10).
* Its own thread answers the host's CLOSE of a channel while another thread may be about to send
  data or EOF on it. Sent after that answer, they make sshd drop the whole connection ("ieof packet
  referred to nonexistent channel"). Here whoever uses a channel answers, with `close_channel`.
* Its own thread waits for a key exchange to end before it sends, though only that thread can end
  it: after 512 MB the connection hung for 30 s and broke. Here it puts off what it has to say.
* It forgets a channel whose opening took too long: the host would keep the session for ever and
  soon refuse new ones (MaxSessions). Such a channel is closed when it opens after all.
* A writer waiting for its window to open can only block; here a bell is rung for it.
* It logs why a host says it ends the connection and forgets it; here it is kept.
* It asks for certificates of hosts last, so that it never sees one; here the order can be chosen.
"""

# mypy: disable-error-code="attr-defined"
# ruff: noqa: SLF001
from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import paramiko
from paramiko.common import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_OPEN_SUCCESS,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_WINDOW_ADJUST,
    MSG_NEWKEYS,
    cMSG_CHANNEL_CLOSE,
    cMSG_GLOBAL_REQUEST,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CuredTransport", "close_channel"]


class CuredTransport(paramiko.Transport):
    """paramiko's transport with the cures applied."""

    _preferred_ciphers = (
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        *(name for name in paramiko.Transport._preferred_ciphers if "gcm" not in name),
    )

    def __init__(self, sock: Any, **options: Any) -> None:
        super().__init__(sock, **options)
        self.farewell: str | None = None
        self.host_key_types_first: tuple[str, ...] = ()
        self._put_off: list[paramiko.Message] = []
        self._handler_table: dict[int, Callable[..., Any]]
        self._handler_table = {
            **self._handler_table,
            MSG_CHANNEL_OPEN_SUCCESS: self._opened,
            MSG_NEWKEYS: self._new_keys,
        }

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """The types of host keys to ask for, best first."""
        usual = tuple(super().preferred_keys)
        first = tuple(one for one in self.host_key_types_first if one in usual)
        return (*first, *(one for one in usual if one not in first))

    def ask_for_nothing(self) -> None:
        """Send a request that every host answers, if only to say that it does not know it."""
        message = paramiko.Message()
        message.add_byte(cMSG_GLOBAL_REQUEST)
        message.add_string("keepalive@openssh.com")
        message.add_boolean(True)  # noqa: FBT003 - it wants a reply
        self._send_user_message(message)

    def _parse_disconnect(self, message: paramiko.Message) -> None:
        message.get_int()
        self.farewell = message.get_text().strip() or None

    def _send_user_message(self, data: paramiko.Message) -> None:
        if threading.current_thread() is self and not self.clear_to_send.is_set():
            self._put_off.append(data)
        else:
            super()._send_user_message(data)  # type: ignore[misc]

    def _new_keys(self, message: paramiko.Message) -> None:
        """Finish a key exchange, and send what this thread had to say meanwhile."""
        self._parse_newkeys(message)
        put_off, self._put_off = self._put_off, []
        for data in put_off:
            self._send_user_message(data)

    def _opened(self, message: paramiko.Message) -> None:
        """Close a channel again that opens when nobody waits for it any more."""
        start = message.packet.tell()
        ours, theirs = message.get_int(), message.get_int()
        message.packet.seek(start)
        if self._channels.get(ours) is not None:
            self._parse_channel_open_success(message)
        else:
            self._send_user_message(_close_message(theirs))


def _close_message(number: int) -> paramiko.Message:
    message = paramiko.Message()
    message.add_byte(cMSG_CHANNEL_CLOSE)
    message.add_int(number)
    return message


def close_channel(channel: paramiko.Channel) -> None:
    """Close a channel, or answer the host that did; nothing may be sent on it after this."""
    carrier: Any = channel.transport
    with channel.lock:
        owed, channel.owed = getattr(channel, "owed", False), False
    if owed:
        carrier._send_user_message(_close_message(channel.remote_chanid))
        carrier._unlink_channel(channel.chanid)
    else:
        channel.close()


def _closed(channel: paramiko.Channel, message: paramiko.Message) -> None:  # noqa: ARG001
    """Note that the host closed a channel; the answer is owed unless we closed it first."""
    carrier: Any = channel.transport
    with channel.lock:
        answered = channel.closed
        if not answered:
            channel.owed = True
            channel._set_closed()
    if answered:
        carrier._unlink_channel(channel.chanid)


def _request(channel: paramiko.Channel, message: paramiko.Message) -> None:
    """Handle a request on a channel, the one that names a fatal signal too."""
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
    MSG_CHANNEL_CLOSE: _closed,
    MSG_CHANNEL_REQUEST: _request,
    MSG_CHANNEL_WINDOW_ADJUST: _window_adjust,
}
