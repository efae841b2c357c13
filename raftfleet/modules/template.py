"""`template`: a file rendered from a template."""

from __future__ import annotations

import datetime as dt
import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import SourceError, TaskError
from raftfleet.modules.base import ATTRIBUTES, REFUSED_ATTRIBUTES, GenericModule, arguments
from raftfleet.modules.files.attributes import Attributes
from raftfleet.modules.files.delivery import deliver
from raftfleet.modules.files.safeguards import SAFEGUARDS, Safeguards
from raftfleet.modules.on_host import OnHost
from raftfleet.playbook.module import Argument, Result
from raftfleet.playbook.syntax.kinds import WrongKindError, to_flag
from raftfleet.playbook.templating import TemplateFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Template"]

_NEWLINES: Final = {"\\n": "\n", "\\r": "\r", "\\r\\n": "\r\n"}
_MARKS: Final = (
    "block_start_string",
    "block_end_string",
    "variable_start_string",
    "variable_end_string",
    "comment_start_string",
    "comment_end_string",
)
_OPENINGS: Final = {
    "block_start_string": "{%",
    "variable_start_string": "{{",
    "comment_start_string": "{#",
}
_SWITCHES: Final = ("trim_blocks", "lstrip_blocks")
_HEADER: Final = "#jinja2:"


