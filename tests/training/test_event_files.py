"""Event files for TensorBoard: the curve once more, outside of what a stage leaves."""

from __future__ import annotations

import json
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from darner.engine.errors import BadEnvironment
from darner.engine.stop import Stop
from darner.training.base import Dtype, Lora, find_base, load_net, with_lora
from darner.training.job import digest_of
from darner.training.libraries import Tensor, library
from darner.training.optimise import Steps, optimise
from darner.training.place import CURVE, Place
from darner.training.sft import messages_of
from darner.training.tokens import encode, pack
from run_to_kill import weights
from tiny_net import ByteTokens, conversations, write_tiny_net
from training_runs import run


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dequantised bases of the tests stay out of the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def shown(folder: Path) -> list[tuple[int, float]]:
    """Steps with losses as TensorBoard shows them: from where a later session starts on, an earlier one is void."""
    found: list[tuple[int, float]] = []
    for path in sorted(folder.iterdir()):
        for event in events(path):
            if event.HasField("session_log"):
                found = [(step, loss) for step, loss in found if step < event.step]
            found += [(event.step, each.simple_value) for each in event.summary.value if each.tag == "train/loss"]
    return found


def events(path: Path) -> Iterator[Any]:
    """The records of a file: length, its checksum, so many bytes, their checksum."""
    event: Any = library("tensorboardX.proto.event_pb2").Event
    data = path.read_bytes()
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        yield event.FromString(data[12 : 12 + length])
        data = data[12 + length + 4 :]


def losses(folder: Path) -> list[tuple[int, Any]]:
    rows = [json.loads(line) for line in (folder / CURVE).read_text(encoding="utf-8").splitlines()]
    return [(row["step"], pytest.approx(row["loss"], rel=1e-6)) for row in rows]


@pytest.mark.slow
def test_event_files_say_what_the_curve_says_and_what_a_stage_leaves_is_the_same_without_them(tmp_path: Path) -> None:
    """They hold times, so a stage's result that held them would be another one with each run."""
    pytest.importorskip("torch")
    pytest.importorskip("tensorboardX")
    reported, plain = tmp_path / "runs" / "reported", tmp_path / "runs" / "plain"
    reported.parent.mkdir()
    weights(plain, last="rl")
    weights(reported, report="tensorboard", last="rl")

    for stage in ("sft", "rl"):
        assert digest_of(reported / stage) == digest_of(plain / stage)
    assert shown(reported / "tensorboard" / "sft") == losses(reported / "sft")
    for number in range(2):
        name = f"round-{number}"
        assert shown(reported / "tensorboard" / "rl" / name) == losses(reported / "rl" / name)
    assert not (plain / "tensorboard").exists()


@pytest.mark.slow
def test_steps_that_are_taken_again_after_a_stop_are_shown_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run goes on behind its last checkpoint, be it within a second: what it reported of the steps behind is void."""
    pytest.importorskip("torch")
    pytest.importorskip("tensorboardX")
    names: Any = library("tensorboardX.event_file_writer")
    monkeypatch.setattr(names, "time", SimpleNamespace(**{**vars(time), "time": lambda: 1_700_000_000.0}))
    base = find_base(str(write_tiny_net(tmp_path / "tiny.gguf")))
    rows = pack([encode(ByteTokens(), messages_of(each)) for each in conversations(6)], 120, 0, 1)

    def go_on(stop_at: int) -> None:
        stop, seen = Stop(), [0]

        def objective(found: Tensor, _: Tensor | None, columns: Mapping[str, Tensor]) -> Tensor:
            seen[0] += 1
            if seen[0] == stop_at:
                stop.cancel()
            return -found.mean()

        place = Place(tmp_path / "out", 0, stop, tmp_path / "events")
        net = with_lora(load_net(base.folder, Dtype.FLOAT32), Lora(4, 8.0), 1)
        optimise(net, rows, objective, Steps(rows_per_step=1, save_every=2), place)

    (tmp_path / "out").mkdir()
    with pytest.raises(KeyboardInterrupt):
        go_on(stop_at=3)
    first = shown(tmp_path / "events")
    go_on(stop_at=0)

    assert len(first) == 3  # of which the last is behind the checkpoint, and was taken again
    assert shown(tmp_path / "events") == losses(tmp_path / "out")
    assert len(losses(tmp_path / "out")) == len(rows)


def test_event_files_without_their_library_are_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at the first step, with the night's data made."""
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    recipe = tmp_path / "mine.toml"
    recipe.write_text('[run]\nreport = "tensorboard"\n[seeds]\n', encoding="utf-8")

    with pytest.raises(BadEnvironment, match=r"tensorboardX is not installed .*: pip install 'darner\[tensorboard\]'"):
        run(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()
