"""Stage `evaluate`: the base and the export, as the engine serves them, on mistakes of seeds that were never learnt.

    held-out mistakes ─▶ repair: greedy chain with feedback + N samples ┐
                      ─▶ writing from the docstring: N samples          ┴▶ paired difference, interval ─▶ report.json

Both answer the same prompts with the same seeds, quantised as they are, and are graded by the same sandbox.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path

from ..engine import adopted
from ..engine.errors import BadInput
from ..engine.llama import LlamaModel
from . import bench, served
from .examiner import Effort, Examiner, Score, examined
from .kept_back import kept_back
from .paired import Difference, difference, pass_at
from .practice import Case, case_of
from .stages import Context, FileStage
from .store import read_records
from .types import Mistake

_WRITING_MAY_FALL = 0.01
_ANSWERS = "answers.jsonl"


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [evaluate]."""

    tasks: int = 0
    """Most held-out mistakes; 0: all."""
    samples: int = 4
    """Of each task, for pass@1 and pass@N."""
    turns: int = 2
    """Of the greedy chain, with real feedback between."""
    temperature: float = 0.7
    adopt: bool = False
    """Let the engine use the adapter from now on, if it is better (`darner-train rollback` takes it back)."""


@dataclass(frozen=True, slots=True)
class Report:
    tasks: int
    figures: Mapping[str, float]
    """Share by `base_greedy`, `new_greedy` and the like, over all tasks."""
    repair: Difference
    """pass@1 of the samples."""
    greedy: Difference
    writing: Difference

    @property
    def better(self) -> bool:
        """Repairs gained, with a loss outside the interval, and writing did not fall by more than one point."""
        return self.repair.better and self.writing.mean >= -_WRITING_MAY_FALL


def make(context: Context, settings: Settings, inputs: Mapping[str, Path], folder: Path) -> Mapping[str, float]:
    """Answer and grade what is not answered yet; compare; adopt if that was wished and earned."""
    cases = _cases(inputs["mistakes"], settings)
    new = served.of(inputs["export"])
    answers = folder / _ANSWERS
    done = _answered(answers)
    effort = Effort(settings.samples, settings.turns, settings.temperature)
    with answers.open("a", encoding="utf-8") as file, ExitStack() as opened:
        models = {"base": LlamaModel(Path(served.base_of(inputs["export"])), "base"), "new": new.open("new")}
        for model in models.values():
            opened.enter_context(closing(model))
        place = opened.enter_context(bench.opened(context.stop, trusted=context.trusted))
        for index, case in enumerate(cases):
            for name, model in models.items():
                if (case.mistake.id, name) not in done:
                    score = examined(case, name, Examiner(model, place, effort, context.seed + 1_000 * index))
                    if context.stop:
                        raise KeyboardInterrupt
                    file.write(json.dumps(asdict(score)) + "\n")
                    file.flush()
    report = compared(list(_answered(answers).values()), settings.samples, context.seed)
    return _reported(report, new, settings, folder)


STAGE = FileStage("evaluate", Settings, inputs=("mistakes", "export"), make=make)


def _cases(mistakes: Path, settings: Settings) -> list[Case]:
    """Raises BadInput when none is held out."""
    held = [each for each in read_records(mistakes, Mistake) if kept_back(each.task.id)]
    cases = [case for each in held if (case := case_of(each))]
    if not cases:
        raise BadInput(
            "No mistake is held out, so nothing can be measured: mine more seeds (one in five is kept back)."
        )
    return cases[: settings.tasks or None]


def compared(scores: Sequence[Score], samples: int, seed: int) -> Report:
    """The two models on the mistakes that both answered."""
    by_model = {name: {each.mistake: each for each in scores if each.model == name} for name in ("base", "new")}
    both = sorted(by_model["base"].keys() & by_model["new"].keys())
    pairs = [(by_model["base"][key], by_model["new"][key]) for key in both]
    families = [base.task for base, _ in pairs]

    def between(kind: str) -> Difference:
        shares = [(_share(base, kind, samples), _share(new, kind, samples)) for base, new in pairs]
        return difference([base for base, _ in shares], [new for _, new in shares], families, seed)

    figures = {f"{name}_{kind}": value for name in by_model for kind, value in _means(by_model[name], both, samples)}
    return Report(len(pairs), figures, between("repaired"), between("greedy"), between("written"))


def _means(scores: Mapping[str, Score], both: Sequence[str], samples: int) -> Iterator[tuple[str, float]]:
    chosen = [scores[key] for key in both]
    yield "greedy", sum(each.greedy for each in chosen) / len(chosen)
    yield "chain", sum(each.chain for each in chosen) / len(chosen)
    yield "pass_at_1", sum(pass_at(1, samples, each.repaired) for each in chosen) / len(chosen)
    yield f"pass_at_{samples}", sum(pass_at(samples, samples, each.repaired) for each in chosen) / len(chosen)
    yield "writing_pass_at_1", sum(pass_at(1, samples, each.written) for each in chosen) / len(chosen)


def _share(score: Score, kind: str, samples: int) -> float:
    found = {"repaired": score.repaired / samples, "written": score.written / samples, "greedy": float(score.greedy)}
    return found[kind]


def _answered(path: Path) -> dict[tuple[str, str], Score]:
    """By mistake and model; a torn last line, left by a kill, is cut off and answered again."""
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    whole = [line for line in lines if line.endswith(b"\n")]
    if whole != lines:
        path.write_bytes(b"".join(whole))
    found = [Score(**json.loads(line)) for line in whole]
    return {(each.mistake, each.model): each for each in found}


def _reported(report: Report, new: served.Served, settings: Settings, folder: Path) -> Mapping[str, float]:
    verdict = "better" if report.better else "not better"
    if report.better and settings.adopt and new.adapter:
        adopted.adopt(new.model, new.base_sha256, new.adapter, asdict(report.repair))
        verdict = "better, and adopted"
    written = {"verdict": verdict, "better": report.better, **asdict(report)}
    (folder / "report.json").write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    differences = {"repair": report.repair, "greedy": report.greedy, "writing": report.writing}
    spread = {f"{name}_{key}": value for name, each in differences.items() for key, value in asdict(each).items()}
    return {"tasks": report.tasks, "better": float(report.better), **report.figures, **spread}
