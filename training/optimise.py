"""The optimiser's loop, by transformers' Trainer: rows in, weights and a curve out, exactly resumable.

The rows come in the order in which `tokens.pack` gives them, so a run that was killed goes on behind its last whole
checkpoint with the same rows, optimiser state and random numbers, and ends at the same weights as an unbroken one.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..engine.errors import BadEnvironment
from . import event_files
from .base import Dtype, device
from .job import SCRATCH
from .libraries import Library, Net, Tensor, library
from .place import CURVE, Place, last_whole, reached, step_of
from .shape import Count, Share, Size
from .tokens import Encoded, Row, pack

Objective = Callable[[Tensor, "Tensor | None", Mapping[str, Tensor]], Tensor]
"""(log-probabilities [K], values [K] or None, columns [K] by name) to the row's loss, which is made smaller."""
_WORLD = "WORLD_SIZE"
"""What torchrun tells each of its processes."""
_VALUE = "value.pt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """How records become steps: what the sections [sft] and [rl] have in common."""

    epochs: Count = 1
    learning_rate: Size = 2e-4
    tokens_per_row: Count = 1024
    """Records are packed into rows of so many tokens; a longer record is left out."""
    rows_per_step: Count = 4
    """Rows whose gradients are added up before a step, on each device."""
    warmup: Share = 0.05
    """Share of the steps, rounded down, in which the learning rate rises; it falls along a cosine afterwards."""
    save_every: Count = 25
    """Steps between checkpoints."""
    dtype: Dtype = Dtype.BFLOAT16
    """`bfloat16` or `float32` for the weights; a LoRA itself is always float32. Take float32 to train all weights."""

    def rows(self, records: Sequence[Encoded], seed: int) -> list[Row]:
        return pack(records, self.tokens_per_row, seed, self.epochs)


def optimise(
    net: Net, rows: Sequence[Row], objective: Objective, steps: Steps, place: Place, *, sharded: bool = False
) -> Mapping[str, Tensor] | None:
    """Train `net` in place, from the last whole checkpoint in the folder if there is one; write `curve.jsonl` there.

    With `sharded`, each of several processes holds a share of the weights (FSDP2), and the whole weights by name are
    returned in the first. Raises BadEnvironment when the loss is no number any more (the last good checkpoint
    is kept) or memory runs out, and KeyboardInterrupt when it was stopped.
    """
    checkpoints = place.folder / SCRATCH
    trainer = _trainer_class()(
        model=net,
        args=_arguments(steps, checkpoints, place.seed, sharded=sharded),
        train_dataset=_Rows(rows),
        data_collator=_alone,
    )
    trainer.remove_callback(library("transformers.trainer_callback").PrinterCallback)  # stdout is for results
    trainer.objective, trainer.place = objective, place
    last = last_whole(checkpoints)
    with enough_memory(), event_files.reporting(trainer, place.events, step_of(last)):
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    return trainer.accelerator.get_state_dict(trainer.model) if sharded else None


@contextmanager
def enough_memory() -> Generator[None]:
    """Around, or over, what puts weights on a device: raises BadEnvironment with settings where it has no room."""
    try:
        yield
    except library("torch").OutOfMemoryError as error:
        raise BadEnvironment(
            f"The GPU has no memory left ({error}); lower tokens_per_row, or rank, or take dtype = 'bfloat16'."
        ) from error


def logprobs(net: Net, record: Encoded) -> tuple[list[float], list[float]]:
    """Natural-log probability of each learnt token, and the value head's word there ([] without one); no gradient."""
    torch = library("torch")
    row = Row()
    row.add(record)
    net.eval()
    with torch.no_grad():
        batch = {name: tensor.to(next(net.parameters()).device) for name, tensor in _tensors(row).items()}
        found, values = _forward(net, batch)
    return found.tolist(), [] if values is None else values.tolist()


def add_value_head(net: Net) -> None:
    """A linear layer from the last hidden state to a value, zero at first (LEDEX)."""
    torch = library("torch")
    head = torch.nn.Linear(net.config.hidden_size, 1)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    net.value = head.to(next(net.parameters()).device)


