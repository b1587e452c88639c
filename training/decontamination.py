"""What was kept out of a run and how much that took away: the account in the report and in the model card.

held-out files + manifests (dropped on the way) + records that were learnt (looked at once more) ─▶ Decontamination
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from . import held_out, sift
from .job import manifest_of
from .stages import Context
from .store import read_records
from .types import Conversation

_LEARNT = ("sft_data", "debug_data", "traces")


@dataclass(frozen=True, slots=True)
class Decontamination:
    benchmarks: Mapping[str, int]
    """Tasks by file."""
    dropped: Mapping[str, int]
    """By stage, records that were a task's near-copies."""
    left: Mapping[str, int]
    """By stage, records that are learnt and are near-copies all the same: none, unless somebody altered them."""


def looked_at(context: Context) -> Decontamination:
    """Reads every record that is learnt. Raises BadInput for a file of tasks that cannot be read."""
    index = held_out.read(context.held_out)
    counts = {Path(path).name: held_out.count(path) for path in context.held_out}
    made = [manifest_of(path) for path in sorted(context.folder.iterdir()) if path.suffix != ".json"]
    dropped = {each.stage: each.dropped.get(sift.CONTAMINATED, 0) for each in made if each}
    left = {stage: _left(context.path(stage), index) for stage in _LEARNT if stage in context.present}
    return Decontamination(counts, {stage: count for stage, count in dropped.items() if count}, left)


def _left(path: Path, index: held_out.HeldOut) -> int:
    return sum(bool(index.found_in(*sift.said(asdict(each)))) for each in read_records(path, Conversation))


def in_words(found: Decontamination) -> Iterator[str]:
    """Lines of Markdown."""
    if not found.benchmarks:
        yield "No benchmark was named, so none was kept out."
        return
    yield "Kept out: " + ", ".join(f"{name} ({count} tasks)" for name, count in found.benchmarks.items()) + "."
    yield "Dropped as near-copies: " + (_counts(found.dropped) or "none") + "."
    yield "Near-copies among what was learnt: " + (_counts(found.left) or "none") + "."


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} in {stage}" for stage, count in counts.items() if count)
