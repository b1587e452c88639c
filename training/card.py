"""The model card: what the run's own manifests say, and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine import catalogue
from .base import Base
from .decontamination import Decontamination, in_words
from .job import manifest_of
from .product import Way
from .types import Manifest

if TYPE_CHECKING:
    from .agree import Agreement


UNMEASURED = "Nothing yet. The stage `evaluate` leaves this card again in its own folder, with its figures."
_WAYS = {Way.MODEL: "the model alone", Way.WHOLE: "search and model"}
_KINDS = {
    "sft_data": "tasks with tested solutions",
    "debug_data": "mistakes planted in functions, found in their history or sampled, with their repairs",
    "traces": "repairs that the user took",
}


def card(run: Path, base: Base, found: Mapping[str, Agreement], kept_out: Decontamination) -> str:
    """Markdown: base, data and licences, what was kept out, how well the files agree with torch, figures, limits."""
    entry = next((each for each in catalogue.CATALOGUE.values() if each.sha256 == base.sha256), None)
    licence = entry.licence if entry else "not known to Darner; see where the file is from"
    return "\n".join(
        [
            f"# A Darner adapter for {entry.name if entry else base.gguf.name}",
            "",
            f"Base: `{base.gguf.name}`, SHA-256 `{base.sha256}`, licence {licence}. Use it over this file only.",
            "",
            "## How it was made",
            *(line for manifest in _manifests(run) for line in _stage(manifest)),
            "",
            "## Licences of the seeds",
            *(_licences(run) or ["No seeds are in the run folder."]),
            "",
            "## Benchmarks kept out",
            *in_words(kept_out),
            "",
            "## Agreement with what was trained",
            *(
                f"- {name}: mean KL {each.mean_kl:.5f} nats, worst {each.worst_kl:.5f}, "
                f"same first token at {each.same_first:.1%} of {each.positions} positions"
                for name, each in found.items()
            ),
            "",
            "## What it was measured to do",
            UNMEASURED,
            "",
            "## Limits",
            f"It learnt from {_learnt(run)}. Single functions of one file, Python only; what is not above was not"
            " measured.",
            "",
        ]
    )


def write_measured(export: Path, folder: Path) -> None:
    """The export's card with the figures of `folder`/report.json, beside that."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    text = (export / "card.md").read_text(encoding="utf-8")
    (folder / "card.md").write_text(text.replace(UNMEASURED, "\n".join(_measured(report))), encoding="utf-8")


def _measured(report: Mapping[str, Any]) -> Iterator[str]:
    yield f"Against {report['against']}, both quantised and served by the engine: {report['verdict']}."
    yield ""
    names = {"repair": "repairs, pass@1 of samples", "greedy": "repairs, greedy", "writing": "writing, pass@1"}
    for key, name in names.items():
        yield f"- {name}, {report['tasks']} held-out mistakes: {_points(report[key])}"
    for name, each in report["benchmarks"].items():
        yield f"- {name}: {each['before']:.1%} before, {each['new']:.1%} after; {_points(each['gain'])}"
    for name, ways in report["product"]["tasks"].items():
        for way, each in ways.items():
            before, new = (f"{each[model]['correct']:.1%} correct" for model in ("before", "new"))
            tasks = f"{each['tasks']} of {name} in the engine's loop, {_WAYS[way]}"
            yield f"- {tasks}: {before} before, {new} after; {_points(each['correct'])}"


def _points(difference: Mapping[str, float]) -> str:
    mean, low, high = (f"{100 * difference[key]:+.1f}" for key in ("mean", "low", "high"))
    return f"{mean} points (95 %: {low} to {high})"


def _learnt(run: Path) -> str:
    """By the data that the run holds."""
    found = [what for stage, what in _KINDS.items() if (run / f"{stage}.jsonl").exists()]
    return ", ".join(found) or "what its manifests name"


def _manifests(run: Path) -> Iterator[Manifest]:
    """In the order in which they were written."""
    suffix = ".manifest.json"
    for path in sorted(run.glob(f"*{suffix}"), key=lambda path: path.stat().st_mtime_ns):
        if manifest := manifest_of(path.with_name(path.name.removesuffix(suffix))):
            yield manifest


def _stage(manifest: Manifest) -> Iterator[str]:
    model = f" by {manifest.model}" if manifest.model else ""
    dropped = ", ".join(f"{count} {reason}" for reason, count in sorted(manifest.dropped.items()))
    yield f"- **{manifest.stage}**{model}: {manifest.kept} kept of {manifest.units}" + (
        f"; dropped: {dropped}" if dropped else ""
    )
    yield f"  - settings: `{json.dumps(dict(manifest.settings), sort_keys=True)}`"
    if manifest.figures:
        yield "  - " + ", ".join(f"{name} {value:.4g}" for name, value in manifest.figures.items())


def _licences(run: Path) -> list[str]:
    try:
        rows = [json.loads(line) for line in (run / "seeds.jsonl").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return []
    return [f"- {licence}: {count}" for licence, count in sorted(Counter(str(row["licence"]) for row in rows).items())]
