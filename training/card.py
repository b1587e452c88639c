"""The model card: what the run's own manifests say, and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine import catalogue
from .base import Base
from .decontamination import Decontamination, in_words
from .job import manifest_of
from .types import Manifest

if TYPE_CHECKING:
    from .agree import Agreement


def card(run: Path, base: Base, found: Mapping[str, Agreement], kept_out: Decontamination) -> str:
    """Markdown: base, data and licences, what was kept out, how well the files agree with torch, limits."""
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
            "## Limits",
            "Trained on single functions of one file with planted mistakes. The stage `evaluate` measures it on"
            " held-out ones of the same kind; nothing else was measured. Python only.",
            "",
        ]
    )


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
