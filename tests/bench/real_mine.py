"""`make mine-real`: find real repair tasks in consecutive releases of pure-Python packages, for `make bench-real`.

For each package and each of its newest releases: the source changes since the release before, in hunks of at most
twelve lines; one of them is taken back, and the release's own suite runs. A task: tests that passed now fail, fail
again alone, and pass alone in the release as published. Nothing that could not be imported counts. Found tasks are
merged into real_manifest.json; what was tried is remembered in the cache, so that a stopped run goes on.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cattrs
from darner.engine.source import Source
from real_hunks import hunks
from real_sdists import CACHE, NoSdist, release, unpacked, versions
from real_suite import Outcomes, own_environment, run_tests, shared_environment
from real_tasks import Hunk, Release, Task, Whole, digest, read_manifest, taken_back, write_manifest

PACKAGES = (
    "more-itertools", "boltons", "humanize", "tabulate", "sqlparse", "tomlkit", "click", "attrs", "packaging",
    "cachetools", "jsonschema", "pyparsing", "mistune", "wcwidth", "inflect", "toolz", "python-dateutil",
    "sortedcontainers", "natsort", "parse", "furl", "glom", "bidict", "deepdiff", "textdistance", "python-slugify",
    "semver", "xmltodict", "markdown", "texttable", "prettytable", "wcmatch", "voluptuous", "schema", "marshmallow",
    "parso", "soupsieve", "isodate", "jmespath", "pyflakes", "pycodestyle", "tinycss2", "cssselect", "jinja2", "lark",
    "pyrsistent", "idna", "hyperlink", "python-dotenv", "jsonpatch", "jsonpointer", "simpleeval", "num2words", "arrow",
    "croniter", "intervaltree", "portion", "anytree", "markdown-it-py", "markdown2", "html2text", "w3lib", "validators",
    "email-validator", "icalendar", "asttokens", "dacite", "tomli", "configobj", "webcolors", "h11", "pyjwt",
    "mistletoe", "beautifulsoup4", "uritemplate", "dictdiffer", "munch", "dpath",
)  # fmt: skip
SLOWEST_S = 60.0
"""A release whose suite takes longer is left out."""
MOST_NAMED = 4
"""Failing tests that a task names; the run that finds them ends with them."""


@dataclass
class Notes:
    """What is known of one package; kept in the cache."""

    package: str
    versions: list[str]
    tried: list[str]
    """Hunks and releases that need no second look."""
    said: dict[str, str]
    """What a release gave; one that is named here needs no second look."""
    tasks: list[dict[str, Any]]
    unfit: str = ""
    """Why the package gives nothing at all."""

    @property
    def path(self) -> Path:
        return CACHE / "mined" / f"{self.package}.json"

    def write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(vars(self), indent=1) + "\n")


class Unfit(Exception):
    """The package's tests cannot be used here; says why."""


@dataclass(frozen=True)
class Pair:
    """Two consecutive releases, unpacked, and how the newer one's suite ends."""

    old: Release
    new: Release
    before: Path
    root: Path
    python: Path
    whole: Outcomes
    slowest: float
    """Seconds that a run of some of its tests may take."""


def main() -> int:
    options = parse_arguments()
    shared_environment()
    deadline = time.monotonic() + options.seconds
    with ThreadPoolExecutor(options.jobs) as pool:
        mined = (pool.submit(mine, package, options, deadline) for package in options.packages.split(","))
        for done in as_completed(list(mined)):
            merge(done.result())
    counted = Counter(task.new.package for task in read_manifest())
    print(f"{counted.total()} tasks from {len(counted)} packages: {dict(counted)}")
    return 0


def merge(found: Iterable[Task]) -> None:
    tasks = {task.id: task for task in (*read_manifest(), *found)}
    write_manifest(tasks.values(), platform.python_version())


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", default=",".join(PACKAGES))
    parser.add_argument("--most", type=int, default=6, help="tasks of each package")
    parser.add_argument("--pair", type=int, default=3, help="tasks of each release")
    parser.add_argument("--releases", type=int, default=8, help="newest releases that are looked at")
    parser.add_argument("--hunks", type=int, default=16, help="of each release that are tried")
    parser.add_argument("--seconds", type=float, default=86_400.0, help="of the whole run")
    parser.add_argument("--jobs", type=int, default=1, help="packages at a time")
    parser.add_argument("--slowest", type=float, default=SLOWEST_S, help="seconds of a suite")
    return parser.parse_args()


def mine(package: str, options: argparse.Namespace, deadline: float) -> list[Task]:
    """Every task that this package gave until now; none when time ran out before."""
    if time.monotonic() > deadline:
        return []
    notes = noted(package, options.releases)
    for new, old in pairwise(notes.versions):
        if notes.unfit or len(notes.tasks) >= options.most or time.monotonic() > deadline:
            break
        if new in notes.said:
            continue
        try:
            with tempfile.TemporaryDirectory(prefix="mine-") as folder:
                said = search(notes, old, new, Path(folder).resolve(), options, deadline)
        except Unfit as unfit:
            said = notes.unfit = str(unfit)
        print(f"{package} {old} -> {new}: {said or 'no time left; run again to go on'}", flush=True)
        if said:
            notes.said[new] = said
        notes.write()
    return cattrs.structure(notes.tasks, list[Task])


