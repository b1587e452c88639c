"""What decides an output, and the account of it that stands beside: inputs' hashes, settings, seed, model, counts.

OUT, OUT's manifest      made; true as long as the job is the same and the output's hash is what the manifest says
OUT.partial              begun: a file (a line a unit) or a folder (with `begun.json` in it)
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..engine.errors import BadEnvironment
from .shape import shaped
from .types import Manifest

BEGUN = "begun.json"
"""In the folder of a file stage: what decides it."""
SCRATCH = "checkpoints"
"""Folders, anywhere in that of a file stage, that are no part of its output: they go when the whole is in place."""


@dataclass(frozen=True, slots=True)
class Job:
    """What decides an output, and where it goes."""

    stage: str
    inputs: Mapping[str, str]
    """SHA-256 by name."""
    settings: Mapping[str, Any]
    output: Path
    seed: int = 0
    model: str = ""
    """Name and SHA-256 of the model; empty for work without one."""

    @property
    def deciders(self) -> dict[str, Any]:
        """Everything that the output depends on, by the name a person knows it by."""
        inputs = {f"input {name}": digest for name, digest in self.inputs.items()}
        plain = json.loads(json.dumps(dict(self.settings)))
        return {**inputs, **plain, "run.seed": self.seed, "model": self.model}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def finished(job: Job) -> Manifest | None:
    """The manifest of this very job, when its output still is what it says."""
    manifest = manifest_of(job.output)
    if manifest is None or deciders_of(manifest) != job.deciders:
        return None
    return manifest if digest_of(job.output) == manifest.output_sha256 else None


def changes(job: Job) -> tuple[str, ...]:
    """What differs between this job and the one that made, or began, what stands at its output, or in that itself."""
    manifest = manifest_of(job.output)
    before = deciders_of(manifest) if manifest is not None else begun(job.output)
    if before is None:
        return ()
    names = [name for name in {**before, **job.deciders} if before.get(name) != job.deciders.get(name)]
    if not names and manifest is not None and digest_of(job.output) not in ("", manifest.output_sha256):
        return (f"{job.output.name} was altered by hand",)
    return tuple(_difference(name, before.get(name), job.deciders.get(name)) for name in names)


def begun(output: Path) -> dict[str, Any] | None:
    """What decides the job that stands unfinished beside `output`; None without one."""
    partial = partial_of(output)
    try:
        with (partial / BEGUN if partial.is_dir() else partial).open(encoding="utf-8") as file:
            return json.loads(file.readline())["job"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove_scratch(output: Path) -> None:
    for path in list(output.rglob(SCRATCH)):
        shutil.rmtree(path, ignore_errors=True)


def remove(output: Path) -> None:
    """What stands of a job, so that it is begun anew."""
    for path in (manifest_path(output), output, partial_of(output), shares_of(output)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def writing(output: Path) -> Generator[None]:
    """Turns what the disk refuses into a sentence."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise BadEnvironment(f"{output} cannot be written ({why}); free the disk, or pass another --folder.") from error


def manifest_of(output: Path) -> Manifest | None:
    """The manifest beside an output, if it is one."""
    try:
        return shaped(Manifest, json.loads(manifest_path(output).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def deciders_of(manifest: Manifest) -> dict[str, Any]:
    made_by = Job(manifest.stage, manifest.inputs, manifest.settings, Path(), manifest.seed, manifest.model)
    return made_by.deciders


def digest_of(output: Path) -> str:
    """SHA-256 of a file, or of a folder's names and contents without its scratch; empty when there is nothing."""
    try:
        if output.is_dir():
            found = ((path, path.relative_to(output)) for path in output.rglob("*") if path.is_file())
            paths = sorted((path, inside) for path, inside in found if SCRATCH not in inside.parts)
            return sha256("".join(f"{inside} {_file_digest(path)}\n" for path, inside in paths).encode())
        return _file_digest(output)
    except OSError:
        return ""


def partial_of(output: Path) -> Path:
    return output.with_name(output.name + ".partial")


def shares_of(output: Path) -> Path:
    """The folder in which several workers fill shares of it (shares.py)."""
    return output.with_name(output.name + ".shares")


def manifest_path(output: Path) -> Path:
    return output.with_name(f"{output.stem}.manifest.json")


def manifest_for(
    job: Job,
    made: Path,
    versions: Mapping[str, str],
    *,
    units: int = 1,
    kept: int = 1,
    dropped: Mapping[str, int] | None = None,
    figures: Mapping[str, float] | None = None,
    seconds: float,
) -> Manifest:
    """The account of a job that has `made` its output."""
    return Manifest(
        stage=job.stage,
        inputs=dict(job.inputs),
        settings=json.loads(json.dumps(dict(job.settings))),
        seed=job.seed,
        model=job.model,
        versions=versions,
        units=units,
        kept=kept,
        dropped=dropped or {},
        figures=figures or {},
        seconds=round(seconds, 3),
        output=job.output.name,
        output_sha256=digest_of(made),
    )


def write_manifest(output: Path, manifest: Manifest) -> None:
    with replacing(manifest_path(output)) as write:
        write((json.dumps(asdict(manifest), indent=2, ensure_ascii=False) + "\n").encode())


@contextmanager
def replacing(path: Path) -> Generator[Callable[[bytes], object]]:
    """Write a file that takes its place at once, at the end: a reader sees the old one or the new one."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file.write
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _difference(name: str, before: object, now: object) -> str:
    if name.startswith("input "):
        return f"{name} has changed"
    return f"{name} was {_shown(before)}, is {_shown(now)}"


def _shown(value: object) -> str:
    return "not set" if value is None else str(value) or "none"
