"""Which licence each installed package has, and whether it may be used beside Apache-2.0."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

_READ = """
import importlib.metadata as m, json
rows = {}
for d in m.distributions():
    i = d.metadata
    told = [c.split(" :: ")[-1] for c in i.get_all("Classifier") or () if c.startswith("License ::")]
    licence = i.get("License-Expression") or "; ".join(told) or (i.get("License") or "").split("\\n")[0]
    rows[i["Name"]] = [d.version, licence]
print(json.dumps(rows))
"""
_COMPATIBLE = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL-2\.0|Mozilla Public License 2\.0|Unlicense|HPND|Zlib"
)
"""Each of them may stand beside Apache-2.0; MPL-2.0 asks for the changed files of its own package only."""


def installed(python: Path) -> dict[str, tuple[str, str]]:
    """Version and licence, in the package's own words, of everything in an environment."""
    told = subprocess.run([str(python), "-c", _READ], check=True, capture_output=True, text=True).stdout
    rows: dict[str, list[str]] = json.loads(told)
    return {name: (version, licence or "not stated") for name, (version, licence) in sorted(rows.items())}


def incompatible(found: Mapping[str, tuple[str, str]]) -> list[str]:
    return [f"{name}: {licence}" for name, (_, licence) in found.items() if not _COMPATIBLE.search(licence)]
