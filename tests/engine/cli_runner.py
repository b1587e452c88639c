"""Runs the real command line on small real projects, with its own temporary, state and model folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"
COMMAND = (sys.executable, "-P", "-m", "darner.engine.cli")


@dataclass(frozen=True)
class Ended:
    words: tuple[str, ...]
    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """What was printed, which is held to the schema that users are given."""
        printed = json.loads(self.out)
        command = "-".join(self.words[: 2 if self.words[0] in ("model", "trace") else 1])
        schema = json.loads((SCHEMAS / f"darner-{command}.json").read_text("utf-8"))
        Draft202012Validator(schema).validate(printed)  # pyright: ignore[reportUnknownMemberType]
        return printed

    def failures(self) -> dict[str, dict[str, Any]]:
        return {failure["nodeid"]: failure for failure in self.json()["failures"]}


class Bench:
    """A project under `root`; everything that the command writes elsewhere stays under `home`."""

    def __init__(self, home: Path, name: str = "project") -> None:
        self.home = home
        self.root = home / name
        self.root.mkdir(parents=True)
        self.tmp = home / "tmp"
        self.tmp.mkdir()
        self.around: tuple[str, ...] = ()
        """A command that starts the command, as in `bwrap ... --`: another view of the file system."""

    def write(self, files: Mapping[str, str | bytes]) -> Bench:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).lstrip("\n").encode())
        return self

    def environment(self) -> dict[str, str]:
        own = {
            "TMPDIR": str(self.tmp),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "DARNER_MODELS": str(self.home / "models"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "NO_COLOR": "1",
        }
        return {**os.environ, **own}

    def start(self, *words: str, folder: Path | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            (*self.around, *COMMAND, *words),
            cwd=folder or self.root,
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def darner(self, *words: str, folder: Path | None = None) -> Ended:
        with self.start(*words, folder=folder) as process:
            out, err = process.communicate(timeout=300)
        return Ended(words, process.returncode, out, err)

    def fix(self, *words: str, folder: Path | None = None) -> Ended:
        """`fix` by search alone, with a roomy budget, in this interpreter, trusted where nothing confines."""
        given = ("fix", *words, "--no-model", "--trust", "--python", sys.executable)
        return self.darner(*given, *(() if "--budget" in words else ("--budget", "60")), folder=folder)

    def snapshot(self) -> dict[str, tuple[bytes, int]]:
        """Bytes and mode of every file of the project."""
        files = (p for p in self.root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        return {str(p.relative_to(self.root)): (p.read_bytes(), p.stat().st_mode) for p in files}

    def leftovers(self) -> list[str]:
        return [path.name for path in self.tmp.iterdir() if path.name.startswith("darner-")]


CART = {
    "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['.']\n",
    "cart.py": """
        def free_shipping(total):
            \"\"\"Whether an order of so many euros travels free: from 50 euros on.\"\"\"
            return total > 50


        def label(total):
            return f"{total} euros"
        """,
    "test_cart.py": """
        import pytest
        from cart import free_shipping, label


        @pytest.mark.parametrize(("total", "free"), [(0, False), (49, False), (51, True), (80, True)])
        def test_both_sides(total, free):
            assert free_shipping(total) is free


        def test_at_the_limit():
            assert free_shipping(50) is True


        def test_label():
            assert label(3) == "3 euros"
        """,
}
"""One failing test whose repair is a single edit (`>` to `>=`), and five tests that pin everything else."""
