"""The model that stays loaded for days answers through what was adopted a minute ago."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from darner.engine import adopted
from darner.engine.catalogue import sha256_of
from darner.engine.model import Message, Role, Sampling
from darner.engine.resident import Resident
from darner.engine.stop import Stop
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
