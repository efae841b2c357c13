"""Facts that a host's owner keeps in files of the host: ``ansible_local``."""

from __future__ import annotations

import configparser
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def local(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Read each file as JSON, else as INI; one that is neither says so in the place of its facts.

    A program that failed, or took too long, has no facts.
    """
    parts = text.split("\1")[1:]
    files = zip(parts[0::3], parts[1::3], parts[2::3], strict=True)
    return {"local": {name: _read(name, said) for name, said, status in files if status == "0"}}


def _read(name: str, content: str) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        pass
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(content)
    except configparser.Error:
        return f"error loading facts as JSON or ini - please check content: {name}.fact"
    return {section: dict(parser.items(section)) for section in parser.sections()}
