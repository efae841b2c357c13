"""`template`: a file rendered from a template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.errors import SourceError, TaskError
from raftfleet.modules.base import ATTRIBUTES, GenericModule, arguments
from raftfleet.modules.delivery import deliver
from raftfleet.modules.on_host import OnHost
from raftfleet.modules.remote_file import Attributes
from raftfleet.playbook.module import Argument, Result

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Template"]


class Template(GenericModule):
    """Render a template here and make a file on the host have the outcome.

    Arguments: ``src`` (path of the template here, looked up in ``templates``, required), ``dest``
    (path, required; a folder takes the file under the template's name), ``mode``, ``owner``,
    ``group``, ``force`` (bool, true: replace what differs).
    Returns: dest, src, checksum (SHA-1), state, mode, owner, group, uid, gid, size.
    Check mode: predicts. Diff: the text before and after. Idempotence: full, by digest.
    """

    name = "template"
    arguments = arguments(
        src=Argument("path", required=True),
        dest=Argument("path", required=True),
        force=Argument("bool", default=True),
        **ATTRIBUTES,
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Render and deliver it."""
        source = context.find("templates", arguments["src"])
        rendered = _rendered(source, context)
        result = deliver(
            OnHost(context),
            rendered.encode("utf-8", "surrogateescape"),
            arguments["dest"],
            Attributes.of(arguments),
            name=source.name,
            force=arguments["force"],
        )
        return Result(result.status, values={**result.values, "src": str(source)}, diff=result.diff)


def _rendered(source: Path, context: ModuleContext) -> str:
    """Render a template file: a text without a place of its own counts as one to the engine."""
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"cannot read the template {source}: {error}") from error
    try:
        return str(context.template(text))
    except SourceError as error:
        raise TaskError(f"{source}: {error.message}", hint=error.hint) from error
