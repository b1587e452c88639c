"""What the service does when code is to be written: a body for a stub, a test for a function, an example as a test.

All take `root`, `budget`, `model` and `python` of the request, and what their own words say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..sandbox.types import Detail
from .config import Budget
from .errors import BadInput, ModelError
from .events import Event, Phase
from .model import Model
from .rulings import recall
from .source import Source
from .stop import Stop
from .stub import Meant, find, must_be_stub
from .suite import Suite, run_suite
from .types import FileChange, Patch
from .warm import WarmProject
from .wire import decode
from .write import write
from .write_test import example_test, write_test
from .written import Check, Teller, TestDone, Wrote

Row = Mapping[str, Any]


def body(
    project: WarmProject, params: Row, model: Model | None, budget: Budget, stop: Stop
) -> Iterator[Event | Wrote | TestDone]:
    """`name`: FILE::NAME of a stub."""
    meant = find(project.session.root, str(params["name"]))
    must_be_stub(meant)
    if model is None:
        raise ModelError("Writing needs a model; `darner model pull qwen2.5-coder-1.5b` fetches one.")
    yield Phase(meant.name, "tests", "Running the tests")
    said = recall(project.session.root)
    yield from write(project.session, _traced(project, stop), meant, model, budget, stop, rulings=said)


def test(
    project: WarmProject, params: Row, model: Model | None, budget: Budget, stop: Stop
) -> Iterator[Event | Wrote | TestDone]:
    """`name`: FILE::NAME of a function with a body."""
    meant = find(project.session.root, str(params["name"]))
    yield Phase(meant.name, "tests", "Running the tests")
    yield from write_test(project.session, _traced(project, stop), meant, model, budget, stop)


def example(
    project: WarmProject, params: Row, model: Model | None, budget: Budget, stop: Stop
) -> Iterator[Event | Wrote | TestDone]:
    """`input`, `output`: the question's, as answered; `path` and `line` of the repair, `chosen` and the `others`."""
    root = project.session.root
    chosen, others = decode(params["chosen"], Patch), decode(params["others"], tuple[Patch, ...])
    path, output = str(params["path"]), str(params["output"])
    source = Source.parse(path, _before(chosen, path))
    function = source.function_at(int(params["line"]))
    if function is None:
        raise BadInput(f"{path}:{params['line']} lies in no function, so there is none to test.")
    yield Phase(path, "tests", "Running the tests")
    raises = output.startswith("raises ")
    check = Check(str(params["input"]), output.removeprefix("raises "), raises, Teller.USER)
    suite = _traced(project, stop)
    saved = all((root / change.path).read_bytes() == change.after for change in chosen.files)
    base = Patch(()) if saved else chosen
    found = example_test(project.session, suite, Meant(source, function), check, base, others, stop)
    yield TestDone(found)


def _before(patch: Patch, path: str) -> bytes:
    change: FileChange | None = next((one for one in patch.files if one.path == path), None)
    if change is None:
        raise BadInput(f"The repair does not change {path}.")
    return change.before


def _traced(project: WarmProject, stop: Stop) -> Suite:
    return run_suite(project.session, (), stop, detail=Detail.COVERAGE, may_be_empty=True)


WRITERS = {"body": body, "test": test, "example": example}
