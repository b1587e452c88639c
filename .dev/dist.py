"""The files of a release, the same bytes from the same commit: sdist, wheel, and the extension where npm is."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EPOCH = 1_704_067_200
"""The one time of every entry, as in the extension's build."""


class ReleaseError(Exception):
    """One sentence: what is not fit to be released, and what to do."""


def build(out: Path) -> list[Path]:
    """sdist and wheel of what git tracks, the wheel from the sdist, as an installer would build it."""
    shutil.rmtree(out, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, "source"), Path(folder, "made")
        _copy_tracked(source)
        run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(made), str(source)])
        out.mkdir(parents=True)
        for path in sorted(made.iterdir()):
            shutil.move(path, out / path.name)
    for path in out.glob("*.tar.gz"):
        _normalise(path)
    return sorted(out.iterdir())


def build_extension(out: Path) -> Path | None:
    """The VS Code extension by its own script; None where npm is missing, which is the caller's to say."""
    if shutil.which("npm") is None:
        return None
    run(["make", "--no-print-directory", "vsix"])
    made = max((ROOT / "build" / "vscode").glob("darner-*.vsix"), key=lambda path: path.stat().st_mtime)
    return Path(shutil.copy(made, out / made.name))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _copy_tracked(target: Path) -> None:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        path = ROOT / name
        if path.is_file() and not path.is_symlink():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target / name)


def _normalise(path: Path) -> None:
    """setuptools writes the present time into a source archive, in three places, whatever it is told."""
    with tarfile.open(path) as archive:
        entries = [(info, archive.extractfile(info)) for info in sorted(archive.getmembers(), key=lambda i: i.name)]
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as clean:
            for info, content in entries:
                same = tarfile.TarInfo(info.name)
                same.type, same.size, same.mtime, same.mode = (
                    info.type,
                    info.size,
                    EPOCH,
                    0o755 if info.isdir() else 0o644,
                )
                clean.addfile(same, content)
    path.write_bytes(gzip.compress(plain.getvalue(), mtime=EPOCH))


def run(command: Sequence[str], cwd: Path = ROOT) -> str:
    """What it printed. Without PYTHON* of whoever started this, and raising ReleaseError with what it said."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    own = {**kept, "SOURCE_DATE_EPOCH": str(EPOCH)}
    done = subprocess.run(command, cwd=cwd, env=own, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"`{' '.join(command)}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
