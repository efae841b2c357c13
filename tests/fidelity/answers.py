"""Compares what the API answers."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from .rows import Row, same_members
from .writing import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .recording import Event, Recording
    from .side import Side

__all__ = ["compare_answers"]


def compare_answers(recorded: Side, simulated: Side) -> Iterator[Row]:
    """Every call of the API: status, shape and error text of the answer."""
    kinds = ("api", "grpcweb", "grpcweb-variant", "grpc-port-get", "on-host")
    sides = [_calls(side.recording.of(*kinds)) for side in (recorded, simulated)]
    if sides[0]:
        yield same_members("api/calls", list(sides[0]), list(sides[1]))
    for name in sides[0]:
        if name in sides[1]:
            there, here = sides[0][name], sides[1][name]
            bodies = [_body(side.recording, event)
                      for side, event in ((recorded, there), (simulated, here))]  # fmt: skip
            if any(body.startswith("{") and not _is_json(body) for body in bodies):
                bodies = ["", ""]  # only its beginning was kept
            yield same_members(f"api/{name}", _answer(there, bodies[0]), _answer(here, bodies[1]))


def _calls(events: list[Event]) -> dict[str, Event]:
    found: dict[str, Event] = {}
    for event in events:
        words = [
            event["kind"],
            event.get("name") or event.get("method") or event.get("content_type") or "",
        ]
        name = " ".join(word for word in (*words, f"n{event.get('node', 1)}") if word)
        found[name if name not in found else f"{name} again"] = event
    return found


def _body(recording: Recording, event: Event) -> str:
    sample = recording.samples.get(f"{event.get('name')}-n{event.get('node')}", event)
    body = sample.get("body", "")
    return body if isinstance(body, str) else json.dumps(body)


def _is_json(body: str) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def _answer(event: Event, body: str) -> set[str]:
    """Return an answer as facts: its status and every path of its body with the type there."""
    facts = {f"{key}: {event[key]}" for key in ("status", "frames", "trailer", "loopback_code",
             "own_ip_code") if key in event}  # fmt: skip
    facts |= {f"listens: {one}" for one in event.get("listeners", ()) if one.startswith("0.0.0.0")}
    for key in ("grpc-status", "grpc-message", "content-type"):
        if key in event.get("headers", {}):
            facts.add(f"{key}: {event['headers'][key]}")
    if _is_json(body):
        return facts | set(_paths(json.loads(body), ""))
    return facts | (_series(body) if body.startswith("# HELP") else {f"text: {refusal(body)[:60]}"})


def _series(body: str) -> set[str]:
    return {f"series: {match}" for match in re.findall(r"^(raft_\w+)\{", body, re.MULTILINE)}


def _paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, f"{path}.{'#' if key.isdecimal() else key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _paths(inner, f"{path}[]")
    elif path in (".code", ".error", ".message") or path.endswith((".state", ".status")):
        yield f"{path} = {refusal(str(value))}"
    else:
        yield f"{path}: {type(value).__name__}"
