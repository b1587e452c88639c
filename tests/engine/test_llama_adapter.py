"""LoRA adapters over one resident model, in the real llama.cpp."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from darner.engine.errors import ModelError
from darner.engine.llama import LlamaModel
from darner.engine.model import Message, Role, Sampling
from darner.engine.stop import Stop
from tiny_gguf import write_tiny_adapter, write_tiny_gguf

ASK = (Message("user", "hello there"),)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("base") / "tiny.gguf")


@pytest.fixture
def opened(base: Path, tmp_path: Path) -> Iterator[LlamaModel]:
    """A model with two adapters: one that records its base, one that does not."""
    right = hashlib.sha256(base.read_bytes()).hexdigest()
    repairer = write_tiny_adapter(tmp_path / "repairer.gguf", seed=1, base_sha256=right)
    auditor = write_tiny_adapter(tmp_path / "auditor.gguf", seed=2)
    model = LlamaModel(base, adapters={Role.REPAIRER: repairer, Role.AUDITOR: auditor})
    yield model
    model.close()


def said(model: LlamaModel, role: Role | None) -> str:
    return model.sample(ASK, Sampling(max_tokens=24, temperature=0.8, seed=3, role=role), Stop())[0].text


def test_a_request_gets_the_adapter_of_its_role_and_the_bare_weights_come_back_exactly(
    opened: LlamaModel, base: Path
) -> None:
    """Swapping must leave nothing behind, least of all cells that were computed with another adapter."""
    alone = LlamaModel(base)
    bare = said(alone, None)
    alone.close()

    swapped = [said(opened, role) for role in (Role.REPAIRER, None, Role.AUDITOR, Role.COMPLETER, Role.REPAIRER, None)]

    assert swapped[1] == swapped[3] == swapped[5] == bare
    assert swapped[0] == swapped[4]
    assert len({bare, swapped[0], swapped[2]}) == 3


def test_scores_are_those_of_the_repairer(opened: LlamaModel, base: Path) -> None:
    """The weights that write repairs also weigh them."""
    alone = LlamaModel(base)
    bare = alone.score(ASK, ("abc",), Stop())
    alone.close()

    adapted = opened.score(ASK, ("abc",), Stop())

    assert adapted != bare
    assert opened.score(ASK, ("abc",), Stop()) == pytest.approx(adapted)


def of_another_base(path: Path) -> None:
    write_tiny_adapter(path, seed=1, base_sha256="0" * 64)


def of_another_width(path: Path) -> None:
    write_tiny_adapter(path, seed=1, width=16)


def of_no_format(path: Path) -> None:
    path.write_text("not a GGUF")


def missing(path: Path) -> None:
    assert not path.exists()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (of_another_base, "trained on the model with SHA-256 0000"),
        (of_another_width, "does not fit this model"),
        (of_no_format, "does not fit this model"),
        (missing, "cannot be read"),
    ],
)
def test_an_adapter_that_does_not_belong_is_refused_and_the_model_goes_on(
    make: Callable[[Path], None], why: str, base: Path, tmp_path: Path
) -> None:
    """Nonsense from a wrong difference looks like a bad model; say what it is, and answer the next request."""
    path = tmp_path / "wrong.gguf"
    make(path)
    model = LlamaModel(base, adapters={Role.REPAIRER: path})
    try:
        with pytest.raises(ModelError) as error:
            said(model, Role.REPAIRER)
        assert why in str(error.value)
        assert str(path) in str(error.value)
        assert said(model, None)
    finally:
        model.close()


def test_an_adapter_that_was_replaced_on_disk_is_read_anew(base: Path, tmp_path: Path) -> None:
    """Training puts a better one in its place while the model is loaded."""
    path = write_tiny_adapter(tmp_path / "repairer.gguf", seed=1)
    model = LlamaModel(base, adapters={Role.REPAIRER: path})
    try:
        first = said(model, Role.REPAIRER)
        write_tiny_adapter(tmp_path / "next.gguf", seed=5).replace(path)
        assert said(model, Role.REPAIRER) != first
    finally:
        model.close()
