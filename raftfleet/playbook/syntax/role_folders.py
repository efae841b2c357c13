"""Where roles and their files are found, and what a role may not bring."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from raftfleet.errors import SourceError, nearest
from raftfleet.playbook.syntax.site import exists

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raftfleet.errors import Mark
    from raftfleet.playbook.syntax.site import Site

__all__ = ["file_named", "no_role", "refuse_plugins", "role_folders"]

_ENDINGS: Final = (".yml", ".yaml", ".json", "")
_PLUGINS: Final = (
    "library", "module_utils", "action_plugins", "filter_plugins", "lookup_plugins", "test_plugins",
    "callback_plugins", "vars_plugins",
)  # fmt: skip
_COPY: Final = "copy the role into roles/"


def role_folders(site: Site, more: Sequence[Path]) -> list[Path]:
    """Return where roles are looked for, the first places first; ``more`` are those of the project."""
    beside = [site.role_path.parent] if site.role_path is not None else []
    roles = [site.playbook_dir / "roles", site.playbook_dir.parent / "roles"]
    return list(dict.fromkeys([*roles, *more, *beside]))


def file_named(folder: Path, name: str) -> Path | None:
    """Return the file of this name, with or without an ending."""
    for ending in _ENDINGS:
        path = folder / f"{name}{ending}"
        if exists(path, Path.is_file):
            return path
    return None


def refuse_plugins(path: Path, mark: Mark | None) -> None:
    """Refuse a role with modules or plugins in it; they are Ansible's only."""
    for name in _PLUGINS:
        if (path / name).is_dir():
            raise SourceError(
                f"the role {path.name} brings {name}/, which is not supported",
                mark,
                hint="add a module of your own instead",
                unsupported=True,
            )


def no_role(name: str, folders: list[Path], mark: Mark | None) -> SourceError:
    """Return the error for a role that is nowhere."""
    if str(name).count(".") > 1 and "/" not in name:
        message = f"roles of collections are not supported: {name}"
        return SourceError(message, mark, hint=_COPY, unsupported=True)
    known = [entry.name for folder in folders if folder.is_dir() for entry in folder.iterdir()]
    close = nearest(str(name), known)
    looked = f"looked in {', '.join(map(str, folders))}"
    return SourceError(
        f"there is no role {str(name)!r}", mark, hint=f"did you mean {close}?" if close else looked
    )