def noted(package: str, most: int) -> Notes:
    """What the cache holds, else a new page."""
    empty = Notes(package, [], [], {}, [])
    if empty.path.exists():
        return Notes(**json.loads(empty.path.read_text()))
    try:
        return replace(empty, versions=versions(package)[: most + 1])
    except NoSdist as none:
        print(none, flush=True)
        return empty


def search(notes: Notes, old: str, new: str, folder: Path, options: argparse.Namespace, deadline: float) -> str:
    """Try this release's hunks; what came of it, or nothing when time ran out. Raises Unfit."""
    try:
        newer, root = fetched(notes.package, new, folder)
        if not any(root.rglob("test*.py")) and not any(root.rglob("*_test.py")):
            raise Unfit("its source distribution holds no tests")
        older, before = fetched(notes.package, old, folder)
    except NoSdist as none:
        return str(none)
    found = list(hunks(before, root, notes.package))
    if not found:
        return "no small change of meaning"
    python = own_environment(root, notes.package, folder / "env")
    whole = run_tests(root, python, options.slowest)
    if whole is None:
        raise Unfit(f"its suite takes longer than {options.slowest:g} s, or breaks off")
    if whole.uncollected or len(whole.passed) < max(5, len(whole.failing)):
        told = f"{len(whole.passed)} tests pass and {len(whole.failing)} fail"
        raise Unfit(f"{told}, not collected: {', '.join(whole.uncollected[:3])}")
    pair = Pair(older, newer, before, root, python, whole, options.slowest)
    made = sum(task["id"].startswith(f"{notes.package}/{new}/") for task in notes.tasks)
    for hunk in found[: options.hunks]:
        if made >= options.pair:
            break
        if time.monotonic() > deadline:
            return ""
        made += tried(pair, hunk, notes)
    return f"{made} tasks of {len(found)} hunks; the suite takes {whole.seconds:.1f} s"


def fetched(package: str, version: str, folder: Path) -> tuple[Release, Path]:
    """One release and where it is unpacked. Raises NoSdist."""
    one = release(package, version, shared_environment())
    return one, unpacked(CACHE / one.sdist, folder / one.version)


def tried(pair: Pair, hunk: Hunk, notes: Notes) -> bool:
    """Whether the hunk makes a task that was not known."""
    name = f"{notes.package}/{pair.new.version}/{hunk.path}:{hunk.new[0]}"
    if name in notes.tried:
        return False
    task = judged(name, pair, hunk)
    notes.tried.append(name)
    if task is not None:
        notes.tasks.append(cattrs.unstructure(task))
        print(f"  {name}: {hunk.size} lines, {task.failing[0]}", flush=True)
    notes.write()
    return task is not None


def judged(name: str, pair: Pair, hunk: Hunk) -> Task | None:
    """The task, when tests fail with the hunk taken back: together, again alone, and only then."""
    file = pair.root / hunk.path
    good = file.read_bytes()
    bad = taken_back((pair.before / hunk.path).read_bytes(), good, hunk)
    try:
        file.write_bytes(bad)
        failing = in_order(fallen(pair, mentioning(pair, hunk, good)))
        again = fallen(pair, failing) if failing else frozenset[str]()
    finally:
        file.write_bytes(good)
    alone = run_tests(pair.root, pair.python, pair.slowest, failing) if again else None
    lasting = (nodeid for nodeid in failing if str(pair.root) not in nodeid)  # not named after the folder it stood in
    named = tuple(nodeid for nodeid in lasting if alone and nodeid in again & alone.passed)
    if not named:
        return None
    whole = Whole(len(pair.whole.passed), tuple(sorted(pair.whole.failing)), pair.whole.seconds)
    return Task(name, pair.old, pair.new, hunk, digest(bad), named, whole)


def mentioning(pair: Pair, hunk: Hunk, text: bytes) -> list[str]:
    """Test files that name the function of the hunk, or its module; every file when none does."""
    function = Source.parse(hunk.path, text).function_at(hunk.new[0])
    files = sorted({nodeid.split("::")[0] for nodeid in pair.whole.passed})
    for word in (function.qualname.split(".")[-1] if function else "", Path(hunk.path).stem):
        found = [path for path in files if word.strip("_") and word in (pair.root / path).read_text(errors="replace")]
        if found:
            return found
    return files


def fallen(pair: Pair, nodeids: Sequence[str]) -> frozenset[str]:
    """Tests that passed in the release and fail now; none when something could not be imported or time ran out."""
    most = MOST_NAMED + len(pair.whole.failing)
    limit = min(10.0 + 3 * pair.whole.seconds, pair.slowest)
    ended = run_tests(pair.root, pair.python, limit, nodeids, most)
    return frozenset() if ended is None or ended.uncollected else ended.failing & pair.whole.passed


def in_order(nodeids: Iterable[str]) -> list[str]:
    """Short names first: they are seldom the long parametrised ones."""
    return sorted(nodeids, key=lambda nodeid: (len(nodeid), nodeid))


if __name__ == "__main__":
    sys.exit(main())
