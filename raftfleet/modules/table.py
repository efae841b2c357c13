"""Task modules by name, each loaded when it is first used: a playbook uses few of them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.playbook.module import Module

__all__ = ["ModuleTable"]


class ModuleTable(Mapping[str, "Module"]):
    """Modules by name; the names are known before any module is loaded.

    ``places`` says where each is: ``file:Class``, a file of this folder. ``arguments`` are what
    their classes are made with.
    """

    def __init__(self, places: Mapping[str, str], *arguments: object) -> None:
        self._places = dict(sorted(places.items()))
        self._arguments = arguments
        self._made: dict[str, Module] = {}

    def __getitem__(self, name: str) -> Module:
        """Return a module; whoever asks again, in whatever thread, gets the same object."""
        if name not in self._made:
            file, _, kind = self._places[name].partition(":")
            found = getattr(import_module(f"raftfleet.modules.{file}"), kind)
            self._made.setdefault(name, cast("Module", found(*self._arguments)))
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
