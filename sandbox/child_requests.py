"""What a forked child does for one request: run tests, evaluate calls, list, or be one half of a split run.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import functools
import sys
from typing import Any, Callable, Dict, List

pytests: Any = sys.modules["_darner_child_pytest"]  # loaded before by child.py: this file has no import path
calling: Any = sys.modules["_darner_child_calls"]
limiting: Any = sys.modules["_darner_child_limits"]
splitting: Any = sys.modules["_darner_child_split"]
staging: Any = sys.modules["_darner_child_stage"]
screening: Any = sys.modules["_darner_child_screen"]
probing: Any = sys.modules["_darner_probe"]

Emit = Callable[[Dict[str, Any]], None]


class Requests:
    """Serves one request in an interpreter that has imported nothing of the project."""

    def __init__(self, root: str, prepared: Any, heard: int, emit: Emit) -> None:
        """`prepared`: pytest's configured session, or None; `heard`: the descriptor on which the parent speaks."""
        self._root = root
        self._prepared = prepared
        self._heard = heard
        self._emit = emit

    def serve(self, request: Dict[str, Any]) -> int:
        """The exit code that the child shall end with."""
        kinds = {"tests": self._tests, "calls": self._calls, "list": self._list}
        kinds.update(half=self._half, answers=self._answers)
        return kinds[request["do"]](request)

    def _tests(self, request: Dict[str, Any]) -> int:
        probe = probing.Probe(self._root, request["detail"], _Rows(self._emit), request["limits"])
        code = self._pytest(request["nodeids"], probe)
        self._emit(_finished(code, probe.ids))
        return code

    def _half(self, request: Dict[str, Any]) -> int:
        """Run tests whose functions are asked for in another process (child_split.py)."""
        self._emit = splitting.begin(self._root, self._emit, self._heard)
        return self._tests(request)

    def _answers(self, request: Dict[str, Any]) -> int:
        """The other process: no test and no pytest, only the functions that are asked for."""
        sys.path.insert(0, self._root)
        self._emit({"serving": True})
        splitting.Peer(self._root, self._emit, self._heard, trusting=True).until_the_end()
        return 0

    def _list(self, request: Dict[str, Any]) -> int:
        self._emit({"collected": self._collect([])})
        return 0

    def _calls(self, request: Dict[str, Any]) -> int:
        self._collect(request["nodeids"])
        return _evaluated(self._root, request, self._emit)

    def _collect(self, nodeids: List[str]) -> List[str]:
        """Import the test modules as pytest would, and run nothing."""
        probe = probing.Probe(self._root, "verdicts", _unheard, None)
        self._pytest([*nodeids, "--collect-only"], probe)
        return probe.collected

    def _pytest(self, nodeids: List[str], probe: Any) -> int:
        if self._prepared is None:
            import pytest

            sys.path.insert(0, self._root)
            return int(pytest.main(pytests.arguments(nodeids), plugins=[probe, pytests.observer()]))
        return pytests.finish_session(self._prepared, nodeids, probe)


class StagedRequests:
    """Serves one request from tests that the parent collected, or says why it must be done the long way."""

    def __init__(self, root: str, stage: Any, heard: int, emit: Emit) -> None:
        self._root = root
        self._stage = stage
        self._heard = heard
        self._emit = emit

    def serve(self, request: Dict[str, Any]) -> int:
        try:
            items = self._stage.chosen(request["nodeids"])
            if request["do"] == "screen":
                run = functools.partial(self._run_again, request, items)
                together = request["together"] and pytests.repeatable(items)
                self._stage.select(items)  # before the first footprint, which looks at them
                return int(screening.Screen(self._root, self._stage, run, self._emit).serve(request, together))
            self._stage.exchange(request["edited"])
        except staging.Unstaged as reason:
            self._emit({"unstaged": str(reason)})
            return 0
        if request["do"] == "calls":
            return _evaluated(self._root, request, self._emit)
        if request["do"] == "half":
            return self._run(request, items, splitting.begin(self._root, self._emit, self._heard))
        return self._run(request, items, self._emit)

    def _run_again(self, request: Dict[str, Any], items: List[Any], emit: Emit) -> int:
        self._stage.probe.begin(request["detail"], _Rows(emit), request["limits"])
        code = int(self._stage.run_again(items))
        emit(_finished(code, self._stage.probe.ids))
        return code

    def _run(self, request: Dict[str, Any], items: List[Any], emit: Emit) -> int:
        self._stage.probe.begin(request["detail"], _Rows(emit), request["limits"])
        code = int(self._stage.run(items))
        if not request["edited"]:
            emit({"imported": self._stage.imported()})
        emit(_finished(code, self._stage.probe.ids))
        return code


def _evaluated(root: str, request: Dict[str, Any], emit: Emit) -> int:
    """Evaluate call expressions in a module's namespace, each with its own time limit."""
    namespace = calling.namespace(root, request["path"])
    for expression in request["expressions"]:
        result, exception = calling.evaluate(expression, namespace, request["each_s"])
        emit({"call": {"expression": expression, "result": result, "exception": exception}})
    emit({"finished": {"code": 0, "ids": []}})
    return 0


def _finished(code: int, ids: List[str]) -> Dict[str, Any]:
    return {"finished": {"code": code, "ids": ids, "mapped_bytes": limiting.most_mapped()}}


class _Rows:
    def __init__(self, emit: Emit) -> None:
        self._emit = emit

    def __call__(self, row: Dict[str, Any]) -> None:
        self._emit({"test": row})


def _unheard(row: Dict[str, Any]) -> None:
    """Collecting without running: nobody waits for its rows."""
