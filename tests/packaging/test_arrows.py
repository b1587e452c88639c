"""What import-linter cannot say: which names from outside the standard library each folder may import."""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
OUTSIDERS = {
    "child_requests.py": {"pytest"},
    "child_pytest.py": {"pytest", "_pytest"},
    "probe.py": {"pytest"},
    "docker.py": {"docker"},
}
"""Files of `sandbox/` that may import something from outside, and what."""


def imports(path: Path) -> tuple[set[str], bool]:
    """Top-level names that a file imports anywhere, and whether it imports anything relatively."""
    names: set[str] = set()
    relative = False
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            relative = relative or node.level > 0
            names |= {node.module.split(".")[0]} if node.module and not node.level else set()
    return names, relative


def test_the_sandbox_needs_only_the_standard_library() -> None:
    """It runs in the user's interpreter, where nothing of ours is installed."""
    strangers = {
        path.name: extra
        for path in (ROOT / "sandbox").glob("*.py")
        if (extra := imports(path)[0] - sys.stdlib_module_names - OUTSIDERS.get(path.name, set()))
    }

    assert strangers == {}


@pytest.mark.parametrize("name", [*sorted(path.name for path in (ROOT / "sandbox").glob("child*.py")), "probe.py"])
def test_a_file_inside_the_sandbox_imports_nothing_of_ours(name: str) -> None:
    """These two are read by a Python that cannot import `darner`."""
    names, relative = imports(ROOT / "sandbox" / name)

    assert not relative
    assert "darner" not in names


@pytest.mark.parametrize("folder", ["lsp", "engine", "sandbox", "training"])
def test_package_code_imports_our_folders_relatively(folder: str) -> None:
    """Mixing `darner.engine` and `..engine` makes type checkers see two different classes."""
    absolute = [p.name for p in (ROOT / folder).glob("*.py") if "darner" in imports(p)[0]]

    assert absolute == []


def test_every_requirement_is_pinned_and_the_pin_satisfies_it() -> None:
    """`make setup` must install the same versions next year; a pin that drifted from pyproject.toml stops it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = _pins("constraints.txt") | _pins("constraints-train.txt") | _pins("constraints-docs.txt")
    pins["vllm"] = _pins("constraints-gpu.txt")["vllm"]  # in an environment of its own, with another transformers
    extras = project["optional-dependencies"]
    wanted = [Requirement(text) for text in [*project["dependencies"], *(r for e in extras.values() for r in e)]]

    missing = [str(r) for r in wanted if not r.specifier.contains(pins.get(canonicalize_name(r.name), "0"))]

    assert missing == []


def test_torch_is_pinned_only_for_training() -> None:
    """Repairing needs no torch, and its download is larger than everything else together."""
    assert "torch" not in _pins("constraints.txt")
    assert _pins("constraints-train.txt")["torch"] == "2.13.0"


def _pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {canonicalize_name(pair[0]): pair[1] for pair in pairs}
