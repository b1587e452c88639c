"""Weights: what is learnt, resumed, exported and served, with a tiny real model in torch and in llama.cpp."""

from __future__ import annotations

import contextlib
import json
import math
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from darner.engine.errors import BadEnvironment, BadInput
from darner.engine.model import Message, Model, Role, Sampling
from darner.engine.stop import Stop
from darner.training import export, served, sft
from darner.training.agree import agreement
from darner.training.base import Base, Dtype, HubTokens, Lora, find_base, keep, load_net, trained, with_lora
from darner.training.gguf_file import Quantisation, write_adapter, write_merged
from darner.training.libraries import Tensor, library
from darner.training.optimise import Steps, enough_memory, logprobs, optimise
from darner.training.place import Place
from darner.training.stages import Context
from darner.training.tokens import Row, encode, pack
from tiny_net import ByteTokens, conversations, write_tiny_net

pytest.importorskip("torch")
pytestmark = pytest.mark.slow  # importing torch and transformers takes longer than most tests

SETTINGS = sft.Settings(
    epochs=4, learning_rate=0.01, rank=8, tokens_per_row=300, rows_per_step=2, save_every=2, dtype=Dtype.FLOAT32
)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Dequantised bases of the tests stay out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module", params=["qwen2", "llama", "starcoder2"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Base:
    file = write_tiny_net(tmp_path_factory.mktemp("base") / "tiny.gguf", str(request.param))
    return find_base(str(file))


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return find_base(str(write_tiny_net(tmp_path_factory.mktemp("qwen") / "tiny.gguf")))


