"""Where code comes from: the standard library, installed packages, or a folder that the user names; and its licence.

Only code under a permissive licence becomes training data, and every record says under which. A package's licence is
read from its metadata; a folder's is named by the user, who may name one of their own as SPDX does: `LicenseRef-Ours`.
"""

from __future__ import annotations

import re
import sysconfig
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from ..engine.errors import BadInput

PERMISSIVE = frozenset(
    (
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "PSF-2.0",
        "Python-2.0",
        "Unlicense",
        "Zlib",
    )
)
_OWN = "LicenseRef-"
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
_FIELDS = ("License-Expression", "Classifier", "License")
_NOT_SOURCE = frozenset(
    ("test", "tests", "idlelib", "lib2to3", "site-packages", "__pycache__", "node_modules", "build")
)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Python files below one folder, all under one licence."""

    root: Path
    licence: str
    """SPDX expression; empty when none is known."""
    name: str = ""
    """Of a package, which stands in front of each origin."""
    files: tuple[Path, ...] = ()

    def origin(self, path: Path) -> str:
        place = path.relative_to(self.root).as_posix()
        return f"{self.name}:{place}" if self.name else place


def standard_library() -> Corpus:
    root = Path(sysconfig.get_path("stdlib"))
    return Corpus(root, "PSF-2.0", files=_below(root))


def folder(root: Path, licence: str) -> Corpus:
    """Raises BadInput: not a folder, without Python files, or no licence that may be learnt from."""
    if not root.is_dir():
        raise BadInput(f"{root} is not a folder; name one that holds Python files.")
    if not licence:
        raise BadInput('Every seed records its licence: set the folder\'s in [seeds], as licence = "MIT".')
    if not permitted(licence):
        raise BadInput(
            f"{licence} is not a permissive licence known here ({', '.join(sorted(PERMISSIVE))}); "
            "name your own code's as LicenseRef-Ours."
        )
    root = root.resolve()
    files = _below(root)
    if not files:
        raise BadInput(f"{root} holds no Python file outside tests and hidden folders; name another folder.")
    return Corpus(root, licence, files=files)


def package(name: str) -> Corpus:
    """An installed distribution. Raises BadInput when it is not installed."""
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise BadInput(f"The package {name} is not installed here; install it, or take it out of [seeds].") from None
    root = Path(str(found.locate_file(""))).resolve()
    listed = (path for path in found.files or () if path.suffix == ".py" and _is_source(Path(path)))
    files = sorted(path for each in listed if (path := Path(str(each.locate())).resolve()).is_file())
    inside = tuple(path for path in files if path.is_relative_to(root))
    return Corpus(root, _licence_of(found.metadata), found.metadata["Name"], inside)


def permitted(licence: str) -> bool:
    """An SPDX expression of which one alternative is permissive in all its parts."""
    alternatives = re.split(r"\s+OR\s+", licence.replace("(", " ").replace(")", " ").strip())
    return any(all(_permissive(part) for part in re.split(r"\s+AND\s+", each)) for each in alternatives)


def _permissive(part: str) -> bool:
    return part.strip() in PERMISSIVE or part.strip().startswith(_OWN)


def _licence_of(described: metadata.PackageMetadata) -> str:
    """From the metadata: the SPDX expression, else the classifiers, else the old field where it is an SPDX name."""
    fields = {name: [str(each) for each in described.get_all(name) or ()] for name in _FIELDS}
    classifiers = [each.rsplit(" :: ", 1)[-1] for each in fields["Classifier"] if each.startswith("License ::")]
    known = " AND ".join(_CLASSIFIERS.get(each, each) for each in classifiers)
    old = " ".join(each for each in fields["License"] if each in PERMISSIVE)
    return " ".join(fields["License-Expression"]) or known or old


def _below(root: Path) -> tuple[Path, ...]:
    """Python files in a stable order, without tests, installed packages and hidden folders."""
    return tuple(sorted(p for p in root.rglob("*.py") if p.is_file() and _is_source(p.relative_to(root))))


def _is_source(path: Path) -> bool:
    return not any(part in _NOT_SOURCE or part.startswith((".", "test_")) for part in path.parts)
