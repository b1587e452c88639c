"""What the user's interpreter needs to be readable inside a sandbox, asked of the interpreter itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from .backend import TOOLS, Runtime
from .errors import SandboxError

_ASK_RUNTIME = """
import importlib.util, json, os, py_compile, sys
folders = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix]
folders += [os.path.dirname(os.path.realpath(sys.executable)), os.path.dirname(sys.executable)]
folders += [p for p in sys.path if p]
for finder in sys.meta_path:
    known = getattr(sys.modules.get(getattr(finder, "__module__", "") or ""), "MAPPING", None)
    folders += list(known.values()) if isinstance(known, dict) else []
tools = sys.argv[1]
for name in os.listdir(tools):
    file = os.path.join(tools, name)
    try:
        kept = importlib.util.cache_from_source(file)
        if name.startswith(("child", "probe")) and not os.path.exists(kept):
            py_compile.compile(file, quiet=2)
    except Exception:
        break
print(json.dumps([f for f in dict.fromkeys(map(os.path.abspath, folders)) if os.path.exists(f)]))
"""

_RUNTIME_S = 30


def ask_runtime(python: Path) -> subprocess.Popen[str]:
    """Begins; the backends are examined meanwhile.

    Of what each fork server loads it leaves the bytecode in our own folder, where that can be written: once for each
    Python, instead of 50 ms at every start.
    """
    command = [str(python), "-B", "-c", "import sys; sys.path[:] = [p for p in sys.path if p]\n" + _ASK_RUNTIME]
    command.append(str(TOOLS))
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, stdin=subprocess.DEVNULL, cwd="/")


def answered(python: Path, asked: subprocess.Popen[str]) -> Runtime:
    try:
        said, complaint = asked.communicate(timeout=_RUNTIME_S)
    except subprocess.TimeoutExpired as error:
        asked.kill()
        raise SandboxError(f"The interpreter {python} did not answer within {_RUNTIME_S} s.") from error
    if asked.returncode != 0:
        raise SandboxError(f"The interpreter {python} does not run: {complaint.strip()[-200:]}")
    return Runtime(python, tuple(Path(folder) for folder in json.loads(said)))