@pytest.fixture(scope="module")
def starcoder(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return find_base(str(write_tiny_net(tmp_path_factory.mktemp("starcoder") / "tiny.gguf", "starcoder2")))


def context(base: Base, folder: Path) -> Context:
    return Context(folder, Stop(), 7, frozenset(("debug_data", "sft")), str(base.gguf), refused)


def refused() -> Model:
    raise AssertionError("training asks no teacher")


def data(folder: Path, count: int = 40) -> dict[str, Path]:
    path = folder / "debug_data.jsonl"
    path.write_text("".join(json.dumps(asdict(each)) + "\n" for each in conversations(count)), encoding="utf-8")
    return {"debug_data": path}


def learnt(base: Base, folder: Path, settings: sft.Settings = SETTINGS) -> Mapping[str, float]:
    (folder / "sft").mkdir(exist_ok=True)
    return sft.make(context(base, folder), settings, data(folder), folder / "sft")


def test_the_tokenizer_of_the_base_gives_the_tokens_that_the_worker_would(base: Base) -> None:
    """One other token, and the model is trained on what it will never see."""
    tokens, expected = HubTokens(base.folder), ByteTokens()
    asked = [Message("user", "def f(x):\n    return 'ä<|im_end|>'"), Message("assistant", "```python\nx\n```")]

    assert encode(tokens, asked) == encode(expected, asked)


def test_what_is_learnt_lowers_the_loss_on_held_out_records_and_is_what_the_engine_serves(
    base: Base, tmp_path: Path
) -> None:
    """The whole point, for both row orders of queries and keys: torch and llama.cpp agree on the trained weights."""
    figures = learnt(base, tmp_path)
    made = served.of(tmp_path / "sft")
    records = sft.prepared(HubTokens(base.folder), conversations(40), 300)
    net = trained(base, tmp_path / "sft" / served.WEIGHTS, Dtype.FLOAT32)

    assert figures["held_out_loss_after"] < 0.7 * figures["held_out_loss_before"]
    found = agreement(net, made, records.held_out)
    assert found.holds
    assert not agreement(net, replace(made, adapter=None), records.held_out).holds
    with closing(made.open("tiny")) as model:
        sampling = Sampling(max_tokens=20, temperature=0.0, role=Role.REPAIRER)
        adapted = model.sample([Message("user", "repair f3")], sampling, Stop())[0].text
        bare = model.sample([Message("user", "repair f3")], replace(sampling, role=None), Stop())[0].text
    assert adapted != bare


def test_a_merged_export_says_what_torch_says(base: Base, tmp_path: Path) -> None:
    """For those who cannot use an adapter; in 8 bits what was learnt survives."""
    learnt(base, tmp_path)
    merged = trained(base, tmp_path / "sft" / served.WEIGHTS, Dtype.FLOAT32).merge_and_unload()
    write_merged(merged, base, tmp_path / "merged.gguf", Quantisation.Q8_0)
    records = sft.prepared(HubTokens(base.folder), conversations(40), 300).held_out

    assert agreement(merged, served.Served(tmp_path / "merged.gguf", None, base.gguf, base.sha256), records).holds


def test_training_all_weights_exports_a_model_of_its_own(qwen: Base, tmp_path: Path) -> None:
    """Rank 0: nothing is left of the base but its metadata."""
    figures = learnt(qwen, tmp_path, replace(SETTINGS, rank=0, epochs=2, learning_rate=0.003))
    made = served.of(tmp_path / "sft")

    assert figures["held_out_loss_after"] < figures["held_out_loss_before"]
    assert made.adapter is None
    net = trained(qwen, tmp_path / "sft" / served.WEIGHTS, Dtype.FLOAT32)
    assert agreement(net, made, sft.prepared(HubTokens(qwen.folder), conversations(40), 300).held_out).holds


def test_a_packed_row_gives_each_record_the_probabilities_that_it_has_alone(qwen: Base, tmp_path: Path) -> None:
    """Packed records must not see each other, or each would be learnt in a context that never comes."""
    net = load_net(qwen.folder, Dtype.FLOAT32)
    tokens = HubTokens(qwen.folder)
    records = [encode(tokens, sft.messages_of(each)) for each in conversations(3)]
    together = logprobs_of_row(net, pack(records, 1000, 0, 1)[0], tmp_path)
    alone = [each for record in records for each in logprobs(net, record)[0]]

    assert sorted(together) == pytest.approx(sorted(alone), abs=1e-4)


def logprobs_of_row(net: object, row: Row, folder: Path) -> list[float]:
    """Read off an objective, which sees them."""
    seen: list[float] = []

    def objective(found: Tensor, _: Tensor | None, columns: Mapping[str, Tensor]) -> Tensor:
        seen.extend(found.tolist())
        return (0.0 * found).sum()

    optimise(net, [row], objective, Steps(rows_per_step=1), Place(folder, 0, Stop()))
    return seen


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(qwen: Base, tmp_path: Path) -> None:
    """One bad step must not cost the night before it."""
    net = with_lora(load_net(qwen.folder, Dtype.FLOAT32), Lora(4, 8.0), 1)
    rows = pack([encode(HubTokens(qwen.folder), sft.messages_of(each)) for each in conversations(12)], 300, 0, 2)
    steps = [0]

    def objective(found: Tensor, _: Tensor | None, columns: Mapping[str, Tensor]) -> Tensor:
        steps[0] += 1
        return -found.mean() * (math.nan if steps[0] == 3 else 1.0)

    with pytest.raises(BadEnvironment, match="loss is nan after 2 steps"):
        optimise(net, rows, objective, Steps(rows_per_step=1, save_every=2), Place(tmp_path, 0, Stop()))
    assert (tmp_path / "checkpoints" / "checkpoint-2" / "trainer_state.json").exists()


def test_memory_that_runs_out_names_the_settings_to_lower(qwen: Base, tmp_path: Path) -> None:
    """What CUDA says names an allocator, and nobody's recipe has a section of that name."""
    torch = library("torch")

    def objective(found: Tensor, _: Tensor | None, columns: Mapping[str, Tensor]) -> Tensor:
        raise torch.OutOfMemoryError("Tried to allocate 2.00 GiB")

    net = with_lora(load_net(qwen.folder, Dtype.FLOAT32), Lora(4, 8.0), 1)
    rows = pack([encode(HubTokens(qwen.folder), sft.messages_of(each)) for each in conversations(2)], 300, 0, 1)
    with pytest.raises(BadEnvironment, match=r"no memory left .*lower tokens_per_row, or rank"):
        optimise(net, rows, objective, Steps(), Place(tmp_path, 0, Stop()))
    with pytest.raises(BadEnvironment, match="no memory left"), enough_memory():  # as it stands over whole stages
        raise torch.OutOfMemoryError("Tried to allocate 2.00 GiB")


def test_one_killed_process_of_two_ends_the_stage_which_then_goes_on_to_the_same_weights(
    qwen: Base, tmp_path: Path
) -> None:
    """Kill -9 of one of torchrun's two behind a checkpoint, as by the out-of-memory killer: nothing learnt is lost."""
    settings = replace(SETTINGS, epochs=2, processes=2, rows_per_step=1, save_every=2)
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    for folder in (unbroken, broken):
        folder.mkdir()
    figures = learnt(qwen, unbroken, settings)
    killed = list[psutil.Process]()

    def look() -> None:
        seen = broken / "sft" / "checkpoints" / "checkpoint-2" / "trainer_state.json"
        while not killed:
            time.sleep(0.005)
            for worker in workers_in(broken / "sft")[-1:] if seen.exists() else ():
                worker.kill()
                killed.append(worker)

    threading.Thread(target=look, daemon=True).start()
    with pytest.raises(BadEnvironment, match=r"A training process ended .* go on with the same command"):
        learnt(qwen, broken, settings)
    again = learnt(qwen, broken, settings)

    weights = Path("sft") / served.WEIGHTS / "adapter_model.safetensors"
    assert len(killed) == 1
    assert again == figures
    assert (broken / weights).read_bytes() == (unbroken / weights).read_bytes()
    assert (broken / "sft" / "curve.jsonl").read_text() == (unbroken / "sft" / "curve.jsonl").read_text()


def workers_in(folder: Path) -> list[psutil.Process]:
    """Those of torchrun that train in `folder`."""
    found: list[psutil.Process] = []
    for each in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if each.cmdline()[-2:] == ["work", str(folder)]:
                found.append(each)
    return found


def test_a_run_of_one_step_learns(qwen: Base, tmp_path: Path) -> None:
    """A share of one step for warming up, rounded up, was that step: its rate was nought and nothing was learnt."""
    figures = learnt(qwen, tmp_path, replace(SETTINGS, epochs=1, rows_per_step=1_000))

    assert figures["steps"] == 1
    assert figures["held_out_loss_after"] < figures["held_out_loss_before"]


def test_weights_of_another_base_are_not_gone_on_with(qwen: Base, tmp_path: Path) -> None:
    """A LoRA is a difference: over other weights it is noise."""
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    (earlier / "served.json").write_text(json.dumps({"base": "x.gguf", "base_sha256": "0" * 64, "lora": True}))

    with pytest.raises(BadInput, match=r"earlier was trained over another base than tiny\.gguf"):
        learnt(qwen, tmp_path, replace(SETTINGS, start=str(earlier)))


def test_an_adapter_that_cannot_be_written_whole_is_no_adapter(qwen: Base, tmp_path: Path) -> None:
    """The disk is full: a sentence, and no half of a file that llama.cpp would load."""
    keep(with_lora(load_net(qwen.folder, Dtype.FLOAT32), Lora(4, 8.0), 1), tmp_path / "weights")
    out = tmp_path / "adapter.gguf"
    out.symlink_to("/dev/full")

    with pytest.raises(BadEnvironment, match=r"adapter\.gguf cannot be written \(No space left"):
        write_adapter(tmp_path / "weights", qwen, out)
    assert not out.is_symlink()


@pytest.mark.parametrize(("knob", "value"), [("use_dora", True), ("use_rslora", True), ("bias", "all")])
def test_what_an_adapter_file_cannot_say_is_refused_by_name(
    qwen: Base, tmp_path: Path, knob: str, value: object
) -> None:
    """llama.cpp would serve something else than what was trained, and nobody would know."""
    keep(with_lora(load_net(qwen.folder, Dtype.FLOAT32), Lora(4, 8.0), 1), tmp_path / "weights")
    config = tmp_path / "weights" / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), knob: value}))

    with pytest.raises(BadInput, match=f"{'biases' if knob == 'bias' else knob}, which a GGUF adapter cannot hold"):
        write_adapter(tmp_path / "weights", qwen, tmp_path / "adapter.gguf")


