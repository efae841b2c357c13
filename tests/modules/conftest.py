"""A bench for task modules: this machine as the host, or a programmed one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import jinja2
import pytest
from jinja2.nativetypes import NativeEnvironment

from raftfleet.clock import SystemClock
from raftfleet.errors import SourceError, TaskError
from raftfleet.inventory import Host
from raftfleet.inventory.source import MarkedDict, MarkedStr
from raftfleet.modules import generic_modules
from raftfleet.playbook.module import ModuleContext, Result, Status
from raftfleet.playbook.syntax.arguments import finish_arguments, read_arguments
from raftfleet.playbook.templating import Scope, TemplateFile, evaluate
from raftfleet.testing.transport import FakeTransport
from raftfleet.transport.local import LocalTransport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from raftfleet.clock import Clock
    from raftfleet.transport.protocol import Transport

MODULES = generic_modules()


@dataclass(slots=True)
class Bench:
    """Runs modules as the engine does: arguments checked, converted and completed with defaults."""

    folder: Path
    transport: Transport
    clock: Clock = field(default_factory=SystemClock)
    variables: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    check: bool = False
    diff: bool = False
    become: str | None = None
    deadline: float = 60.0
    stopping: Callable[[], bool] = lambda: False
    progress: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def context(self) -> ModuleContext:
        """What a module is handed."""
        host = Host("h1", self.variables)
        return ModuleContext(
            host=host,
            transport=self.transport,
            hosts=(host,),
            variables=self.variables,
            template=self.template,
            condition=self.condition,
            find=self.find,
            check_mode=self.check,
            diff=self.diff,
            deadline=self.deadline,
            clock=self.clock,
            environment=self.environment,
            become=self.become,
            progress=lambda *told: self.progress.append(told),
            stopping=self.stopping,
        )

    def template(self, text: str) -> Any:
        """Render with plain Jinja, a template file as the engine does."""
        if isinstance(text, TemplateFile):
            return evaluate(text, Scope((self.variables,)), of_file=True)
        environment = NativeEnvironment(
            undefined=jinja2.StrictUndefined, keep_trailing_newline=True
        )
        value = environment.from_string(str(text)).render(self.variables)
        if isinstance(value, jinja2.Undefined):
            error = TaskError(f"{text} is undefined")
            error.undefined = True
            raise error
        return value

    def condition(self, expression: Any) -> bool:
        """Evaluate a condition."""
        if isinstance(expression, bool):
            return expression
        return bool(NativeEnvironment().compile_expression(str(expression))(**self.variables))

    def find(self, kind: str, name: str) -> Path:
        """Look a file up in the bench's folder."""
        for place in (self.folder / kind / name, self.folder / name):
            if place.exists():
                return place
        raise TaskError(f"the file {name} does not exist")

    def run(self, name: str, given: Any = None, /, **arguments: Any) -> Result:
        """Run a module; a text stands for its free form."""
        module = MODULES[name]
        value = given if given is not None else MarkedDict(arguments)
        if isinstance(value, str):
            value = MarkedStr(value)
        read = read_arguments(module, value, MarkedDict(), None)
        return module.run(finish_arguments(module, dict(read), read), self.context)

    def failure(self, name: str, given: Any = None, /, **arguments: Any) -> str:
        """Run a module that must fail, and return its message and hint."""
        try:
            result = self.run(name, given, **arguments)
        except (TaskError, SourceError) as error:
            return str(error)
        assert result.status is Status.FAILED, result
        return result.msg

    def changes(self, name: str, /, **arguments: Any) -> list[bool]:
        """Run a module twice and return whether each run changed something."""
        runs = [self.run(name, **arguments) for _ in range(2)]
        assert {run.status for run in runs} <= {Status.OK, Status.CHANGED}, runs
        return [run.status is Status.CHANGED for run in runs]

    def checking(self) -> Bench:
        """Return the same bench in check mode."""
        return replace(self, check=True)

    def differing(self) -> Bench:
        """Return the same bench with diffs."""
        return replace(self, diff=True)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """This machine, with the test's own folder for files."""
    return Bench(tmp_path, LocalTransport("here"))


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A folder of the host."""
    path = tmp_path / "there"
    path.mkdir()
    return path


@pytest.fixture
def fake(tmp_path: Path) -> FakeTransport:
    """A programmed host on a fake clock."""
    del tmp_path
    return FakeTransport("h1")


@pytest.fixture
def faked(tmp_path: Path, fake: FakeTransport) -> Bench:
    """A bench with the programmed host."""
    return Bench(tmp_path, fake, clock=fake.clock)
