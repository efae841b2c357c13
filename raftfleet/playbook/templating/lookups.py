"""Lookups: what a template may read on the controller (`lookup('file', 'x')`), and time."""

from __future__ import annotations

import datetime as dt
import glob
import os
import random
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jinja2 import pass_context

from raftfleet.errors import Mark, RaftfleetError, nearest
from raftfleet.inventory.source import MarkedStr
from raftfleet.playbook.templating.failure import TemplatingError
from raftfleet.playbook.templating.filters.collections import FILTERS as COLLECTIONS
from raftfleet.playbook.templating.scope import evaluate
from raftfleet.playbook.templating.sequences import sequence
from raftfleet.playbook.templating.undefined import deferred

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2.runtime import Context

    from raftfleet.playbook.templating.scope import Scope

__all__ = ["GLOBALS", "LOOKUPS"]

_ABSENT = object()
_NOT_OURS = {
    "password": "make the secret beforehand and read it with lookup('env', ...) or lookup('file', ...)",
    "url": "fetch it with a task: uri",
    "config": "raftfleet has no ansible.cfg: pass the value with -e",
    "inventory_hostnames": "use groups",
    "csvfile": "keep the data in YAML, and read it with include_vars",
    "ini": "keep the data in YAML, and read it with include_vars",
    "unvault": "vault is not supported: pass secrets with -e @FILE or lookup('env', ...)",
}


