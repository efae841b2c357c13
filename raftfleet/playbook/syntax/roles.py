"""Reading what is in a role's folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import SourceError
from raftfleet.inventory.source import MarkedDict
from raftfleet.playbook.syntax.nodes import Role, RoleUse, Settings
from raftfleet.playbook.syntax.reading import Reader, place, unknown_word
from raftfleet.playbook.syntax.role_folders import (
    From,
    file_named,
    missing_only_main,
    no_role,
    refuse_plugins,
    role_folders,
)
from raftfleet.playbook.syntax.settings import read_settings
from raftfleet.playbook.syntax.site import Site, exists, shown, start_of, static_name
from raftfleet.playbook.syntax.templates import check_keywords
from raftfleet.playbook.syntax.words import META, ROLE, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from raftfleet.errors import Mark
    from raftfleet.playbook.syntax.handler_lists import HandlerReader
    from raftfleet.playbook.syntax.notices import Notices
    from raftfleet.playbook.syntax.tasks import TaskReader

__all__ = ["RoleReader"]

_DEEPEST: Final = 50
_NOT_CHECKED: Final = "argument_specs of roles are accepted, and not checked"


class RoleReader:
    """Reads roles; each role with the same files is read once."""

    def __init__(
        self,
        tasks: TaskReader,
        handlers: HandlerReader,
        document: Callable[[Path], Any],
        role_paths: Sequence[Path],
        notices: Notices,
    ) -> None:
        self._tasks = tasks
        self._handler_lists = handlers
        self._document = document
        self._role_paths = tuple(role_paths)
        self._notices = notices
        self._known: dict[tuple[Path, From], Role] = {}

    def entry(self, item: Any, site: Site, mark: Mark | None) -> RoleUse:
        """Read an item of `roles:` or of a role's dependencies; what is no keyword is a parameter."""
        if isinstance(item, str):
            item = MarkedDict({"role": item}, place(item, mark))
        reader = Reader(item, "a role", mark)
        key = "role" if "role" in reader else "name"
        name = reader.text(key)
        if not name:
            raise SourceError("a role entry needs role: NAME", reader.mark)
        check_keywords(reader.data)
        parameters = {}
        for word, value in reader.data.items():
            if word not in ROLE:
                if refusal(word):
                    raise unknown_word(word, ROLE, "a role", reader.key_at(word))
                parameters[word] = value
        role = self.role(name, From.of(reader.data), site, reader.at(key))
        settings = read_settings(reader)
        return RoleUse(
            role,
            replace(settings, variables={}),
            parameters,
            settings.variables,
            once=not role.allow_duplicates,
            mark=reader.mark,
        )

    def imported(
        self, arguments: Mapping[str, Any], settings: Settings, site: Site, mark: Mark | None
    ) -> RoleUse:
        """Read the role of an `import_role`, or of an `include_role` whose moment has come."""
        at = arguments.value_mark("name") if isinstance(arguments, MarkedDict) else None
        role = self.role(arguments["name"], From.of(arguments), site, at or mark)
        again = arguments.get("allow_duplicates", True)
        return RoleUse(
            role,
            settings,
            variables=settings.variables,
            imported=True,
            once=not again,
            public=bool(arguments.get("public", True)),
            mark=mark,
        )

    def role(self, name: str, files: From, site: Site, mark: Mark | None) -> Role:
        """Return a role by its name or path; raises `SourceError`."""
        name = static_name(name, "a role", mark, "use include_role", site)
        path = self.path_of(name, site)
        if path is None:
            raise no_role(name, role_folders(site, self._role_paths), mark)
        if path / files.tasks in site.opened:
            raise SourceError(
                f"the role {name} needs itself",
                mark,
                hint="take the role out of its own dependencies and imports",
            )
        if len(site.opened) > _DEEPEST:
            raise SourceError(f"roles are nested deeper than {_DEEPEST}", mark)
        key = (path, files)
        if key not in self._known:
            self._known[key] = self._read(path, files, site, mark)
        return self._known[key]

    def path_of(self, name: str, site: Site) -> Path | None:
        """Return the folder of a role, or None when there is none."""
        folders = role_folders(site, self._role_paths)
        if "/" in name:
            folders.append(site.playbook_dir)
        paths = (folder / name for folder in folders)
        found = next((path for path in paths if exists(path, Path.is_dir)), None)
        return found.resolve() if found else None

    def _read(self, path: Path, files: From, site: Site, mark: Mark | None) -> Role:
        refuse_plugins(path, mark)
        inside = Site(path / "tasks", site.playbook_dir, path, (*site.opened, path / files.tasks))
        meta = self._meta(path)
        needed = meta.list_of("dependencies", lambda item, at: self.entry(item, inside, at))
        defaults, variables = _needed(needed)
        return Role(
            name=path.name,
            path=path,
            defaults=self._variables(path / "defaults", files.defaults, mark),
            variables=self._variables(path / "vars", files.vars, mark),
            tasks=self._list(path / "tasks", files.tasks, inside, mark, self._tasks.file),
            handlers=self._list(path / "handlers", files.handlers, inside, mark, self._handlers),
            dependencies=needed,
            allow_duplicates=bool(meta.flag("allow_duplicates", default=False)),
            needed_defaults=defaults,
            needed_variables=variables,
        )

    def _handlers(self, file: Path, site: Site, mark: Mark | None) -> Any:
        inside = Site(file.parent, site.playbook_dir, site.role_path, site.opened)
        return self._handler_lists.handlers(self._document(file), inside, mark)

    def _meta(self, path: Path) -> Reader:
        file = file_named(path / "meta", "main")
        value = self._document(file) if file else None
        mark = start_of(file) if file else None
        meta = Reader(value if value is not None else MarkedDict(), "the meta of a role", mark)
        meta.only(META)
        specs = file_named(path / "meta", "argument_specs")
        if specs or "argument_specs" in meta:
            at = start_of(specs) if specs else meta.key_at("argument_specs")
            self._notices.add(_NOT_CHECKED, at)
        return meta

    def _list(
        self, folder: Path, name: str, site: Site, mark: Mark | None, read: Callable[..., Any]
    ) -> Any:
        file = file_named(folder, name)
        if file is None:
            missing_only_main(folder, name, mark)
            return ()
        return read(file, site, mark)

    def _variables(self, folder: Path, name: str, mark: Mark | None) -> dict[str, Any]:
        """Read a role's variables: a file, or a folder whose files are merged in name order."""
        file = file_named(folder, name)
        files = [file] if file else sorted(p for p in (folder / name).glob("**/*") if p.is_file())
        if not files:
            missing_only_main(folder, name, mark)
        merged: dict[str, Any] = {}
        for found in files:
            value = self._document(found)
            if value is not None and not isinstance(value, MarkedDict):
                raise SourceError(
                    f"{shown(found)} wants a mapping of variables", place(value) or start_of(found)
                )
            merged |= value or {}
        return merged


def _needed(needed: Sequence[RoleUse]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the defaults and the variables that a role has from those it depends on."""
    defaults: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    for use in needed:
        defaults |= {**use.role.needed_defaults, **use.role.defaults}
        variables |= {**use.role.needed_variables, **use.role.variables}
    return defaults, variables
