"""Good repairs in every style of test go the whole way: gate, trial, cold suite, mutated tests and split run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from darner.engine.case import open_case
from darner.engine.confirm import confirm
from darner.engine.evidence import gather
from darner.engine.search import allowed
from darner.engine.stop import Stop
from darner.engine.suite import Suite, run_suite
from darner.engine.types import Candidate, FileChange, Origin, Patch, Verdict
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import Control
from honest import CONFIG, CONFTEST, STYLES

SLICE = ("parametrised", "dataclass", "unittest", "capsys")
Bench = tuple[Session, Suite]


def lay_out(root: Path, names: Sequence[str]) -> Path:
    for folder in (root / "shop", root / "src", root / "tests"):
        folder.mkdir(parents=True)
    (root / "shop/__init__.py").touch()
    (root / "pytest.ini").write_text(CONFIG)
    (root / "tests/conftest.py").write_text(CONFTEST)
    for name in names:
        style = STYLES[name]
        (root / style.module(name)).write_text(style.code)
        module = style.module(name).removeprefix("src/").removesuffix(".py").replace("/", ".")
        text = style.test.replace("import M as m", f"import {module} as m").replace("from M ", f"from {module} ")
        if text:
            (root / f"tests/test_{name}.py").write_text(text.replace("'M.", f"'{module}."))
    return root.resolve()


def opened(root: Path, names: Sequence[str]) -> Iterator[Bench]:
    with open_session(lay_out(root, names), Path(sys.executable), trusted=True) as session:
        yield session, run_suite(session, (), Stop(600.0))


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    yield from opened(tmp_path_factory.mktemp("few") / "project", SLICE)


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    yield from opened(tmp_path_factory.mktemp("every") / "project", tuple(STYLES))


def through(bench: Bench, name: str) -> Verdict:
    """The good repair of one style, tried as a model's."""
    session, suite = bench
    style, stop = STYLES[name], Stop(600.0)
    path = style.module(name)
    nodeid = f"tests/test_{name}.py::{style.node}" if style.test else f"{path}::{style.node}"
    assert nodeid in suite.failing, suite.result(nodeid)
    case = open_case(session, suite, gather(session, suite, nodeid, stop))
    before = (session.root / path).read_bytes()
    after = style.code.replace(style.wrong, style.right)
    line = next(i for i, (a, b) in enumerate(zip(style.code.split("\n"), after.split("\n"), strict=False), 1) if a != b)
    patch = Patch((FileChange(path, before, after.encode()),))
    candidate = Candidate(patch, Origin.MODEL, "the good one", path=path, line=line)
    assert allowed(case, candidate)
    quick = case.trial.quick(candidate, stop)
    assert quick.target_passed, quick
    assert not quick.broken, quick
    return confirm(case, candidate, stop)


@pytest.mark.parametrize("name", SLICE)
def test_a_good_repair_is_not_refused(few: Bench, name: str) -> None:
    """Nor is it doubted, in these styles."""
    verdict = through(few, name)

    assert verdict.verified, verdict
    assert verdict.proof.believed, verdict.proof


@pytest.mark.slow
@pytest.mark.parametrize("name", STYLES)
def test_no_good_repair_is_refused_in_any_style(every: Bench, name: str) -> None:
    """A doubt is allowed, a refusal is not."""
    verdict = through(every, name)

    assert verdict.verified, verdict
    assert verdict.proof.control is not Control.FOOLED, verdict.proof
    print(f"\n{name}: {verdict.proof.assurance} {verdict.proof.control} {verdict.proof.split} {verdict.proof.reasons}")