class Template(GenericModule):
    r"""Render a template here and make a file on the host have the outcome.

    Arguments: ``src`` (path of the template here, looked up in ``templates``, required), ``dest``
    (path, required; a folder takes the file under the template's name), ``mode`` (also
    "preserve"), ``owner``, ``group``, ``force`` (bool, true: replace what differs), ``backup``
    (bool: keep a copy of what was), ``validate`` (command with %s, which must accept the new
    file), ``follow`` (bool: a link at ``dest`` stays one, what it leads to is written),
    ``newline_sequence`` (\n, \r, \r\n), ``trim_blocks`` (bool, true), ``lstrip_blocks`` (bool),
    ``block_start_string``, ``block_end_string``, ``variable_start_string``,
    ``variable_end_string``, ``comment_start_string``, ``comment_end_string`` (text: Jinja's
    marks), ``output_encoding`` (text, utf-8). A first line ``#jinja2: trim_blocks: false`` sets
    such an option in the template itself.
    Returns: dest, src, checksum (SHA-1), backup_file, state, mode, owner, group, uid, gid, size.
    A template knows ansible_managed, template_path, template_fullpath, template_destpath,
    template_host, template_uid, template_mtime and template_run_date.
    Check mode: predicts. Diff: the text before and after. Idempotence: full, by digest.
    """

    name = "template"
    arguments = arguments(
        src=Argument("path", required=True),
        dest=Argument("path", required=True),
        force=Argument("bool", default=True),
        follow=Argument("bool", default=False),
        newline_sequence=Argument(choices=(*_NEWLINES, *_NEWLINES.values())),
        output_encoding=Argument(default="utf-8"),
        **{name: Argument("bool") for name in _SWITCHES},
        **{name: Argument() for name in _MARKS},
        **SAFEGUARDS,
        **ATTRIBUTES,
    )
    idle = frozenset({"unsafe_writes"})
    refused = REFUSED_ATTRIBUTES

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Render and deliver it."""
        safeguards = Safeguards.of(arguments)
        source = context.find("templates", arguments["src"])
        if source.is_dir():
            raise TaskError(f"{source} is a directory", hint="a template is one file; use a loop")
        rendered = _rendered(source, arguments, context)
        encoding = arguments["output_encoding"]
        try:
            content = rendered.encode(encoding, _errors(encoding))
        except (LookupError, UnicodeError) as error:
            raise TaskError(f"{source} cannot be written in {encoding}: {error}") from error
        result = deliver(
            OnHost(context),
            content,
            arguments["dest"],
            Attributes.of(arguments).like(source),
            name=source.name,
            force=arguments["force"],
            follow=arguments["follow"],
            safeguards=safeguards,
        )
        return Result(result.status, values={**result.values, "src": str(source)}, diff=result.diff)


def _errors(encoding: str) -> str:
    return "surrogateescape" if encoding == "utf-8" else "strict"


def _rendered(source: Path, arguments: Mapping[str, Any], context: ModuleContext) -> str:
    """Render a template file: a text without a place of its own counts as one to the engine."""
    try:
        text = source.read_bytes().decode()
        about = _about(source, arguments, context)
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"cannot read the template {source}: {error}") from error
    text, syntax = _header(text, source)
    for name in (*_SWITCHES, *_MARKS):
        if arguments[name] is not None:
            syntax[name] = arguments[name]
    marks = [str(syntax.get(name, mark)) for name, mark in _OPENINGS.items()]
    given = arguments["newline_sequence"]
    if given is None and not any(mark in text for mark in marks):
        return text  # a file without a template in it keeps the ends of its lines
    # Jinja ends lines of the template so; those of values stay as they are.
    newline = syntax["newline_sequence"] = _NEWLINES.get(given, given or "\n")
    # The template ends where its last line does, and the file as its template does.
    body = re.sub(r"(\r\n|\r|\n)\Z", "", text)
    file = TemplateFile(body, tuple(syntax.items()), about, _folders(source, context))
    try:
        rendered = context.template(file)
    except SourceError as error:
        raise TaskError(f"{source}: {error.message}", hint=error.hint) from error
    if not isinstance(rendered, str):
        return "" if rendered is None else str(rendered)
    missing = _newlines_at_end(text, "\n") - _newlines_at_end(rendered, newline)
    return rendered + newline * missing


def _folders(source: Path, context: ModuleContext) -> tuple[str, ...]:
    """Return where templates that this one includes are looked for: role, playbook, beside it."""
    known = [context.variables.get(name) for name in ("role_path", "playbook_dir")]
    places = [Path(str(place)) for place in known if place]
    folders = [folder for place in places for folder in (place / "templates", place)]
    return tuple(dict.fromkeys(str(folder) for folder in (*folders, source.parent)))


def _newlines_at_end(text: str, newline: str) -> int:
    count = 0
    while text.endswith(newline):
        text, count = text.removesuffix(newline), count + 1
    return count


def _header(text: str, source: Path) -> tuple[str, dict[str, str | bool]]:
    """Take the line with options off a template's text, if its first line is one."""
    first, newline, rest = text.partition("\n")
    if not first.startswith(_HEADER) or not newline:
        return text, {}
    syntax: dict[str, str | bool] = {}
    for pair in first.removeprefix(_HEADER).split(","):
        name, _, value = (part.strip() for part in pair.partition(":"))
        try:
            if name in _SWITCHES:
                syntax[name] = to_flag(value)
            elif name in _MARKS:
                syntax[name] = value.strip("\"'")
            else:
                raise TaskError(
                    f"{source}: {name!r} is no option of a template",
                    hint=f"known: {', '.join((*_SWITCHES, *_MARKS))}",
                )
        except WrongKindError as error:
            raise TaskError(f"{source}: {name} wants {error.wanted}, not {value!r}") from None
    return rest, syntax


def _about(source: Path, arguments: Mapping[str, Any], context: ModuleContext) -> Mapping[str, Any]:
    """Return what a template knows of itself; `OSError` when it cannot be looked at."""
    found = source.stat()
    try:
        owner = source.owner()
    except KeyError:
        owner = str(found.st_uid)
    managed = {} if "ansible_managed" in context.variables else {"ansible_managed": _MANAGED}
    return {
        **managed,
        "template_host": platform.node(),
        "template_uid": owner,
        "template_path": str(arguments["src"]),
        "template_fullpath": str(source.absolute()),
        "template_destpath": arguments["dest"],
        "template_mtime": dt.datetime.fromtimestamp(found.st_mtime),  # noqa: DTZ006 - as shown
        "template_run_date": dt.datetime.fromtimestamp(context.clock.wall()),  # noqa: DTZ006
    }


_MANAGED: Final = "Ansible managed"
