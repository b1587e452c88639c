"""A real project laid out as its developer has it, and its own tests run by plain pytest.

One environment holds what all the packages' tests need (real_requirements.txt, every version pinned). Each project gets
a thin one of its own on top, as an editable install would leave it: the project's sources, then the shared packages.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from real_sdists import CACHE
from real_tasks import HERE, digest

REQUIREMENTS = HERE / "real_requirements.txt"
_PACKAGES = Path("lib") / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
_PLUGIN = "real_outcomes"


@dataclass(frozen=True)
class Outcomes:
    """How a run of the suite ended."""

    passed: frozenset[str]
    failing: frozenset[str]
    uncollected: tuple[str, ...]
    """Files that could not be imported."""
    seconds: float


def shared_environment() -> Path:
    """The interpreter with everything that tests and builds of the packages need; made once for each list of pins."""
    folder = CACHE / f"env-{digest(REQUIREMENTS.read_bytes() + sys.version.encode())[:12]}"
    done = folder / "done"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.EnvBuilder(symlinks=True).create(folder)
        command = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "-q"]
        subprocess.run([*command, "--no-deps", "-r", str(REQUIREMENTS)], check=True, stdin=subprocess.DEVNULL)
        done.touch()
    return folder / "bin" / "python"


def own_environment(root: Path, package: str, folder: Path) -> Path:
    """A thin environment for the project at `root`; its interpreter."""
    venv.EnvBuilder(symlinks=True).create(folder)
    packages = folder / _PACKAGES
    sources = next((root / name for name in ("src", "lib") if (root / name).is_dir()), root)
    shared = shared_environment().parents[1] / _PACKAGES
    (packages / "project.pth").write_text(f"{sources}\n{shared}\n")
    shutil.copy(HERE / f"{_PLUGIN}.py", packages)
    told = packages / f"{package.replace('-', '_')}-0.dist-info"
    told.mkdir()
    if (root / "PKG-INFO").exists():  # packages ask for their own version
        shutil.copy(root / "PKG-INFO", told / "METADATA")
    for name in root.glob("**/*.egg-info/entry_points.txt"):
        shutil.copy(name, told)
    return folder / "bin" / "python"


def run_tests(root: Path, python: Path, limit: float, nodeids: Sequence[str] = (), most: int = 0) -> Outcomes | None:
    """The whole suite by plain pytest, or some of it; None when it takes longer than `limit` seconds or breaks off.

    `most`: ends after so many failures; 0 for all of them.
    """
    written = root.parent / "outcomes.json"
    written.unlink(missing_ok=True)
    command = [str(python), "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", _PLUGIN]
    command += ["--continue-on-collection-errors", f"--maxfail={most}", *nodeids]
    fixed = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "DARNER_OUTCOMES": str(written), "LANG": "C.UTF-8"}
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")} | fixed
    began = os.times().elapsed
    process = subprocess.Popen(
        command, cwd=root, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return _read(written, os.times().elapsed - began) if written.exists() else None


def _read(written: Path, seconds: float) -> Outcomes:
    told = json.loads(written.read_text())
    ended: dict[str, str] = told["ended"]
    by = {how: frozenset(name for name, one in ended.items() if one == how) for how in ("passed", "failed")}
    return Outcomes(by["passed"], by["failed"], tuple(told["uncollected"]), round(seconds, 2))