def test_a_student_is_blocks_of_its_base_and_is_trained_and_served_as_any_other(qwen: Base, tmp_path: Path) -> None:
    """Small enough for minutes, and nothing about it is pretended: its file holds the base's tensors as they are."""
    figures = learnt(qwen, tmp_path, replace(SETTINGS, layers=1))
    made = served.of(tmp_path / "sft")
    student, base = tensors(made.model), tensors(qwen.gguf)
    small = find_base(str(made.model))
    net = trained(small, tmp_path / "sft" / served.WEIGHTS, Dtype.FLOAT32)

    assert {name.replace("blk.1.", "blk.0."): base[name] for name in base if "blk.0." not in name} == student
    assert figures["held_out_loss_after"] < 0.7 * figures["held_out_loss_before"]
    assert agreement(net, made, sft.prepared(HubTokens(small.folder), conversations(40), 300).held_out).holds
    with pytest.raises(BadInput, match=r"tiny\.gguf has 2 blocks; a student of it has fewer"):
        learnt(qwen, tmp_path, replace(SETTINGS, layers=2))


def tensors(gguf: Path) -> dict[str, bytes]:
    return {each.name: each.data.tobytes() for each in library("gguf").GGUFReader(gguf).tensors}


def test_an_architecture_without_a_way_back_is_refused_by_name(tmp_path: Path) -> None:
    """Hours of training would end without a file that can be served."""
    with pytest.raises(BadInput, match=r"tiny\.gguf is of the architecture gpt2.*known are qwen2"):
        find_base(str(write_tiny_net(tmp_path / "tiny.gguf", "gpt2")))


