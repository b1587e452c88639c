"""Make the environment in which Darner's server runs, from the wheel that lies beside this file.

    python3 create.py FOLDER [--model]

Run by the extension, in a terminal, after the user agreed. Uses pip, so pip's own settings (index, proxy) hold.
With `--model`, llama.cpp too: compiled for this machine, or taken from what `make setup` compiled before.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OLDEST = (3, 11)
NO_AMX = "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
"""Some virtual machines advertise these instructions, and trap them."""


def main(folder: str, *options: str) -> int:
    python = suitable()
    if python is None:
        print("Darner's server needs Python 3.11 or newer, and none was found; install one and try again.")
        return 3
    wheel = next(HERE.glob("darner-*.whl"), None)
    if wheel is None:
        print("This extension was built without the server; install Darner and set darner.serverPath.")
        return 3
    print("Making an environment in", folder, "with", python, flush=True)
    if subprocess.call([python, "-m", "venv", "--clear", folder]) != 0:
        print("The environment could not be made; on Debian and Ubuntu, install python3-venv and try again.")
        return 3
    if install(folder, str(wheel), {}) != 0:
        print("pip could not install the server; the lines above say why. Nothing else was changed.")
        return 1
    if "--model" in options and install(folder, "llama-cpp-python", compiling()) != 0:
        print("llama.cpp could not be compiled; the lines above say why. Repairs are found by search alone.")
        return 0
    print("Done.")
    return 0


def suitable() -> str | None:
    """This Python or another on PATH that is new enough."""
    check = f"import sys; sys.exit(sys.version_info < {OLDEST})"
    for python in (sys.executable, "python3.14", "python3.13", "python3.12", "python3.11"):
        try:
            if subprocess.call([python, "-c", check], stderr=subprocess.DEVNULL) == 0:
                return python
        except OSError:
            continue
    return None


def install(folder: str, what: str, environ: dict[str, str]) -> int:
    """pip's exit code. Only versions that Darner was tested with."""
    python = os.path.join(folder, "bin", "python")
    built = [f"--find-links={path.parent}" for path in cache().glob("**/llama_cpp_python-*.whl")]
    words = ["-m", "pip", "install", "--disable-pip-version-check", "--constraint", str(HERE / "constraints.txt")]
    return subprocess.call([python, *words, *built, what], env={**os.environ, **environ})


def compiling() -> dict[str, str]:
    """The user's own flags win: those for CUDA, Metal or Vulkan."""
    if "CMAKE_ARGS" in os.environ or platform.machine() not in ("x86_64", "AMD64"):
        return {}
    return {"CMAKE_ARGS": f"-DCMAKE_C_FLAGS='{NO_AMX}' -DCMAKE_CXX_FLAGS='{NO_AMX}' -DLLAMA_BUILD_TOOLS=OFF"}


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "darner" / "wheels"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
