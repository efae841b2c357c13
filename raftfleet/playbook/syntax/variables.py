"""Variables whose templates fail whoever reads them: a warning, since nobody may read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.errors import SourceError
from raftfleet.playbook.syntax.templates import check_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.syntax.notices import Notices

__all__ = ["doubt"]


def doubt(variables: Mapping[Any, Any], notices: Notices) -> None:
    """Say which filters, tests and templates in variables cannot work, each once with its place."""
    for value in variables.values():
        try:
            check_value(value)
        except SourceError as error:
            hint = f" ({error.hint})" if error.hint else ""
            remark = f"{error.message}{hint}; a variable with it fails where it is used"
            notices.add(remark, error.mark)