class _Rows:
    """Rows as a dataset of tensors."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return _tensors(self._rows[index])


def _tensors(row: Row) -> dict[str, Tensor]:
    torch = library("torch")
    whole = {"tokens": row.tokens, "positions": row.positions, "keep": row.keep, "targets": row.targets}
    found = {name: torch.tensor(numbers, dtype=torch.long) for name, numbers in whole.items()}
    return found | {name: torch.tensor(numbers, dtype=torch.float32) for name, numbers in row.columns.items()}


def _alone(batch: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """One row is a batch: it holds as many records as fit, so nothing is padded."""
    return batch[0]


def _forward(net: Net, row: Mapping[str, Tensor]) -> tuple[Tensor, Tensor | None]:
    """Log-probabilities and values [K] at the learnt tokens. Logits are computed there only: they are the largest
    thing in memory. Without a mask, transformers keeps records of one row apart by their positions."""
    head = getattr(net, "value", None)
    tokens, positions, keep = row["tokens"][None], row["positions"][None], row["keep"]
    answer = net(
        input_ids=tokens,
        position_ids=positions,
        logits_to_keep=keep,
        use_cache=False,
        output_hidden_states=head is not None,
    )
    spread = answer.logits[0].float().log_softmax(-1)
    found = spread.gather(-1, row["targets"][:, None])[:, 0]
    return found, None if head is None else head(answer.hidden_states[-1][0, keep].float())[:, 0]


def _trainer_class() -> Library:
    """Made when it is needed: its base class is not there where torch is not."""
    transformers, torch = library("transformers"), library("torch")

    class RowTrainer(transformers.Trainer):  # pyright: ignore[reportUntypedBaseClass]
        objective: Objective
        place: Place
        loss_is_scaled_for_ga = False  # a row's loss is a mean: rows of one step are averaged by the Trainer

        def create_accelerator_and_postprocess(self) -> None:
            """accelerate shards on accelerators alone and would copy on processors, unasked; torch shards on both."""
            transformers.Trainer.create_accelerator_and_postprocess(self)
            if self.args.fsdp and not self.is_fsdp_enabled:
                utils, partial = library("accelerate.utils"), library("accelerate.state").PartialState()
                plugin = utils.FullyShardedDataParallelPlugin(**self.args.fsdp_plugin_args)
                self.accelerator.state.fsdp_plugin, self.is_fsdp_enabled = plugin, True
                self.accelerator.state.distributed_type = partial.distributed_type = utils.DistributedType.FSDP

        def create_scheduler(self, num_training_steps: int, optimizer: Library = None) -> Library:
            """A share of few steps is none: rounded up, the one step of a small run would have a rate of nought."""
            if self.args.warmup_steps < 1:
                self.args.warmup_steps = int(self.args.warmup_steps * num_training_steps)
            return transformers.Trainer.create_scheduler(self, num_training_steps, optimizer)

        def compute_loss(self, model: Net, inputs: dict[str, Tensor], *_: object, **__: object) -> Tensor:
            if self.place.stop:
                raise KeyboardInterrupt
            found, values = _forward(model, inputs)
            loss = self.objective(found, values, inputs)
            if not math.isfinite(float(loss.detach())):
                raise BadEnvironment(
                    f"The loss is {float(loss.detach())} after {self.state.global_step} steps; the last checkpoint is "
                    "kept. Lower learning_rate, or take dtype = 'float32'."
                )
            return loss

        def log(self, logs: dict[str, float], *arguments: object) -> None:
            transformers.Trainer.log(self, logs, *arguments)
            if self.is_world_process_zero():
                kept = [entry for entry in self.state.log_history if "loss" in entry]
                (self.place.folder / CURVE).write_text(
                    "".join(json.dumps(entry, sort_keys=True) + "\n" for entry in kept), encoding="utf-8"
                )
                if "loss" in logs:
                    self.place.tell(reached(self.state.max_steps, self.state.global_step, logs["loss"]))

        def _save(self, output_dir: str | None = None, state_dict: object = None) -> None:
            transformers.Trainer._save(self, output_dir, state_dict)
            head = getattr(self.model, "value", None)
            if head is not None and output_dir:
                torch.save(head.state_dict(), Path(output_dir) / _VALUE)

        def _load_from_checkpoint(self, checkpoint: str, model: Net = None) -> None:
            transformers.Trainer._load_from_checkpoint(self, checkpoint, model)
            head = getattr(self.model, "value", None)
            if head is not None:
                head.load_state_dict(torch.load(Path(checkpoint) / _VALUE, weights_only=True))

    return RowTrainer


def _arguments(steps: Steps, folder: Path, seed: int, *, sharded: bool) -> Library:
    transformers = library("transformers")
    return transformers.TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=1,
        gradient_accumulation_steps=steps.rows_per_step,
        num_train_epochs=1,  # the rows hold all epochs
        train_sampling_strategy="sequential",
        learning_rate=steps.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=steps.warmup,
        weight_decay=0.0,
        max_grad_norm=1.0,
        logging_steps=1,
        save_steps=steps.save_every,
        save_total_limit=2,
        seed=seed,
        use_cpu=device() == "cpu",
        ddp_backend="gloo" if device() == "cpu" and _WORLD in os.environ else None,  # named, it is looked for
        fsdp=sharded,  # each layer is a unit, by the names that the architecture gives
        fsdp_config={"version": 2} if sharded else None,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to=[],
    )
