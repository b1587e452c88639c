"""The tiny random model, written and started once for each file that asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from darner.engine.llama import LlamaModel
from tiny_gguf import write_tiny_gguf


@pytest.fixture(scope="module")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("model") / "tiny.gguf")


@pytest.fixture(scope="module")
def tiny(tiny_file: Path) -> Iterator[LlamaModel]:
    model = LlamaModel(tiny_file)
    yield model
    model.close()
