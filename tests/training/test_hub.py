"""A hub folder: the unquantised weights of what is served are trained, and nothing else is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from darner.engine.errors import BadInput
from darner.engine.stop import Stop
from darner.training import served, sft
from darner.training.agree import agreement
from darner.training.base import Base, Dtype, HubTokens, find_base, trained
from darner.training.hub import load_hub
from darner.training.libraries import Tensor, library
from darner.training.stages import Context
from test_weights import SETTINGS, data, refused
from tiny_net import conversations, write_tiny_net

pytest.importorskip("torch")
pytestmark = pytest.mark.slow  # importing torch and transformers takes longer than most tests

Tensors = dict[str, Tensor]
LAYER = "model.layers.1.mlp.down_proj.weight"


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return find_base(str(write_tiny_net(tmp_path_factory.mktemp("base") / "tiny.gguf", tied=True)))


def published(base: Base, folder: Path, change: Callable[[Tensors], object] = lambda tensors: None) -> Path:
    """The base as it may stand on a hub: every weight a little elsewhere, as before it was quantised."""
    shutil.copytree(base.folder, folder)
    torch, safetensors = library("torch"), library("safetensors.torch")
    torch.manual_seed(1)
    tensors: Tensors = safetensors.load_file(str(folder / "model.safetensors"))
    near = {name: each.float() * (1 + 0.05 * torch.randn(each.shape)) for name, each in tensors.items()}
    change(near)
    safetensors.save_file(near, str(folder / "model.safetensors"), metadata={"format": "pt"})
    return folder


def tied(tensors: Tensors) -> None:
    del tensors["lm_head.weight"]


def say_tied(folder: Path) -> None:
    """As Qwen2.5's small models are published."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": True}), encoding="utf-8")


def test_the_hubs_weights_are_trained_and_the_gguf_is_measured_and_served(base: Base, tmp_path: Path) -> None:
    """The LoRA learns over weights that no quantisation has touched, and is judged where it will be used."""
    hub = published(base, tmp_path / "hub", tied)
    say_tied(hub)
    figures: list[Any] = []
    for name, path in (("over_hub", str(hub)), ("over_gguf", "")):
        folder = tmp_path / name / "sft"
        folder.mkdir(parents=True)
        context = Context(tmp_path / name, Stop(), 7, frozenset(("debug_data", "sft")), str(base.gguf), refused)
        figures.append(sft.make(context, replace(SETTINGS, hub=path), data(tmp_path / name), folder))
    over_hub, over_gguf = figures
    made = served.of(tmp_path / "over_hub" / "sft")
    net = trained(base, tmp_path / "over_hub" / "sft" / served.WEIGHTS, Dtype.FLOAT32)

    assert over_hub["held_out_loss_before"] == over_gguf["held_out_loss_before"]
    assert over_hub["first_loss"] != over_gguf["first_loss"]
    assert over_hub["held_out_loss_after"] < 0.7 * over_hub["held_out_loss_before"]
    assert made.model == base.gguf
    assert agreement(net, made, sft.prepared(HubTokens(base.folder), conversations(40), 300).held_out).holds


def without(tensors: Tensors) -> None:
    del tensors[LAYER]


def narrower(tensors: Tensors) -> None:
    tensors[LAYER] = tensors[LAYER][:, :-1].contiguous()


def further(tensors: Tensors) -> None:
    tensors["model.layers.1.extra.weight"] = tensors[LAYER].clone()


def of_another_model(tensors: Tensors) -> None:
    tensors[LAYER] = tensors[LAYER].flip(0).contiguous()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (without, f"{LAYER} is missing"),
        (narrower, rf"{LAYER} has the shape \(32, 63\), not \(32, 64\)"),
        (further, r"model\.layers\.1\.extra\.weight is not served"),
        (of_another_model, rf"{LAYER} is 1\d\d% away from what is served"),
        (tied, r"lm_head\.weight is missing"),  # its configuration does not say that the embedding takes its place
    ],
)
def test_another_model_is_refused_with_the_first_weight_that_differs(
    base: Base, tmp_path: Path, change: Callable[[Tensors], object], why: str
) -> None:
    """transformers would draw what is missing at random, and the night would train that."""
    hub = published(base, tmp_path / "hub", change)

    with pytest.raises(BadInput, match=rf"hub is not the model of tiny\.gguf: {why}\. Name its own folder in \[sft\]"):
        load_hub(base, hub, Dtype.FLOAT32)


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_folder_without_a_model_is_none(base: Base, tmp_path: Path, missing: str) -> None:
    """A sentence, and nothing is looked for on the network."""
    hub = published(base, tmp_path / "hub")
    (hub / missing).unlink()

    with pytest.raises(BadInput, match=r"hub is no hub folder .* names one with config\.json"):
        load_hub(base, hub, Dtype.FLOAT32)
