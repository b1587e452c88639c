"""What the sandbox keeps from a test that the user's own shell would give it: then no edit of the code is a repair."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from ..sandbox.types import Failure
from ..sandbox.workspace import is_secret

_NO_NETWORK = ("Network is unreachable", "name resolution", "Name or service not known", "No address associated")
_OFTEN = "It may well pass outside, so no repair was sought."


def withheld(root: Path, failure: Failure | None, environment: Mapping[str, str] = os.environ) -> str:
    """One sentence when the failure comes from the confinement itself; empty when nothing says so."""
    if failure is None:
        return ""
    names = re.findall(r"'([^']+)'", failure.message)
    name = names[-1] if names else ""
    source = failure.frames[-1].source if failure.frames else ""
    if failure.exception == "KeyError" and "environ" in source and name in environment:
        return f"The test needs your environment variable {name}, which the sandbox does not pass on. {_OFTEN}"
    if failure.exception == "FileNotFoundError" and is_secret(Path(name).name) and _is_there(root, name):
        return f"The test needs {name}, which the sandbox keeps away because such files hold secrets. {_OFTEN}"
    if failure.exception == "FileNotFoundError" and Path(name).is_absolute() and Path(name).exists():
        return f"The test needs {name}, which the sandbox does not show. {_OFTEN}"
    if any(words in failure.message for words in _NO_NETWORK):
        return f"The test needs the network, which the sandbox does not have. {_OFTEN}"
    return ""


def _is_there(root: Path, name: str) -> bool:
    """A relative path, or the name anywhere on the way that the copy stands for."""
    return (root / name).exists() or (root / Path(name).name).exists()
