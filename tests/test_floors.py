"""A room imports only from floors below its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import raftfleet

PACKAGE = Path(raftfleet.__file__).parent

FLOORS = {
    "__main__": 9,
    "cli": 8,
    "serve": 7,
    "drill": 6,
    "modules": 6,
    "faults": 5,
    "cluster": 4,
    "report": 4,
    "metrics": 4,
    "systems": 3,
    "playbook": 3,
    "checks": 3,
    "stats": 3,
    "transport": 2,
    "inventory": 2,
    "journal": 2,
    "sandbox": 2,
    "errors": 1,
    "clock": 1,
    "shipped": 2,
}
APART = {"simulator", "testing"}
PRODUCT_FREE = (
    *("cluster", "checks", "drill", "journal", "playbook"),
    *("modules", "report", "metrics", "stats", "transport", "inventory", "sandbox"),
)
PRODUCTS = (
    *("robustmq", "etcd", "openraft", "mqtt", "broker", "tenant"),
    *("metadata_0", "offset_0", "data_0"),
)
LONGEST = 350
LONGER_ON_PURPOSE = {"journal/events.py"}  # the journal's format is documented in one file


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def modules() -> list[Path]:
    return [
        p for p in sorted(PACKAGE.rglob("*.py")) if p.name != "__init__.py" or p.parent != PACKAGE
    ]


def imported_rooms(path: Path, text: str) -> set[str]:
    """Rooms of raftfleet that a module imports, also for annotations only."""
    found = set()
    package = ("raftfleet", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            head = ".".join((*base, *filter(None, [node.module])))
            names = [head, *(f"{head}.{alias.name}" for alias in node.names)]
        else:
            continue
        parts = [name.split(".") for name in names]
        found |= {p[1] for p in parts if p[0] == "raftfleet" and len(p) > 1}
    return found & (FLOORS.keys() | APART)


def breaches(path: Path, text: str) -> list[str]:
    room = room_of(path)
    used = imported_rooms(path, text) - {room}
    if room == "simulator":
        return [f"the simulator imports {other}" for other in sorted(used)]
    if room == "testing":
        return []
    return [
        f"{room} imports {other}"
        for other in sorted(used)
        if not (other == "simulator" or FLOORS.get(other, 99) < FLOORS[room])
    ]


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_from_floors_below(path: Path) -> None:
    assert breaches(path, path.read_text()) == []


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("journal/fold.py", "from raftfleet.checks import judge"),
        ("checks/verdict.py", "from ..report import console"),
        ("drill/wrap.py", "import raftfleet.modules.command"),
        ("cluster/life.py", "from raftfleet import testing"),
        ("simulator/node.py", "from raftfleet import clock"),
    ],
)
def test_a_planted_breach_is_seen(where: str, text: str) -> None:
    assert breaches(PACKAGE / where, text)


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(path) for path in modules()}
    assert rooms - APART <= FLOORS.keys()


def products_in(text: str) -> set[str]:
    return {product for product in PRODUCTS if product in text.lower()}


@pytest.mark.parametrize("room", PRODUCT_FREE)
def test_no_product_is_named_outside_its_adapter(room: str) -> None:
    files = [p for p in (PACKAGE / room).rglob("*") if p.is_file() and p.suffix != ".pyc"]
    assert files
    named = {
        str(path.relative_to(PACKAGE)): products
        for path in files
        if (products := products_in(path.read_text()))
    }
    assert named == {}


def test_a_planted_product_is_seen() -> None:
    assert products_in("ask the Tenants of data_0") == {"tenant", "data_0"}


def test_modules_stay_small() -> None:
    long = {
        str(path.relative_to(PACKAGE)): lines
        for path in modules()
        if (lines := len(path.read_text().splitlines())) > LONGEST
    }
    assert long.keys() <= LONGER_ON_PURPOSE
