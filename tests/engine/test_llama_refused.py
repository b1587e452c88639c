"""Model files that this llama.cpp cannot run, and memory that runs out: a sentence each, and what can go on goes on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from darner.engine import catalogue
from darner.engine.errors import ModelError
from darner.engine.llama import LlamaModel
from darner.engine.model import Ending, Message, Sampling
from darner.engine.stop import Stop
from model_worker import worker_pid

_LOADS = """
import resource, sys
from pathlib import Path
from darner.engine.errors import ModelError
from darner.engine.llama import LlamaModel
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
try:
    LlamaModel(Path(sys.argv[1])).status()
except ModelError as error:
    print(error)
"""


@pytest.fixture
def small() -> Iterator[LlamaModel]:
    model = LlamaModel(catalogue.pull("qwen2.5-coder-0.5b"))
    yield model
    model.close()


@pytest.mark.parametrize(("known", "new"), [(b"qwen2", b"qwenX"), (b"gpt2", b"gptX")])
def test_an_unknown_architecture_or_vocabulary_is_named(
    known: bytes, new: bytes, tiny_file: Path, tmp_path: Path
) -> None:
    """Models come out faster than llama.cpp learns them: the sentence says which word it does not know."""
    path = tmp_path / "new.gguf"
    path.write_bytes(tiny_file.read_bytes().replace(known, new))

    with pytest.raises(ModelError, match=rf"new\.gguf cannot be loaded: llama\.cpp says .*{new.decode()}"):
        LlamaModel(path).status()


@pytest.mark.skipif(sys.platform != "linux", reason="limits of the address space hold on Linux")
def test_no_memory_to_load_is_a_sentence() -> None:
    """The system may say that memory is free and then give none: a container's limit is not seen from inside."""
    path = catalogue.pull("qwen2.5-coder-0.5b")
    words = [sys.executable, "-c", _LOADS, str(path), str(path.stat().st_size + (40 << 20))]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)

    assert done.stdout.count("\n") == 1, done.stderr
    assert "memory" in done.stdout
    assert "take a smaller model" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process can be set on Linux")
def test_no_memory_to_grow_leaves_room_for_fewer_samples_at_a_time(small: LlamaModel) -> None:
    """Sixteen long answers want more cells than there is memory for: they are written a few at a time instead."""
    worker = psutil.Process(worker_pid(small))
    small.sample((Message("user", "hello"),), Sampling(max_tokens=1), Stop())
    room = worker.memory_info().vms + (64 << 20)
    worker.rlimit(psutil.RLIMIT_AS, (room, room))
    stop = Stop()
    asked = Sampling(16, 0.7, max_tokens=1_900)
    done = small.sample((Message("user", "Count to a million."),), asked, stop, lambda i, piece: stop.cancel())

    assert [c.ending for c in done] == [Ending.CANCELLED] * 16
    assert small.sample((Message("user", "hello"),), Sampling(max_tokens=2), Stop())[0].tokens > 0
    assert worker.is_running()
