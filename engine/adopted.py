"""Adapters that training found better: over which model file each goes, newest last. The engine uses the last.

One JSON file beside the models, `adapters/adopted.json`; an adapter itself is kept there under its SHA-256. That it
fits the base is checked where it is loaded (llama_adapter.py).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from . import catalogue
from .catalogue import models_folder, sha256_of
from .errors import BadEnvironment, BadInput
from .model import Form, Role

_Known = dict[str, list[dict[str, Any]]]


def adapters_of(base: Path) -> dict[Role, Path]:
    """The adopted adapter over this model file, by what it is for; none when there is none, or its file is gone.

    One that never learnt to explain leaves that to the bare model.
    """
    entry = _worn(base)
    if entry is None:
        return {}
    roles = (Role.REPAIRER, Role.AUDITOR) if entry.get("explains") is True else (Role.REPAIRER,)
    return dict.fromkeys(roles, _folder() / str(entry["file"]))


def form_of(base: Path) -> Form:
    """In which a repair is asked of this model file: as its adopted adapter was measured, else as itself was."""
    return _form(_worn(base), base)


def as_worn(base: Path, digest: str) -> tuple[bool, Form]:
    """Whether the adapter of this SHA-256 explains, and its form; without one, those of the bare model."""
    entry = next(
        (each for each in _entries(_read(), _key(base)) if digest and each.get("file") == f"{digest}.gguf"), None
    )
    return entry is not None and entry.get("explains") is True, _form(entry, base)


def _form(entry: Mapping[str, Any] | None, base: Path) -> Form:
    if entry is None:
        return catalogue.form_of(base)
    return Form.BRIEF if entry.get("form") == Form.BRIEF else Form.ENGINE  # earlier releases adopted in that alone


def _worn(base: Path) -> Mapping[str, Any] | None:
    """What is known of the newest adapter over `base`; None where there is none, or its file is gone."""
    known = _entries(_read(), _key(base))
    name = known[-1].get("file") if known else None
    return known[-1] if isinstance(name, str) and name and (_folder() / name).is_file() else None


def rival(base: Path, adapter: Path | None) -> str:
    """SHA-256 of the newest adapter over `base` beside `adapter`: what that has to beat. Empty for the bare model."""
    mine = f"{sha256_of(adapter)}.gguf" if adapter is not None else ""
    others = [name for name in _names(base) if name != mine]
    return Path(others[-1]).stem if others and (_folder() / others[-1]).is_file() else ""


def path_of(digest: str) -> Path:
    """The adopted adapter of this SHA-256."""
    return _folder() / f"{digest}.gguf"


def adopt(
    base: Path,
    base_sha256: str,
    adapter: Path,
    figures: Mapping[str, float],
    *,
    explains: bool = False,
    form: Form = Form.ENGINE,
) -> Path:
    """Use `adapter` over `base` from the next request on, and ask it in the form that it was measured in.

    `figures` say why, `explains` whether it learnt to.
    Raises BadInput when `base` is not the file that it was trained on, BadEnvironment on a full disk.
    """
    if not base.is_file() or sha256_of(base) != base_sha256:
        raise BadInput(f"{base} is not the file that the adapter was trained on; put that back, or train again.")
    digest = sha256_of(adapter)
    kept = _folder() / f"{digest}.gguf"
    known = _read()
    entry = {"file": kept.name, "base": base_sha256, "from": str(adapter.absolute()), "explains": explains}
    entry |= {"form": form, "figures": dict(figures)}
    earlier = [each for each in known.get(_key(base), []) if each.get("file") != kept.name]
    known[_key(base)] = [*earlier, entry]
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part")
        shutil.copyfile(adapter, part)
        os.replace(part, kept)
    except OSError as error:
        raise BadEnvironment(f"{kept} cannot be written ({error.strerror}); free some space.") from error
    _write(known)
    return kept


def roll_back(base: Path) -> Path | None:
    """Go back to the adapter before the present one, or to the bare model: None. Raises BadInput without any."""
    known = _read()
    history = known.get(_key(base), [])
    if not history:
        raise BadInput(f"No adapter was adopted for {base.name}; there is nothing to take back.")
    known[_key(base)] = history[:-1]
    _write(known)
    return adapters_of(base).get(Role.REPAIRER)


def forget_below(folder: Path) -> tuple[str, ...]:
    """Delete the adapters that were adopted from files below `folder`; the names of the bases that lost one."""
    known = _read()
    lost: dict[str, None] = {}
    for key in known:
        for entry in [each for each in _entries(known, key) if _is_below(folder, each)]:
            known[key].remove(entry)
            path_of(Path(str(entry["file"])).stem).unlink(missing_ok=True)
            lost[key.rpartition(" ")[0]] = None
    if lost:
        _write(known)
    return tuple(lost)


def _is_below(folder: Path, entry: Mapping[str, Any]) -> bool:
    return Path(str(entry.get("from", ""))).is_relative_to(folder)


def _entries(known: _Known, key: str) -> list[dict[str, Any]]:
    """A list that is damaged names none."""
    entries: object = known.get(key)
    found = cast(list[object], entries) if isinstance(entries, list) else []
    return [cast(dict[str, Any], each) if isinstance(each, dict) else {} for each in found]


def _names(base: Path) -> list[str]:
    """Files of the adapters over `base`, oldest first."""
    files = [each.get("file") for each in _entries(_read(), _key(base))]
    return [name if isinstance(name, str) else "" for name in files]


def _key(base: Path) -> str:
    """A model by its file's name and size: its hash would cost a second at every start."""
    try:
        return f"{base.name} {base.stat().st_size}"
    except OSError:
        return base.name


def _folder() -> Path:
    return models_folder() / "adapters"


def _read() -> _Known:
    """What was adopted; nothing when there is no list or it is damaged: the bare model always works."""
    try:
        found: object = json.loads((_folder() / "adopted.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return cast(_Known, found) if isinstance(found, dict) else {}


def _write(known: _Known) -> None:
    path = _folder() / "adopted.json"
    try:
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=".adopted.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(known, file, indent=2)
        if path.exists() and not _read():  # damaged: kept for whoever wants it back
            os.replace(path, path.with_name("adopted.damaged.json"))
        os.replace(part, path)
    except OSError as error:
        raise BadEnvironment(f"{path} cannot be written ({error.strerror}); free some space.") from error
