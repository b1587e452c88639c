"""`make bench-format`: in which form should a model write a repair? Whole function, suspicious lines, or edits.

And to which prompt: `brief` asks for the whole function in few words. A seeded sample of the development tasks, or
every N-th of them. Each is examined as for a repair (suite, evidence, suspects), the most
suspicious function is asked for in each form, greedily, and what comes is applied and run: `applied` means that a
changed file came of it that parses, `plausible` that the visible tests pass, `correct` that the hidden ones do.
Seconds are those of the answer alone: the prompt is read before. Rows are written as they come; a run that was stopped
goes on.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from darner.engine import catalogue
from darner.engine.case import Case, open_case
from darner.engine.evidence import gather
from darner.engine.llama import LlamaModel
from darner.engine.parse import Unusable
from darner.engine.project import Interpreter, Project, find_interpreter
from darner.engine.prompt import repair
from darner.engine.sample import sampling_for
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.trial import open_session
from darner.sandbox.types import Status
from format_forms import FORMS, Form
from repair import HERE, SCORING, SETS, TASKS, commit, machine, tasks


@dataclass(frozen=True)
class Row:
    """One task in one form."""

    task: str
    form: str
    tokens: int
    seconds: float
    applied: bool
    plausible: bool
    correct: bool
    trouble: str
    text: str


def main() -> int:
    options = parse_arguments()
    out = options.out or Path("bench-results") / f"format-{options.model}-{options.seed}.jsonl"
    rows = [Row(**json.loads(text)) for text in out.read_text().splitlines()] if out.exists() else []
    print(f"{machine()}; commit {commit()}; {options.model}; seed {options.seed}; greedy; {out}", flush=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    python = find_interpreter(HERE, options.python)
    forms = {name: FORMS[name] for name in options.forms.split(",")}
    with closing(LlamaModel(catalogue.pull(options.model), options.model)) as model:
        for task in chosen(options):
            done = {row.form for row in rows if row.task == task["id"]}
            for row in answers(task, {name: form for name, form in forms.items() if name not in done}, python, model):
                rows.append(row)
                with out.open("a") as file:
                    file.write(json.dumps(asdict(row)) + "\n")
                print(f"{row.task:38} {row.form:8} {row.tokens:4} {row.seconds:6.1f} s {verdict(row)}", flush=True)
    print(table(rows, list(forms)))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--limit", type=int, default=8, help="tasks of each set")
    parser.add_argument("--every", type=int, default=0, help="every so many of each set instead, in its order")
    parser.add_argument("--forms", default=",".join(FORMS))
    parser.add_argument("--seed", type=int, default=0, help="of the choice of tasks")
    parser.add_argument("--tasks", type=Path, default=TASKS, help="folder of the JSON Lines files")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--python", default=sys.executable, help="the projects' interpreter, with pytest")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> Iterator[dict[str, str]]:
    """By chance, the same for the same seed; a larger limit only adds."""
    for name in options.sets.split(","):
        found = list(tasks(options.tasks / f"{name}.jsonl", 10_000))
        if options.every:
            yield from found[:: options.every]
            continue
        random.Random(f"{options.seed} {name}").shuffle(found)
        yield from found[: options.limit]


def answers(task: dict[str, str], forms: dict[str, Form], python: Interpreter, model: LlamaModel) -> Iterator[Row]:
    if not forms:
        return
    with project_of(task, python) as project, open_session(project, trusted=True) as session:
        suite = run_suite(session, (), Stop())
        case = open_case(session, suite, gather(session, suite, suite.failing[0], Stop()))
        for name, form in forms.items():
            yield answer(task, case, name, form, model, project)


@contextmanager
def project_of(task: dict[str, str], python: Interpreter) -> Generator[Project]:
    folder = Path(tempfile.mkdtemp(prefix="task-")).resolve()
    try:
        (folder / "solution.py").write_text(task["source"])
        (folder / "test_solution.py").write_text(task["visible_tests"])
        yield Project(folder, python)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def answer(task: dict[str, str], case: Case, name: str, form: Form, model: LlamaModel, project: Project) -> Row:
    (target,) = case.targets(most=1)
    asked = form.ask(repair(target), target, case.suspects)
    sampling = sampling_for(target, 1, 0.0, 0, form.opening(target))
    sampling = replace(sampling, stop=form.stop, python=form.python)
    model.sample(asked, replace(sampling, max_tokens=1), Stop())
    begun = time.perf_counter()
    (completion,) = model.sample(asked, sampling, Stop())
    seconds = time.perf_counter() - begun
    data, trouble = b"", ""
    try:
        data = form.apply(completion.text, target, case.suspects)
    except Unusable as error:
        trouble = str(error)
    applied = bool(data) and data != target.source.data
    plausible, correct = scored(task, data, project) if applied else (False, False)
    ends = (applied, plausible, correct, trouble, completion.text)
    return Row(task["id"], name, completion.tokens, round(seconds, 2), *ends)


def scored(task: dict[str, str], data: bytes, project: Project) -> tuple[bool, bool]:
    """Whether the visible tests pass with this file, and the hidden ones too; the file is put back."""
    before = (project.root / "solution.py").read_bytes()
    try:
        (project.root / "solution.py").write_bytes(data)
        (project.root / "test_hidden_tests.py").write_text(task["hidden_tests"])
        with open_session(project, trusted=True) as session:
            plausible = session.run(("test_solution.py",), limits=SCORING).status is Status.PASS
            return plausible, plausible and session.run(("test_hidden_tests.py",), limits=SCORING).status is Status.PASS
    finally:
        (project.root / "solution.py").write_bytes(before)
        (project.root / "test_hidden_tests.py").unlink(missing_ok=True)


def verdict(row: Row) -> str:
    if row.applied:
        return "correct" if row.correct else "plausible" if row.plausible else "applied"
    return row.trouble or "nothing changed"


def table(rows: list[Row], forms: list[str]) -> str:
    """Only tasks that were asked for in each of these forms."""
    asked = {row.task: sum(r.task == row.task and r.form in forms for r in rows) for row in rows}
    whole = [row for row in rows if asked[row.task] == len(forms)]
    lines = [f"\n| {'form':8} | n | applied | plausible | correct | tokens, mean | seconds, mean |", "|---" * 7 + "|"]
    for form in forms:
        mine = [row for row in whole if row.form == form]
        n = max(1, len(mine))
        counts = (len(mine), sum(r.applied for r in mine), sum(r.plausible for r in mine), sum(r.correct for r in mine))
        means = (sum(r.tokens for r in mine) / n, sum(r.seconds for r in mine) / n)
        lines.append(f"| {form:8} | " + " | ".join(map(str, counts)) + f" | {means[0]:.0f} | {means[1]:.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
