"""`make bench-stated`: every value, name and line that explanations of the development tasks state was recorded.

A fact is read by its form (`FORMS`), and each part is looked up whole among what the probe recorded: a value equals a
recorded one, or its beginning where it ends in `…`; a place is a line of a file that holds the code beside it. A fact
of no known form fails. With `--model`, the sentences that were kept of its prose are held, by whole tokens, against
the same records and the sources. Ends with 1 when anything was stated that nobody saw.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, cast

from darner.engine.case import Case, open_case
from darner.engine.cli_model import open_model
from darner.engine.evidence import gather
from darner.engine.explain import write_prose
from darner.engine.model import Model
from darner.engine.project import Interpreter, Project, find_interpreter
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.support import Seen, unsupported
from darner.engine.trial import open_session
from darner.engine.types import Evidence
from localise import p95
from repair import HERE, SETS, TASKS, commit, machine, tasks

_CALL, _OTHER = (rf"`(?P<call{number}>\w[\w.<>]*\(.*?\))`" for number in ("", "2"))
_PLACE = r"(?P<place>[\w./-]+:\d+)"
FORMS = [
    re.compile(form, re.DOTALL)
    for form in (
        r"the test expects (?P<value>.*), and got (?P<value2>.*)",
        r"the test needs `(?P<sides>.*)` to be true",
        r"(?P<exception>\w+) was raised: (?P<message>.*)",
        rf"{_CALL} returned (?P<value>.*); the test compares `(?P<sides>.*)`\.",
        rf"(?:in a passing test )?{_CALL} (?:returned (?P<value>.*)|raised (?P<exception>\w+)|did not return)",
        rf"{_PLACE} in (?P<name>\S+): `(?P<code>.*)`",
        rf"{_PLACE} `(?P<code>.*)` (?:returned (?P<value>.*)|wrote (?P<pairs>.*?)(?: last)?)",
        r"(?P<said>\w+ here: .*)",
        rf"a hypothesis: your edit did it, for {_PLACE} raised, and you changed it since .*",
        rf"{_PLACE} in (?P<name>\S+): `(?P<code>.*)` raised (?P<exception>\w+?)(?:: (?P<message>.*))?,"
        r" and (?:the same function|`(?P<name2>.*)`) caught it",
        r"there (?P<pairs>.*)",
        rf"{_CALL} goes another way than the passing {_OTHER} (?:at its start|after {_PLACE}"
        r" `(?P<code>.*?)`)(?: with (?P<pairs>.*))?: to (?:line (?P<line>\d+)|its end),"
        r" there to (?:line (?P<line2>\d+)|its end)",
        r"The test compares `(?P<sides>.*)`, and that does not hold\.",
        rf"The test (?:does not end: it was interrupted|uses up all .*: it ran out) in {_PLACE}\.",
        r"An assertion does not hold: (?P<message>.*)",
        rf"(?P<exception>\w+) in {_PLACE}(?:: (?P<message>.*))?",
    )
]
_OPERATORS = ("==", "!=", "<=", ">=", "<", ">", "is not", "is", "not in", "in")
_ARGUMENT, _PAIR = re.compile(r", (?=[^\W\d]\w*=)"), re.compile(r", (?=[^\W\d][\w.]* = )")


@dataclass(frozen=True)
class Recorded:
    """What the probe said of one failing test and the tests beside it, and the sources."""

    texts: frozenset[str]
    sources: dict[str, list[str]]

    @staticmethod
    def of(evidence: Evidence, sources: dict[str, str]) -> Recorded:
        texts = frozenset(_texts((evidence.failing, evidence.passing)))
        first = {text.strip().splitlines()[0] for text in texts if text.strip()}
        return Recorded(texts | first, {path: text.splitlines() for path, text in sources.items()})

    def holds(self, text: str) -> bool:
        if text.endswith("…"):
            return text in self.texts or any(known.startswith(text[:-1]) for known in self.texts)
        return text in self.texts

    def seen(self) -> Seen:
        every = [line for lines in self.sources.values() for line in lines]
        places = range(1, max(map(len, self.sources.values())) + 1)
        return Seen.of((*self.texts, *every, *self.sources), places)


@dataclass(frozen=True)
class Row:
    task: str
    stated: int
    """Values, names and places."""
    false: tuple[str, ...]
    seconds: float
    """Evidence and ranking."""
    prose: str


def main() -> int:
    options = parse_arguments()
    print(f"{machine()}; commit {commit()}; model {options.model or 'none'}", flush=True)
    rows: list[Row] = []
    with ExitStack() as opened:
        model = open_model(options.model, wanted=bool(options.model))
        model = opened.enter_context(closing(model)) if model is not None else None
        python = find_interpreter(HERE, options.python)
        for name in options.sets.split(","):
            for task in tasks(options.tasks / f"{name}.jsonl", options.limit):
                rows.append(examine(task, python, model))
                print(line(rows[-1]), flush=True)
    print(summary(rows))
    return int(any(row.false for row in rows))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="whose prose is checked too; none when it is not named")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--limit", type=int, default=10_000, help="tasks of each set")
    parser.add_argument("--tasks", type=Path, default=TASKS, help="folder of the JSON Lines files")
    parser.add_argument("--python", default=sys.executable, help="the projects' interpreter, with pytest")
    return parser.parse_args()


def examine(task: dict[str, str], python: Interpreter, model: Model | None) -> Row:
    folder = Path(tempfile.mkdtemp(prefix="task-")).resolve()
    sources = {"solution.py": task["source"], "test_solution.py": task["visible_tests"]}
    try:
        for path, text in sources.items():
            (folder / path).write_text(text)
        with open_session(Project(folder, python), trusted=True) as session:
            suite = run_suite(session, (), Stop())
            began = time.monotonic()
            evidence = gather(session, suite, suite.failing[0], Stop())
            case = open_case(session, suite, evidence)
            seconds = time.monotonic() - began
        recorded = Recorded.of(evidence, sources)
        stated = [
            part for fact in (case.explanation.summary, *case.explanation.facts) for part in parts(fact, recorded)
        ]
        prose = written(case, model)
        false = (*(text for text, held in stated if not held), *unsupported(prose, recorded.seen()))
        return Row(task["id"], len(stated), false, round(seconds, 3), prose)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def written(case: Case, model: Model | None) -> str:
    targets = case.targets(most=1) if model is not None else []
    return write_prose(model, targets[0], None, Stop()) if model is not None and targets else ""


def parts(fact: str, recorded: Recorded) -> Iterator[tuple[str, bool]]:
    """What a fact states, and whether that was recorded."""
    found = next((match for form in FORMS if (match := form.fullmatch(fact))), None)
    if found is None:
        yield fact, False
        return
    for name, text in found.groupdict().items():
        if text is not None:
            yield from _READERS[name.rstrip("2")](text, recorded)
    if "code" in found.groupdict() and found["code"] is not None:
        yield f"{found['place']} `{found['code']}`", _stands(found["place"], found["code"], recorded)


def _value(text: str, recorded: Recorded) -> Iterator[tuple[str, bool]]:
    yield text, recorded.holds(text)


def _sides(text: str, recorded: Recorded) -> Iterator[tuple[str, bool]]:
    """Two recorded values, and a comparison between them."""
    cuts = (re.split(rf" {operator} ", text) for operator in _OPERATORS)
    yield text, any(len(cut) == 2 and all(map(recorded.holds, cut)) for cut in cuts)


def _pairs(text: str, recorded: Recorded) -> Iterator[tuple[str, bool]]:
    for pair in _PAIR.split(text):
        name, _, value = pair.partition(" = ")
        yield pair, recorded.holds(name) and recorded.holds(value)


def _call(text: str, recorded: Recorded) -> Iterator[tuple[str, bool]]:
    function, _, inside = text[:-1].partition("(")
    yield function, recorded.holds(function)
    for argument in _ARGUMENT.split(inside) if inside else ():
        name, _, value = argument.partition("=")
        yield argument, recorded.holds(name) and recorded.holds(value)


def _line(text: str, recorded: Recorded) -> Iterator[tuple[str, bool]]:
    yield f"line {text}", any(0 < int(text) <= len(lines) for lines in recorded.sources.values())


def _place(text: str, recorded: Recorded) -> Iterator[tuple[str, bool]]:
    path, _, number = text.rpartition(":")
    yield text, 0 < int(number) <= len(recorded.sources.get(path, []))


def _said(text: str, recorded: Recorded) -> Iterator[tuple[str, bool]]:
    """A sentence of meaning.py: its values, names and lines by whole tokens."""
    wrong = list(unsupported(text, recorded.seen()))
    yield text, not wrong


def _code(_text: str, _recorded: Recorded) -> Iterator[tuple[str, bool]]:
    """Held against the line of its place."""
    return iter(())


_READERS: dict[str, Callable[[str, Recorded], Iterator[tuple[str, bool]]]] = {
    **dict.fromkeys(("value", "message", "exception", "name"), _value),
    "sides": _sides,
    "pairs": _pairs,
    "call": _call,
    "line": _line,
    "place": _place,
    "said": _said,
    "code": _code,
}


def _stands(place: str, code: str, recorded: Recorded) -> bool:
    path, _, number = place.rpartition(":")
    lines = recorded.sources.get(path, [])
    return 0 < int(number) <= len(lines) and " ".join(lines[int(number) - 1].split()).startswith(" ".join(code.split()))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in cast("tuple[Any, ...]", value):
            yield from _texts(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name))


def line(row: Row) -> str:
    false = f"  NOT SEEN: {'; '.join(row.false)}" if row.false else ""
    return f"{row.task:40} {row.stated:4} stated  {row.seconds:5.2f} s{false}  {row.prose}".rstrip()


def summary(rows: list[Row]) -> str:
    seconds = sorted(row.seconds for row in rows)
    clean = sum(not row.false for row in rows)
    stated, false, told = sum(row.stated for row in rows), sum(len(row.false) for row in rows), _told(rows)
    return (
        f"{clean} of {len(rows)} explanations state nothing that was not recorded; {stated} values, names and places of"
        f" facts{told}, {false} not recorded; evidence and ranking {seconds[len(seconds) // 2]:.2f} s in the median,"
        f" p95 {p95(seconds):.2f} s"
    )


def _told(rows: Iterable[Row]) -> str:
    count = sum(bool(row.prose) for row in rows)
    return f" and the prose of {count}" if count else ""


if __name__ == "__main__":
    sys.exit(main())
