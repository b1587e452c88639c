"""Make the environment in which Darner's server runs, from the wheel that lies beside this file.

    python3 create.py FOLDER

Run by the extension, in a terminal, after the user agreed. Uses pip, so pip's own settings (index, proxy) hold.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OLDEST = (3, 11)


def main(folder: str) -> int:
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
    pip = [os.path.join(folder, "bin", "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    if subprocess.call([*pip, "--constraint", str(HERE / "constraints.txt"), str(wheel)]) != 0:
        print("pip could not install the server; the lines above say why. Nothing else was changed.")
        return 1
    print("Done. Repairs are found by search; for a local model as well, install llama-cpp-python there:")
    print("   ", " ".join(pip), "--constraint", HERE / "constraints.txt", "llama-cpp-python")
    return 0


def suitable() -> str | None:
    """This Python or another on PATH that is new enough."""
    for python in (sys.executable, "python3.14", "python3.13", "python3.12", "python3.11"):
        check = f"import sys; sys.exit(sys.version_info < {OLDEST})"
        try:
            if subprocess.call([python, "-c", check], stderr=subprocess.DEVNULL) == 0:
                return python
        except OSError:
            continue
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
