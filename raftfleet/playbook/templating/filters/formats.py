"""Filters that write and read JSON and YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml
from jinja2 import Undefined

from raftfleet.inventory import load_yaml
from raftfleet.inventory.source import plain
from raftfleet.playbook.templating.scope import Omit

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FILTERS"]

_WIDTH = 10_000  # a long text stays on its line


class _Dumper(yaml.SafeDumper):
    """Writes a list below a key without indenting it, and never an anchor."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _bare(value: Any, named: Callable[[Any], Any] | None = None) -> Any:
    """Return a value made of nothing but what JSON knows; ``named`` makes keys."""
    if isinstance(value, Mapping):
        return {(named or _bare)(key): _bare(item, named) for key, item in value.items()}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_bare(item, named) for item in value]
    if isinstance(value, Omit):
        raise TypeError("omit cannot be written as JSON or YAML")
    if isinstance(value, bool | int | float | None):
        return plain(value)
    if hasattr(value, "__iter__"):
        return [_bare(item, named) for item in value]
    return str(value)


def _to_json(value: Any, **options: Any) -> str:
    options.pop("vault_to_text", None)
    options.pop("preprocess_unsafe", None)
    return json.dumps(_bare(value, _key), **options)


def _key(key: Any) -> str:
    """Return a key as JSON writes it; keys of several types can be sorted then."""
    return str(key) if isinstance(key, str) else json.dumps(plain(key))


def _to_nice_json(value: Any, indent: int = 4, sort_keys: bool = True, **options: Any) -> str:  # noqa: FBT001, FBT002
    return _to_json(value, indent=indent, sort_keys=sort_keys, separators=(",", ": "), **options)


def _to_yaml(value: Any, *, default_flow_style: bool | None = None, **options: Any) -> str:
    options = {"allow_unicode": True, "width": _WIDTH, "sort_keys": True} | options
    written = yaml.dump(
        _bare(value), Dumper=_Dumper, default_flow_style=default_flow_style, **options
    )
    return str(written).removesuffix("...\n")  # YAML's end of a document that is a lone scalar


def _to_nice_yaml(value: Any, indent: int = 4, **options: Any) -> str:
    return _to_yaml(value, indent=indent, default_flow_style=False, **options)


def _from_json(text: Any) -> Any:
    if not isinstance(text, str):
        raise TypeError(f"from_json wants a text, not a value of type {type(text).__name__}")
    return json.loads(text)


def _from_yaml(text: Any) -> Any:
    """Read YAML; what is read is data, never a template. What is no text is returned as it is."""
    return plain(load_yaml(text=text, file="from_yaml")) if isinstance(text, str) else text


def _from_yaml_all(text: Any) -> Any:
    return list(yaml.safe_load_all(text)) if isinstance(text, str) else text


_TYPES = {"MarkedStr": "str", "MarkedList": "list", "MarkedDict": "dict", "Octal": "int"}


def _type_debug(value: Any) -> str:
    if isinstance(value, Undefined):
        return "UndefinedMarker"
    name = type(value).__name__
    return _TYPES.get(name, name)


FILTERS: dict[str, Callable[..., Any]] = {
    "from_json": _from_json,
    "from_yaml": _from_yaml,
    "from_yaml_all": _from_yaml_all,
    "to_json": _to_json,
    "to_nice_json": _to_nice_json,
    "to_nice_yaml": _to_nice_yaml,
    "to_yaml": _to_yaml,
    "type_debug": _type_debug,
}
