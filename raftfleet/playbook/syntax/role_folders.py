"""Where roles and their files are found, and what a role may not bring."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import SourceError, nearest
from raftfleet.playbook.syntax.reading import place
from raftfleet.playbook.syntax.site import exists
from raftfleet.playbook.templating.scope import is_text_template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from raftfleet.errors import Mark
    from raftfleet.playbook.syntax.site import Site

__all__ = ["From", "file_named", "missing_only_main", "no_role", "refuse_plugins", "role_folders"]

_ENDINGS: Final = (".yml", ".yaml", ".json", "")
_PLUGINS: Final = (
    "library", "module_utils", "action_plugins", "filter_plugins", "lookup_plugins", "test_plugins",
    "callback_plugins", "vars_plugins",
)  # fmt: skip
_COPY: Final = "copy the role into roles/"


@dataclass(frozen=True, slots=True)
class From:
    """Which file of each of a role's folders is read; `main` unless somebody says otherwise."""

    tasks: str = "main"
    vars: str = "main"
    defaults: str = "main"
    handlers: str = "main"

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> From:
        """Read `tasks_from` and its siblings."""
        names = ("tasks", "vars", "defaults", "handlers")
        given = {name: said.get(f"{name}_from") for name in names}
        return cls(
            **{
                name: value if isinstance(value, str) else str(value)
                for name, value in given.items()
                if value
            }
        )


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
        f"the role {str(name)!r} was not found",
        mark,
        hint=f"did you mean {close}?" if close else looked,
    )


def missing_only_main(folder: Path, name: str, mark: Mark | None) -> None:
    """Refuse that a file does not exist, unless it is the one that nobody asked for."""
    if is_text_template(name):
        message = f"{folder.name}_from: the name cannot be a template"
        raise SourceError(message, place(name, mark), hint="use include_role", unsupported=True)
    if name != "main":
        raise SourceError(
            f"the role has no file {folder.name}/{name}.yml",
            place(name, mark),
            hint=f"looked in {folder}",
        )