def test_an_export_that_says_something_else_than_torch_is_refused(qwen: Base, tmp_path: Path) -> None:
    """An adapter of another strength than what was trained: the figures are kept, and the stage fails."""
    learnt(qwen, tmp_path)
    trained_ = tmp_path / "sft"
    config = trained_ / "weights" / "adapter_config.json"
    said = json.loads(config.read_text())
    config.write_text(json.dumps({**said, "lora_alpha": 60 * said["lora_alpha"]}))
    write_adapter(trained_ / "weights", qwen, trained_ / "adapter.gguf")
    config.write_text(json.dumps(said))
    (tmp_path / "export").mkdir()
    inputs = {"sft": trained_, "debug_data": tmp_path / "debug_data.jsonl"}

    with pytest.raises(BadEnvironment, match=r"served export differs from what was trained by .* \(at most 0\.02\)"):
        export.make(context(qwen, tmp_path), export.Settings(), inputs, tmp_path / "export")
    assert json.loads((tmp_path / "export" / "agreement.json").read_text())["served"]["mean_kl"] > 0.02


def test_the_stage_also_leaves_a_whole_model_that_says_what_torch_says(starcoder: Base, tmp_path: Path) -> None:
    """For those who serve it elsewhere: it is held to the same tolerance as the adapter, and stands on the card.

    Of StarCoder2, whose layers and norms have biases.
    """
    learnt(starcoder, tmp_path)
    (tmp_path / "export").mkdir()
    inputs = {"sft": tmp_path / "sft", "debug_data": tmp_path / "debug_data.jsonl"}
    wanted = export.Settings(export.Merged.Q8_0)

    figures = export.make(context(starcoder, tmp_path), wanted, inputs, tmp_path / "export")

    assert figures["served_mean_kl"] < 0.02
    assert figures["merged_mean_kl"] < 0.02
    assert (tmp_path / "export" / "model-Q8_0.gguf").is_file()
    assert "- merged: mean KL" in (tmp_path / "export" / "card.md").read_text()


