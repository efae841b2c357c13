"""A stage for playbooks: small modules that say what they did, hosts without machines, fake time."""

from __future__ import annotations

import math
import textwrap
import threading
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.clock import FakeClock
from raftfleet.errors import TaskError, UnreachableError
from raftfleet.inventory import load_inventory
from raftfleet.journal.events import PlayStarted, TaskProgress, TaskResult, TaskStarted
from raftfleet.playbook import Argument, Engine, Result, Status, load_playbook
from raftfleet.testing.transport import FakeTransport
from raftfleet.transport.protocol import Command, Lost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from raftfleet.inventory import Host, Inventory
    from raftfleet.journal.events import Event
    from raftfleet.playbook import Module, ModuleContext, Playbook, PlaybookResult

CONNECT = 10.0  # seconds that connecting to a host may take
HOSTS = """
all:
  hosts: {lone: {}}
  children:
    east: {hosts: {e1: {}, e2: {}, e3: {}}}
    west: {hosts: {w1: {}, w2: {}}}
"""


class FakeModule:
    """A module made of a function."""

    def __init__(
        self,
        name: str,
        run: Callable[[Mapping[str, Any], ModuleContext], Result],
        /,
        *,
        free_form: str | None = None,
        once: bool = False,
        local: bool = True,
        raw: frozenset[str] = frozenset(),
        **arguments: Argument,
    ) -> None:
        self.name = name
        self.arguments: Mapping[str, Argument] = MappingProxyType(
            {key.replace("ANY", "*"): value for key, value in arguments.items()}
        )
        self.free_form = free_form
        self.once = once
        self.local = local
        self.raw = raw
        self._run = run

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Run the function."""
        return self._run(arguments, context)


@dataclass
class Ran:
    """A finished run."""

    result: PlaybookResult
    events: list[Event]
    trace: list[str]

    @property
    def exit_code(self) -> int:
        return int(self.result.exit_code)

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        """Per host the counters that are not zero."""
        plain = self.result.recap.plain()
        return {host: {k: n for k, n in counts.items() if n} for host, counts in plain.items()}

    def of(self, host: str) -> list[str]:
        """What was said on one host, without its name."""
        said = (line.partition(" ") for line in self.trace)
        return [text for name, _, text in said if name == host]

    def results(self, *, items: bool = False) -> list[TaskResult]:
        found = [event for event in self.events if isinstance(event, TaskResult)]
        return [event for event in found if items or event.item is None]

    def failures(self) -> list[str]:
        return [
            e.result.get("msg", "") for e in self.results() if e.status in {"failed", "unreachable"}
        ]

    def started(self) -> list[str]:
        return [event.name for event in self.events if isinstance(event, TaskStarted)]

    def plays(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(e.play, e.hosts) for e in self.events if isinstance(e, PlayStarted)]

    def progress(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, TaskProgress)]


class Stage:
    """Writes files, loads playbooks and runs them with modules that leave a trace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.trace: list[str] = []
        self.events: list[Event] = []
        self.listen: Callable[[Event], object] = lambda _event: None
        self.stop = threading.Event()
        self.contexts: list[ModuleContext] = []
        self.reached: list[Host] = []
        self.transports: dict[str, FakeTransport] = {}
        self.answers: dict[str, list[Result]] = {}
        self.modules = {module.name: module for module in self._modules()}
        self.write("hosts.yml", HOSTS)

    def _modules(self) -> list[Module]:
        raw = Argument("raw")
        return [
            FakeModule("say", self._say, free_form="text", text=raw, more=raw),
            FakeModule("say_once", self._say, free_form="text", text=raw, once=True),
            FakeModule("give", self._give, status=Argument(default="ok"), msg=Argument(default=""), values=Argument("dict", default={}), facts=Argument("dict", default={})),
            FakeModule("fail", self._fail, msg=Argument(default="failed")),
            FakeModule("next_answer", self._next_answer, free_form="name", name=Argument(required=True)),
            FakeModule("ask", self._ask, free_form="line", local=False, line=Argument(required=True)),
            FakeModule("set_fact", self._set_fact, ANY=raw),
            FakeModule("check", self._check, raw=frozenset({"that"}), that=Argument("raw", required=True)),
            FakeModule("boom", self._boom),
            FakeModule("lose", self._lose),
            FakeModule("typed", self._typed, count=Argument("int"), on=Argument("bool"), mode=Argument("mode"), names=Argument("list"), of=Argument("dict"), state=Argument(choices=("up", "down")), dest=Argument("path", aliases=("path",))),
        ]  # fmt: skip

    def _said(self, context: ModuleContext, text: Any) -> None:
        self.contexts.append(context)
        self.trace.append(f"{context.variables['inventory_hostname']} {text}")

    def _say(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        self._said(context, arguments["text"])
        return Result(Status.CHANGED, values={"said": arguments["text"]})

    def _give(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        self.contexts.append(context)
        status = Status(arguments["status"])
        return Result(status, arguments["msg"], arguments["values"], facts=arguments["facts"])

    def _fail(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        self.contexts.append(context)
        raise TaskError(arguments["msg"])

    def _next_answer(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        self._said(context, arguments["name"])
        return self.answers[arguments["name"]].pop(0)

    def _ask(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        self.contexts.append(context)
        command = Command(arguments["line"], context.environment, become=context.become)
        outcome = context.transport.run(command, timeout=context.deadline)
        if isinstance(outcome, Lost):
            raise UnreachableError(outcome.reason)
        values = {"stdout": outcome.out, "on": context.transport.host}
        return Result(Status.CHANGED if outcome.ok else Status.FAILED, values=values)

    @staticmethod
    def _set_fact(arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        del context
        return Result(facts=arguments)

    @staticmethod
    def _check(arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        holds = context.condition(arguments["that"])
        return Result(Status.OK if holds else Status.FAILED)

    @staticmethod
    def _boom(arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        del arguments, context
        raise ZeroDivisionError("the module is broken, hunter2")

    @staticmethod
    def _lose(arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        del arguments
        raise UnreachableError(f"{context.host.name} does not answer")

    def _typed(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        self.contexts.append(context)
        return Result(values={"got": dict(arguments)})

    def add(self, module: Module) -> None:
        """Offer another module."""
        self.modules[module.name] = module

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))
        return path

    def load(self, text: str, **options: Any) -> Playbook:
        return load_playbook(self.write("play.yml", text), modules=self.modules, **options)

    def inventory(self) -> Inventory:
        return load_inventory([self.folder / "hosts.yml"])

    def transport(self, host: Host, *, timeout: float = math.inf) -> FakeTransport:
        """Return a host's transport, connected within its time for that."""
        self.reached.append(host)
        transport = self.transports.get(host.name) or self.fake(host.name)
        if transport.frozen:
            transport.connect(timeout=min(timeout, CONNECT))
        return transport

    def fake(self, name: str) -> FakeTransport:
        """Make a host on which every command succeeds until it is told otherwise."""
        self.transports[name] = FakeTransport(name, clock=self.clock)
        self.transports[name].on("*")
        return self.transports[name]

    def engine(self, text: str, *, load: Mapping[str, Any] | None = None, **options: Any) -> Engine:
        playbook = self.load(text, extensions=options.get("extensions"), **(load or {}))
        return Engine(
            playbook,
            self.inventory(),
            transports=self.transport,
            record=self._record,
            clock=self.clock,
            stop=self.stop,
            **options,
        )

    def _record(self, event: Event) -> None:
        self.events.append(event)
        self.listen(event)

    def run(self, text: str, **options: Any) -> Ran:
        """Run a playbook; what comes out must also be what the recap of its events says."""
        self.events.clear()
        self.trace.clear()
        result = self.engine(text, **options).run()
        return Ran(result, list(self.events), list(self.trace))

    def tasks(self, text: str, hosts: str = "e1", **options: Any) -> Ran:
        """Run a list of tasks."""
        body = textwrap.indent(textwrap.dedent(text).strip("\n"), "    ")
        return self.run(f"- hosts: {hosts}\n  tasks:\n{body}\n", **options)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "book")
