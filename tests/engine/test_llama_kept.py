"""Computed prompts on disk: they save work, change no text, belong to one model, and damage is passed over."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
from darner.engine.llama import LlamaModel
from darner.engine.model import Completion, Message, Sampling
from darner.engine.stop import Stop
from model_worker import worker_pid
from tiny_gguf import write_tiny_gguf

PROMPT = (Message("user", "def total(prices): return sum(prices) " * 12),)
GREEDY = Sampling(1, 0.0, max_tokens=12)


@contextmanager
def fresh(file: Path, kept: Path | None) -> Generator[LlamaModel]:
    with closing(LlamaModel(file, kept=kept)) as model:
        yield model


def ask(model: LlamaModel, prompt: tuple[Message, ...] = PROMPT) -> Completion:
    return model.sample(prompt, GREEDY, Stop())[0]


def wait_for(folder: Path, count: int) -> list[Path]:
    """The kept prompts, once there are `count`; the worker writes them when it was idle for a while."""
    end = time.monotonic() + 60
    while len(found := sorted(folder.glob("*.json"))) < count and time.monotonic() < end:
        time.sleep(0.1)
    return found


def keep(file: Path, kept: Path) -> Completion:
    with fresh(file, kept) as model:
        said = ask(model)
        assert wait_for(kept, 1)
    return said


def test_a_worker_that_starts_anew_goes_on_where_the_last_one_stopped(tiny_file: Path, tmp_path: Path) -> None:
    """The text is the same as ever, and hardly a token of the prompt is computed again; only the owner may read it."""
    kept = tmp_path / "prompts"
    first = keep(tiny_file, kept)
    with fresh(tiny_file, kept) as model:
        again = ask(model)
        reused = model.status().reused_tokens

    assert again == first
    assert reused > 300
    assert all(stat.S_IMODE(os.stat(path).st_mode) == 0o600 for path in kept.iterdir())
    assert not list(kept.glob("*.part"))


def test_another_model_takes_nothing_of_it(tiny_file: Path, tmp_path: Path) -> None:
    """The cells of other weights would be nonsense, whatever the file is called."""
    kept = tmp_path / "prompts"
    keep(tiny_file, kept)
    other = write_tiny_gguf(tmp_path / tiny_file.name, seed=2)
    with fresh(other, None) as model:
        alone = ask(model)
    with fresh(other, kept) as model:
        assert ask(model) == alone
        assert model.status().reused_tokens == 0


@pytest.mark.parametrize("fault", ["torn", "rubbish", "gone", "tokens"])
def test_a_prompt_that_was_damaged_is_computed(tiny_file: Path, tmp_path: Path, fault: str) -> None:
    """A cache is a comfort: what is wrong with it must neither be seen nor stop anything."""
    kept = tmp_path / "prompts"
    first = keep(tiny_file, kept)
    for state in kept.glob("*.state"):
        if fault == "torn":
            os.truncate(state, 1000)
        elif fault == "rubbish":
            state.write_bytes(os.urandom(state.stat().st_size))
        elif fault == "gone":
            state.unlink()
        else:
            state.with_suffix(".json").write_text('{"tokens": [')
    with fresh(tiny_file, kept) as model:
        assert ask(model) == first
        assert model.status().reused_tokens == 0


def test_nothing_is_written_unasked(tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds source: without the user's word there is no file."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with closing(LlamaModel(tiny_file, idle_s=3.0)) as model:
        ask(model)
        psutil.Process(worker_pid(model)).wait(60)  # long enough idle to write, had it been asked to

    assert list(tmp_path.iterdir()) == []
