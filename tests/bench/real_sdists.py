"""Source distributions by pip, kept in the cache: which versions there are, one archive, one unpacked tree."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from real_tasks import Release, digest

CACHE = Path.home() / ".cache" / "darner" / "bench"
_FINAL = re.compile(r"\d+(\.\d+)*(\.?post\d+)?")
_PIP = (sys.executable, "-m", "pip")


class NoSdist(Exception):
    """The release has no source distribution that can be used here; says which and why."""


def versions(package: str) -> list[str]:
    """Final releases for this Python, newest first."""
    command = [*_PIP, "index", "versions", package]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    listed = re.search(r"^Available versions: (.*)$", done.stdout, re.MULTILINE)
    if listed is None:
        raise NoSdist(f"pip knows no versions of {package}: {done.stderr.strip()[-300:]}")
    return [text for text in listed[1].split(", ") if _FINAL.fullmatch(text)]


def release(package: str, version: str, python: Path) -> Release:
    """The archive, in the cache from now on. `python`: an interpreter that has the usual build backends.

    pip asks the package for its metadata; an isolated environment for each would take longer than everything else.
    Raises NoSdist.
    """
    if (path := _cached(package, version)) is None:
        _download(package, version, python)
        path = _cached(package, version)
    if path is None:
        raise NoSdist(f"{package} {version} came under another name than its own.")
    return Release(package, version, path.name, digest(path.read_bytes()))


def _cached(package: str, version: str) -> Path | None:
    name = re.sub("[-_.]+", "-", package).lower()
    found = (path for path in CACHE.glob(f"*-{version}.*") if path.name.endswith((".tar.gz", ".zip")))
    return next((path for path in found if _named(path) == f"{name}-{version}"), None)


def _named(path: Path) -> str:
    """The file name with the project's part as the index writes it."""
    stem = path.name.removesuffix(".tar.gz").removesuffix(".zip")
    package, _, version = stem.rpartition("-")
    return f"{re.sub('[-_.]+', '-', package).lower()}-{version}"


def _download(package: str, version: str, python: Path) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        command = [*_PIP, "--python", str(python), "download", "-q", "--no-deps", "--no-binary", ":all:"]
        command += ["--no-build-isolation", f"{package}=={version}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        found = next((path for path in Path(folder).iterdir() if path.name.endswith((".tar.gz", ".zip"))), None)
        if found is None:
            raise NoSdist(f"{package} {version} was not downloaded: {done.stderr.strip()[-300:]}")
        found.replace(CACHE / found.name)


def archive(wanted: Release, python: Path) -> Path:
    """The archive that a task names, from the cache or downloaded. Raises NoSdist when its bytes are others."""
    path = CACHE / wanted.sdist
    if not path.exists():
        _download(wanted.package, wanted.version, python)
    if not path.exists() or digest(path.read_bytes()) != wanted.sha256:
        raise NoSdist(f"{path} is not the archive that the manifest names (SHA-256 {wanted.sha256}); remove it.")
    return path


def unpacked(path: Path, folder: Path) -> Path:
    """Unpack an archive into an empty folder; its one top folder."""
    folder.mkdir(parents=True)
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path) as packed:
            packed.extractall(folder)
    else:
        with tarfile.open(path) as packed:
            packed.extractall(folder, filter="data")
    return next(one for one in folder.iterdir() if one.is_dir())
