"""What a container's root file system is made of: nothing of ours, and nothing from a registry where that is possible.

On Linux the image is an empty tree whose links match this machine's; the system's folders, the interpreter and its
packages are shown in it read-only, at their own paths. Elsewhere (macOS) the interpreter is not a Linux program: an
image with the same Python version and the same packages is built once.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from .backend import Runtime
from .docker_engine import Engine
from .errors import SandboxError
from .places import SYSTEM_LINKS

_FOLDERS = ("usr", "etc", "tmp", "proc", "dev", "sys")
_ASK_PACKAGES = """
import importlib.metadata as m, platform, json
found = sorted({f"{d.name}=={d.version}" for d in m.distributions() if d.read_text("direct_url.json") is None})
print(json.dumps([platform.python_version(), found]))
"""


def ready_image(engine: Engine, runtime: Runtime) -> str:
    """The name of an image that `runtime` works in; makes it when the engine does not have it."""
    if sys.platform == "linux":
        return _empty(engine)
    return _built(engine, runtime)  # untested: needs a Mac


def _empty(engine: Engine) -> str:
    tar = _empty_tar()
    name = f"darner-empty:{hashlib.sha256(tar).hexdigest()[:12]}"
    if not engine.has_image(name):
        engine.import_image(name, tar)
    return name


def _empty_tar() -> bytes:
    """About 10 kB. The same bytes on the same machine, so that its hash names it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in _FOLDERS:
            tar.addfile(_entry(name, tarfile.DIRTYPE))
        for path in SYSTEM_LINKS:
            if os.path.islink(path):
                link = _entry(path[1:], tarfile.SYMTYPE)
                link.linkname = os.readlink(path)
                tar.addfile(link)
            elif os.path.isdir(path):
                tar.addfile(_entry(path[1:], tarfile.DIRTYPE))
    return buffer.getvalue()


def _entry(name: str, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = kind, 0o755
    return entry


def _built(engine: Engine, runtime: Runtime) -> str:
    """An image with the same Python and packages; `python` stands at the path it has on this machine."""
    done = subprocess.run(
        [str(runtime.python), "-c", _ASK_PACKAGES], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        raise SandboxError(f"The packages of {runtime.python} cannot be listed: {done.stderr.strip()[-200:]}")
    context = _build_context(done.stdout, runtime.python)
    name = f"darner-built:{hashlib.sha256(context).hexdigest()[:12]}"
    saved = Path.home() / f".cache/darner/{name.replace(':', '-')}.tar"
    if not engine.has_image(name) and saved.is_file():
        engine.load_image(saved.read_bytes())
    if not engine.has_image(name):
        engine.build_image(name, context)
    return name


def _build_context(listed: str, python: Path) -> bytes:
    version, packages = json.loads(listed)
    recipe = (
        f"FROM python:{'.'.join(version.split('.')[:2])}-slim\n"
        "COPY requirements.txt /requirements.txt\n"
        "RUN pip install --no-cache-dir --no-deps -r /requirements.txt\n"
        f'RUN mkdir -p "{python.parent}" && ln -sf "$(command -v python)" "{python}"\n'
    )
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, text in (("Dockerfile", recipe), ("requirements.txt", "\n".join(packages) + "\n")):
            entry = _entry(name, tarfile.REGTYPE)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()
