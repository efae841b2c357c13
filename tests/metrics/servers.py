"""Prometheus's own programs on loopback, started and ended by tests."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DEADLINE = 60.0


def tool(name: str, package: str) -> str:
    """The path of a program, or the test is skipped and says why."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed (Debian: apt install {package})")
    return path


def promtool(*words: str | Path, stdin: bytes | None = None) -> None:
    """Run promtool; whatever it has to complain of fails the test."""
    command = [tool("promtool", "prometheus"), *map(str, words)]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=DEADLINE)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def until(look: Callable[[], Any], what: str) -> Any:
    """Look until something is there."""
    deadline = time.monotonic() + DEADLINE
    while not (seen := look()):
        assert time.monotonic() < deadline, f"{what}: not within {DEADLINE:g} s"
        time.sleep(0.05)
    return seen


def fetch(url: str, **headers: str) -> bytes:
    """What is at a URL."""
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bytes(answer.read())


@contextmanager
def running(command: list[str], ready: str) -> Iterator[None]:
    """A program that is up, and ended again."""

    def answers() -> bool:
        assert process.poll() is None, f"{command[0]} ended by itself"
        try:
            fetch(ready)
        except OSError:
            return False
        return True

    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until(answers, f"{command[0]} answers")
            yield
        finally:
            process.terminate()
            process.wait(timeout=DEADLINE)


class Prometheus:
    """A Prometheus that can be asked."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expression: str, at: float) -> dict[frozenset[tuple[str, str]], float]:
        """Values by labels, without the metric's name."""
        found = self._ask("query", query=expression, time=str(at))
        return {_labels(one["metric"]): float(one["value"][1]) for one in found}

    def range(
        self, expression: str, start: float, end: float
    ) -> dict[frozenset[tuple[str, str]], dict[int, float]]:
        """Values by labels and second."""
        found = self._ask("query_range", query=expression, start=str(start), end=str(end), step="1")
        return {
            _labels(one["metric"]): {int(at): float(value) for at, value in one["values"]}
            for one in found
        }

    def _ask(self, what: str, **words: str) -> list[dict[str, Any]]:
        url = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(words)}"
        try:
            answer = json.loads(fetch(url))
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from None
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result


def _labels(metric: dict[str, str]) -> frozenset[tuple[str, str]]:
    ours = {name: value for name, value in metric.items() if name not in {"job", "instance"}}
    ours.pop("__name__", None)
    return frozenset(ours.items())


@contextmanager
def prometheus(folder: Path, port: int, config: str = "") -> Iterator[Prometheus]:
    """A Prometheus on ``folder/data``, which may hold blocks already."""
    program = tool("prometheus", "prometheus")
    (folder / "prometheus.yml").write_text(config)
    url = f"http://127.0.0.1:{port}"
    command = [
        program,
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(command, f"{url}/-/ready"):
        yield Prometheus(url)