def test_nothing_to_learn_is_said_with_the_reason(qwen: Base, tmp_path: Path) -> None:
    """An empty stage must name what dropped everything."""
    with pytest.raises(BadInput, match="40 have more than 20 tokens"):
        learnt(qwen, tmp_path, replace(SETTINGS, tokens_per_row=20))


CODE = """\
import sys
sys.path.insert(0, sys.argv[3])
from pathlib import Path
from test_weights import learnt
from darner.training.base import find_base
learnt(find_base(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("checkpoint", ["checkpoint-2", "checkpoint-6"])
def test_a_run_that_was_killed_goes_on_to_the_same_weights(qwen: Base, tmp_path: Path, checkpoint: str) -> None:
    """Kill -9 while it trains, behind some checkpoint: the next run ends where an unbroken one does, to the bit."""
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    for folder in (unbroken, broken):
        folder.mkdir()
    figures = learnt(qwen, unbroken)
    command = [sys.executable, "-P", "-c", CODE, str(qwen.gguf), str(broken), str(Path(__file__).parent)]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        seen = broken / "sft" / "checkpoints" / checkpoint
        deadline = time.monotonic() + 240
        while not seen.exists() and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.wait()
    again = learnt(qwen, broken)

    weights = Path("sft") / served.WEIGHTS / "adapter_model.safetensors"
    assert (broken / weights).read_bytes() == (unbroken / weights).read_bytes()
    assert again == figures
    assert (broken / "sft" / "curve.jsonl").read_text() == (unbroken / "sft" / "curve.jsonl").read_text()


def test_two_processes_take_the_steps_of_one_with_twice_the_rows(qwen: Base, tmp_path: Path) -> None:
    """torchrun over gloo: gradients are averaged over all rows of a step, whoever worked them out."""
    found: dict[int, Mapping[str, Any]] = {}
    for processes in (1, 2):
        (tmp_path / str(processes)).mkdir()
        settings = replace(SETTINGS, epochs=2, processes=processes, rows_per_step=4 // processes)
        found[processes] = learnt(qwen, tmp_path / str(processes), settings)
    assert found[2]["steps"] == found[1]["steps"]
    assert found[2]["held_out_loss_after"] < 0.9 * found[2]["held_out_loss_before"]
    assert found[2]["held_out_loss_after"] == pytest.approx(found[1]["held_out_loss_after"], rel=0.02)


def test_processes_that_share_the_weights_learn_what_those_learn_that_copy_them(qwen: Base, tmp_path: Path) -> None:
    """FSDP2, two processes over gloo: where weights lie is not to be seen in what is learnt, exported and served."""
    found: dict[bool, Mapping[str, Any]] = {}
    for sharded in (False, True):
        (tmp_path / str(sharded)).mkdir()
        settings = replace(SETTINGS, epochs=2, processes=2, sharded=sharded, rows_per_step=2)
        found[sharded] = learnt(qwen, tmp_path / str(sharded), settings)
    whole, made = found[False], served.of(tmp_path / "True" / "sft")
    net = trained(qwen, tmp_path / "True" / "sft" / served.WEIGHTS, Dtype.FLOAT32)

    assert found[True]["steps"] == whole["steps"]
    assert whole["held_out_loss_after"] < 0.9 * whole["held_out_loss_before"]
    assert found[True]["held_out_loss_after"] == pytest.approx(whole["held_out_loss_after"], rel=0.001)
    assert agreement(net, made, sft.prepared(HubTokens(qwen.folder), conversations(40), 300).held_out).holds


def test_nobody_shares_weights_with_itself(qwen: Base, tmp_path: Path) -> None:
    """A recipe that asks for shards and gets a copy would run out of memory hours later."""
    with pytest.raises(BadInput, match="set processes = 2 or more"):
        learnt(qwen, tmp_path, replace(SETTINGS, sharded=True))
