"""The model that stays loaded for days answers through what was adopted a minute ago."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from darner.engine import adopted
from darner.engine.case import open_case
from darner.engine.catalogue import sha256_of
from darner.engine.config import Budget
from darner.engine.evidence import gather
from darner.engine.model import Form, Message, Role, Sampling
from darner.engine.project import Project, find_interpreter
from darner.engine.replay import read
from darner.engine.resident import Resident
from darner.engine.sample import Sampler
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.trace import Trace, TracedModel
from darner.engine.trial import open_session
from tiny_gguf import write_tiny_adapter, write_tiny_gguf


@pytest.fixture
def resident() -> Iterator[Resident]:
    held = Resident()
    yield held
    held.close()


def test_an_adapter_is_used_from_the_next_request_on_and_given_up_when_it_is_taken_back(
    resident: Resident, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one and the same worker: nobody restarts their editor for it. It explains only if it learnt to."""
    monkeypatch.setenv("DARNER_MODELS", str(tmp_path / "models"))
    base = write_tiny_gguf(tmp_path / "tiny.gguf")

    def said(role: Role) -> str:
        sampling = Sampling(max_tokens=24, temperature=0.8, seed=3, role=role)
        return resident.get(str(base)).sample((Message("user", "hello there"),), sampling, Stop())[0].text

    bare, worker = said(Role.REPAIRER), resident.held(base)
    for number, explains in ((1, False), (2, True)):
        adapter = write_tiny_adapter(tmp_path / f"{number}.gguf", seed=number)
        adopted.adopt(base, sha256_of(base), adapter, {}, explains=explains)
        repaired, explained = said(Role.REPAIRER), said(Role.AUDITOR)
        assert repaired != bare
        assert explained == (repaired if explains else bare)

    adopted.roll_back(base)
    assert (said(Role.REPAIRER) != bare, said(Role.AUDITOR)) == (True, bare)
    adopted.roll_back(base)
    assert said(Role.REPAIRER) == bare
    assert resident.held(base) is worker


def test_a_running_engine_asks_in_the_form_of_the_adopted_adapter_and_after_it_in_its_own_again(
    resident: Resident, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another form than it was measured in, and the adapter is worth nothing that anybody knows of."""
    monkeypatch.setenv("DARNER_MODELS", str(tmp_path / "models"))
    base, root = write_tiny_gguf(tmp_path / "tiny.gguf"), tmp_path / "project"
    root.mkdir()
    (root / "best.py").write_text("def largest(values):\n    return min(values)\n")
    (root / "test_best.py").write_text("import best\n\n\ndef test_it():\n    assert best.largest([1, 3]) == 3\n")
    adapter = write_tiny_adapter(tmp_path / "brief.gguf", seed=1)
    running = resident.get(str(base))

    with open_session(Project(root, find_interpreter(root, sys.executable)), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        case = open_case(session, suite, gather(session, suite, suite.failing[0], Stop()))

        def mouths() -> set[str]:
            path = tmp_path / "asked.jsonl"
            path.unlink(missing_ok=True)
            with Trace(path, {"model": running.name}) as written:
                budget = Budget("test", 90.0, samples=1, rounds=0)
                Sampler(TracedModel(running, written), case, budget, 0, lambda _: None, Stop()).run()
            return {row["sampling"]["prefill"] for row in read(path).rows if row["kind"] == "asked"}

        bare = mouths()
        adopted.adopt(base, sha256_of(base), adapter, {}, form=Form.BRIEF)
        resident.get(str(base))  # whoever asks next
        worn = mouths()
        adopted.roll_back(base)
        resident.get(str(base))
        back = mouths()

    assert (bare, worn, back) == ({"```python\n"}, {"```python\ndef largest("}, {"```python\n"})
