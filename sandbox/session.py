"""A project, copied and confined, whose tests run again and again with a candidate's files in place.

    Session ──frames──▶ fork server (child.py) ──fork──▶ one child per run

One run at a time per session; open several for parallel work. A session is not shared between threads while it runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import cast

from . import remembered, wire
from .allowance import BASELINE, allowed, is_telling, within
from .backend import Backend, Launch, Report, Runtime, Tier
from .choice import doubt, examined, other_than, second_to, strongest
from .cold import ColdServers, Elsewhere
from .conversation import Conversation
from .errors import SandboxError, WorkspaceError
from .fork_server import ForkServer, never
from .partner import Partner
from .runtime import answered, ask_runtime
from .screen import Screen
from .staged import Staged
from .types import CallResult, Detail, Guarantees, Limits, Outcome, Preference, RunResult, Status, TestResult
from .verdict import judge
from .wire import Row
from .workspace import Workspace

OnTest = Callable[[TestResult], None]


class Session:
    """Opened by `open_session`; close it, or use it as a context manager."""

    def __init__(self, workspace: Workspace, runtime: Runtime, backend: Backend, elsewhere: Elsewhere) -> None:
        self._workspace = workspace
        self._launch = Launch(workspace, runtime)
        self._backend = backend
        self._staged = Staged(lambda: ForkServer(self._backend, self._launch))
        self._cold = ColdServers(self._launch, backend, elsewhere)
        self.talk = Conversation(workspace, self._staged)
        """One request and its answers; the split speaks with a child while it runs."""
        self.screen = Screen(workspace, self.talk)
        """Many candidates in one run, to find those that fail."""
        self._partner = Partner(self._paired)
        self._said: dict[str, Outcome] = {}
        """How tests ended before anything was imported ahead of them; empty once that is known not to matter."""
        self.report: Report = examined(backend)
        self.opening_s = 0.0
        """How long copying and collecting took: a partner takes about as long."""
        self.limits = Limits()
        """Of a run that is given none: from the last baseline that told enough, else the defaults."""

    @property
    def guarantees(self) -> Guarantees:
        return self.report.guarantees

    @property
    def confined(self) -> bool:
        """Something stands between a candidate and the machine."""
        return self.report.tier is not Tier.NONE

    @property
    def root(self) -> Path:
        return self._workspace.root

    @property
    def slow_because(self) -> str:
        """Why every run must import and collect for itself; empty when runs start from collected tests."""
        return self._staged.slow_because

    @property
    def repeats_because(self) -> str:
        """Why every run imports for itself what tests import while they run; empty when that is done ahead of them."""
        return self._staged.repeats_because

    @property
    def exchanged(self) -> int:
        """Candidates that ran without a fresh import."""
        return self.talk.exchanged

    def prepare(self) -> None:
        """Collect every test once, and import what they are known to import; later runs start from there."""
        self._staged.collect()
        self._staged.quick(never)
        self._workspace.accept_caches()

    def narrow(self, nodeids: Sequence[str]) -> None:
        """Keep only these tests ready for many quick runs, where all of them are too many."""
        self.talk.put_back()
        with suppress(SandboxError):  # a server that is gone is told by the run that needs it
            self._staged.narrow(nodeids)

    def run(
        self,
        nodeids: Sequence[str],
        edits: Mapping[str, bytes] | None = None,
        *,
        limits: Limits | None = None,
        detail: Detail = Detail.OUTCOMES,
        fresh: bool = False,
        elsewhere: bool = False,
        cancelled: Callable[[], bool] = lambda: False,
        on_test: OnTest | None = None,
    ) -> RunResult:
        """Run the tests (all when empty) with `edits` in place of the project's files.

        `fresh` runs in a new interpreter instead of a fork; `elsewhere` also in another backend, even a weaker
        one, and is INFRA where there is none. Never raises for what a test or a candidate does.
        """
        tests: list[TestResult] = []

        def on_row(row: Row) -> None:
            if "test" in row:
                tests.append(wire.test_result(row["test"]))
                if on_test is not None:
                    on_test(tests[-1])

        request: dict[str, object] = {"do": "tests", "nodeids": list(nodeids), "detail": str(detail)}
        began, bounds = time.monotonic(), limits or self.limits

        def judged(cold: Callable[[], ForkServer] | None) -> RunResult:
            tests.clear()
            rows, end = self.talk.hold(request, edits or {}, bounds, cancelled, on_row, cold)
            if cold and edits and (path := self._workspace.rewritten(_layer(end))):
                end = {**end, "why": "rewrote", "detail": f"The run rewrote {path}, so its verdict proves nothing."}
            return judge(nodeids, tests, rows, end, time.monotonic() - began, bounds)

        if elsewhere:
            return self._elsewhere(judged)
        run = self._confirmed(judged) if fresh else self._agreed(lambda: judged(None), plain=not edits)
        if run.status is Status.INFRA:
            remembered.forget(self._backend.name)  # the next start tests it again
        return run

    def baseline(
        self,
        *,
        detail: Detail = Detail.OUTCOMES,
        cancelled: Callable[[], bool] = lambda: False,
        on_test: OnTest | None = None,
    ) -> RunResult:
        """All tests on the project as it stands; what they use bounds later runs (allowance.py)."""
        run = self.run((), limits=BASELINE, detail=detail, cancelled=cancelled, on_test=on_test)
        if is_telling(run):
            self.limits = allowed(run)
        return run

    def within(self, limits: Limits) -> Limits:
        """The times of `limits`, with the baseline's bounds of memory, files, disk, processes and output."""
        return within(limits, self.limits)

    def _agreed(self, judged: Callable[[], RunResult], *, plain: bool) -> RunResult:
        """A run from what is ready. Whether imports made ahead change what tests say is found out once."""
        ahead = self._staged.learnt
        run = judged()
        if plain and not ahead:
            self._said.update((test.nodeid, test.outcome) for test in run.tests)
        elif plain and self._said and self._disagrees(run):
            self._staged.unlearn("imported ahead, what the tests import changes what they say")
            run = judged()
            if self._disagrees(run):  # they differ from run to run by themselves
                self._staged.relearn(ahead)
            self._said.clear()
        return replace(run, backend=self._backend.name)

    def _disagrees(self, run: RunResult) -> bool:
        return any(self._said.get(test.nodeid, test.outcome) is not test.outcome for test in run.tests)

    def look_at_sources(self) -> None:
        """Raises WorkspaceError when the user's files do not hold what was copied: no verdict is true of them then."""
        if path := self._workspace.changed_by_user():
            raise WorkspaceError(f"{path} changed while Darner was working on it; run the command again.")

    def expect_fresh(self, runs: int = 1) -> None:
        """So many fresh runs are near: get their servers ready in the background, one ahead."""
        self._cold.expect(runs)

    def _confirmed(self, judged: Callable[[Callable[[], ForkServer]], RunResult]) -> RunResult:
        """In a fresh server, and again in one of the own backend when the second backend failed."""
        place = self._cold.backend
        run = replace(judged(self._cold.take), backend=place.name)
        if run.status is not Status.INFRA or place is self._backend:
            return run
        note = f"Not confirmed in {place.name}, but in {self._backend.name}: {run.detail}"
        return replace(judged(self._cold.take_own), backend=self._backend.name, note=note)

    def _elsewhere(self, judged: Callable[[Callable[[], ForkServer]], RunResult]) -> RunResult:
        other = self._cold.other
        run = judged(self._cold.take_other)
        return run if other is None else replace(run, backend=other.name)

    def collect(self, limits: Limits, names: Sequence[str] = ()) -> tuple[str, ...]:
        """Every test's node id, or of these files alone, without running any."""
        rows, _ = self.talk.hold({"do": "list", "nodeids": list(names)}, {}, limits, lambda: False, lambda _: None)
        lists = [cast(list[object], row["collected"]) for row in rows if isinstance(row.get("collected"), list)]
        return tuple(str(nodeid) for found in lists for nodeid in found)

    def call(
        self,
        path: str,
        expressions: Sequence[str],
        edits: Mapping[str, bytes],
        *,
        nodeids: Sequence[str],
        limits: Limits,
        each_s: float = 1.0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> tuple[CallResult, ...]:
        """Evaluate call expressions in the namespace of the module at `path`, each twice, each within `each_s`.

        The test modules of `nodeids` are imported first, as pytest would. What was not reached reads `Crash`.
        """
        request: dict[str, object] = {"do": "calls", "nodeids": list(nodeids), "path": path}
        request.update(expressions=list(expressions), each_s=each_s)
        given: list[CallResult] = []

        def on_row(row: Row) -> None:
            if "call" in row:
                given.append(wire.call_result(row["call"]))

        self.talk.hold(request, edits, limits, cancelled, on_row)
        missing = expressions[len(given) :]
        return (*given[: len(expressions)], *(CallResult(text, None, "Crash") for text in missing))

    def partner(self) -> Session:
        """Another sandbox on the same sources, opened once: what runs here cannot reach what runs there.

        Raises WorkspaceError when the sources have changed since this session copied them.
        """
        return self._partner.get()

    def expect_partner(self) -> None:
        """The partner is needed soon: open it in the background."""
        self._partner.expect()

    def _paired(self) -> Session:
        workspace = Workspace(self.root, self._backend.owner())
        if not workspace.copies_the_same_as(self._workspace):
            workspace.close()
            raise WorkspaceError(f"{self.root} changed while Darner was working on it; run the command again.")
        other = Session(workspace, self._launch.runtime, self._backend, Elsewhere())
        other._staged.relearn(self._staged.learnt)
        return other

    def close(self) -> None:
        self._partner.close()
        self._staged.close()
        self._cold.close()
        self._workspace.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _layer(end: Mapping[str, object]) -> tuple[str, ...] | None:
    """What a run wrote into its layer; None where it wrote into the copy."""
    listed = end.get("changed")
    return None if listed is None else tuple(wire.clean(str(path)) for path in cast(list[object], listed))


def open_session(
    root: Path,
    python: Path,
    *,
    trusted: bool,
    prefer: Preference = Preference.AUTO,
    backend: Backend | None = None,
) -> Session:
    """Copy the project and choose the strongest confinement that works here, or take `backend`.

    Without `backend`, fresh runs take place in a stronger second one where there is one (`RunResult.backend`).
    Raises NoIsolation when what `prefer` asks for does not work, or when only a plain process is left and `trusted` is
    false; WorkspaceError when the copy fails.
    """
    with ask_runtime(python) as asked:
        chosen = backend or strongest(trusted=trusted, prefer=prefer)
        runtime = answered(python, asked)
    try:
        return _prepared(root, runtime, chosen, Elsewhere() if backend else _elsewhere_than(chosen, prefer))
    except WorkspaceError:
        raise
    except (SandboxError, OSError):
        doubt(chosen)  # it may have passed its self-test some time ago
        again = backend or strongest(trusted=trusted, prefer=prefer)
        if again is chosen:
            raise
    return _prepared(root, runtime, again, _elsewhere_than(again, prefer))


def _elsewhere_than(chosen: Backend, prefer: Preference) -> Elsewhere:
    return Elsewhere(lambda: second_to(chosen, prefer), lambda: other_than(chosen, prefer))


def _prepared(root: Path, runtime: Runtime, chosen: Backend, elsewhere: Elsewhere) -> Session:
    began = time.monotonic()
    session = Session(Workspace(root, chosen.owner()), runtime, chosen, elsewhere)
    try:
        session.prepare()
        session.opening_s = time.monotonic() - began
    except BaseException:  # Ctrl-C while the tests are collected: neither the copy nor the server may stay
        session.close()
        raise
    return session
