"""Lists of the admin API: filter, sort, one page, and the number before paging."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .values import Json

__all__ = ["page"]

DEFAULT_LIMIT = 10


def page(tenants: Iterable[Json], query: Mapping[str, str]) -> Json:
    """Return one page of the tenants; ``tenant_name`` keeps those whose name contains it."""
    wanted = query.get("tenant_name", "")
    kept = [t for t in tenants if wanted in t["tenant_name"]]
    field = query.get("sort_field", "tenant_name")
    if not kept or field not in kept[0] or field == "config":
        field = "tenant_name"
    kept.sort(key=lambda t: (t[field], t["tenant_name"]), reverse=query.get("sort_by") == "desc")
    limit = _number(query.get("limit")) or DEFAULT_LIMIT
    first = (max(1, _number(query.get("page"))) - 1) * limit
    return {"data": kept[first : first + limit], "total_count": len(kept)}


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0