def _env(scope: Scope, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    del scope
    default = options.get("default", "")
    return [os.environ.get(_word(term, "env"), default) for term in terms]


def _word(term: Any, lookup: str) -> str:
    if not isinstance(term, str):
        raise TemplatingError(f"{lookup} wants texts, not {type(term).__name__}", None)
    return str(term)


def _file(scope: Scope, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    return [_stripped(_text(scope, "files", str(term)), options) for term in terms]


def _template(scope: Scope, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    inner = scope.over(options.get("template_vars", {}))
    texts = [_text(scope, "templates", str(term)) for term in terms]
    return [evaluate(text, inner, of_file=True) for text in texts]


def _vars(scope: Scope, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    default = options.get("default", _ABSENT)
    return [_variable(scope, str(term), default) for term in terms]


def _first_found(scope: Scope, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    names, skip = _candidates(terms, options)
    for name in names:
        try:
            return [str(scope.find("files", name))]
        except RaftfleetError:
            continue
    if skip:
        return []
    raise TemplatingError(f"none of these files exists: {', '.join(names)}", None)


def _candidates(terms: list[Any], options: dict[str, Any]) -> tuple[list[str], bool]:
    """Return the names to try, and whether finding none is fine."""
    names: list[str] = []
    skip = bool(options.get("skip", False))
    for term in [*terms, options]:
        if isinstance(term, dict):
            skip = skip or bool(term.get("skip", False))
            folders = _several(term.get("paths"), ",:;") or [""]
            files = _several(term.get("files"), ",;")
            names += [os.path.join(p, f) for f in files for p in folders]  # noqa: PTH118
        else:
            names += _several(term, ",;")
    return names, skip


def _several(said: Any, separators: str) -> list[str]:
    """Return the names in a list, or in a text with separators between them."""
    parts = said if isinstance(said, list | tuple) else [said]
    return [one for part in parts if part for one in re.split(f"[{separators}]", str(part))]


def _fileglob(scope: Scope, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    del options
    found: list[Any] = []
    for term in terms:
        folder, _, pattern = _word(term, "fileglob").rpartition("/")
        try:
            base = scope.find("files", folder or ".")
        except RaftfleetError:
            continue
        found += sorted(p for p in glob.glob(str(base / pattern)) if Path(p).is_file())  # noqa: PTH207
    return found


def _pipe(scope: Scope, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """Return what shell commands write, run on this machine in the playbook's folder."""
    del options
    return [_output(str(term), scope) for term in terms]


def _output(command: str, scope: Scope) -> str:
    folder = scope.read("playbook_dir") if "playbook_dir" in scope else None
    done = subprocess.run(  # noqa: S602 - the playbook's author asks for a shell
        command, shell=True, check=False, stdin=subprocess.DEVNULL, capture_output=True, cwd=folder
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise TemplatingError(f"{command!r} ended with {done.returncode}: {said}", None)
    return done.stdout.decode("utf-8", "replace").rstrip()


def _lines(scope: Scope, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    return [line for text in _pipe(scope, terms, options) for line in text.splitlines()]


def _dict(scope: Scope, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    del scope, options
    pairs: list[Any] = []
    for term in terms:
        if not isinstance(term, Mapping):
            raise TemplatingError(f"dict wants a mapping, not {type(term).__name__}", None)
        pairs += [{"key": key, "value": value} for key, value in term.items()]
    return pairs


def _varnames(scope: Scope, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    del options
    return [name for term in terms for name in scope if re.search(_word(term, "varnames"), name)]


def _subelements(scope: Scope, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """Pair each mapping, without the list named, with each item of that list."""
    del scope, options
    elements, path, *flags = terms
    skip = bool(flags and flags[0].get("skip_missing", False))
    return [
        [{key: value for key, value in element.items() if key != path}, item]
        for element, item in COLLECTIONS["subelements"](elements, path, skip)
    ]


LOOKUPS: dict[str, Callable[[Scope, list[Any], dict[str, Any]], list[Any]]] = {
    "dict": _dict,
    "env": _env,
    "file": _file,
    "fileglob": _fileglob,
    "first_found": _first_found,
    "indexed_items": lambda _scope, terms, _options: [list(p) for p in enumerate(_flat(terms))],
    "items": lambda _scope, terms, _options: _flat(terms),
    "lines": _lines,
    "list": lambda _scope, terms, _options: terms,
    "nested": lambda _scope, terms, _options: COLLECTIONS["product"](*terms),
    "pipe": _pipe,
    "random_choice": lambda _scope, terms, _options: [random.choice(terms)] if terms else [],  # noqa: S311
    "sequence": sequence,
    "subelements": _subelements,
    "template": _template,
    "together": lambda _scope, terms, _options: COLLECTIONS["zip_longest"](*terms),
    "varnames": _varnames,
    "vars": _vars,
}


def _flat(terms: list[Any]) -> list[Any]:
    return [item for term in terms for item in (term if isinstance(term, list | tuple) else [term])]


def _text(scope: Scope, kind: str, name: str) -> str:
    path = scope.find(kind, name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplatingError(f"cannot read {path}: {error}", None) from error
    return MarkedStr(text, Mark(str(path), 1, 1, text)) if kind == "templates" else text


def _stripped(text: str, options: dict[str, Any]) -> str:
    if options.get("lstrip", False):
        text = text.lstrip()
    return text.rstrip() if options.get("rstrip", True) else text


def _variable(scope: Scope, name: str, default: Any) -> Any:
    if name in scope:
        return scope[name]
    if default is not _ABSENT:
        return default
    close = nearest(name, scope)
    hint = f"did you mean {close}?" if close else None
    what = f"the variable {name!r} is undefined"
    return deferred(TemplatingError(what, None, hint=hint, undefined=True))


def _run(
    context: Context, name: str, terms: tuple[Any, ...], options: dict[str, Any]
) -> list[Any] | None:
    """Run a lookup over its terms; ``errors: ignore`` or ``warn`` makes a failure None."""
    bare = str(name).removeprefix("ansible.builtin.")
    if bare not in LOOKUPS:
        close = nearest(bare, LOOKUPS)
        hint = _NOT_OURS.get(bare) or (f"did you mean {close}?" if close else None)
        known = ", ".join(sorted(LOOKUPS))
        raise TemplatingError(f"there is no lookup {bare!r}", None, hint=hint or f"known: {known}")
    errors = options.pop("errors", "strict")
    try:
        return LOOKUPS[bare](cast("Scope", context.parent), list(terms), options)
    except RaftfleetError:
        if errors == "strict":
            raise
        return None


@pass_context
def _lookup(context: Context, name: str, *terms: Any, **options: Any) -> Any:
    """Return what a lookup found: the value when it is one, texts joined by commas when several."""
    as_list = options.pop("wantlist", False)
    found = _run(context, name, terms, options)
    if found is None:
        return [] if as_list else None
    if as_list:
        return found
    if len(found) == 1:
        return found[0]
    texts = bool(found) and all(isinstance(item, str) for item in found)
    return ",".join(map(str, found)) if texts else found


@pass_context
def _query(context: Context, name: str, *terms: Any, **options: Any) -> list[Any]:
    options.pop("wantlist", None)
    return _run(context, name, terms, options) or []


def _now(utc: bool = False, fmt: str | None = None) -> Any:  # noqa: FBT001, FBT002
    at = dt.datetime.now(tz=dt.UTC) if utc else dt.datetime.now().astimezone()
    return at.strftime(fmt) if fmt else at.replace(tzinfo=None)


def _undef(hint: str = "this value must be given") -> Any:
    return deferred(TemplatingError(hint, None, undefined=True))


GLOBALS: dict[str, Callable[..., Any]] = {
    "lookup": _lookup,
    "now": _now,
    "q": _query,
    "query": _query,
    "undef": _undef,
}
