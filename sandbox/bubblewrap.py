"""The backend of bubblewrap: the carrier where only it may make a user namespace (Ubuntu with AppArmor).

It is started with a clean environment, because it shows its own to the sandbox (/proc/1/environ), and with its
capabilities dropped, because as root it would keep them all.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from . import child_kernel, child_seccomp
from .backend import Launch, Link, Report, Tier
from .link import ProcessLink
from .places import TMP_BYTES, environment, places
from .selftest import tested
from .workspace import Workspace

_NAMESPACES = ("--unshare-user", "--unshare-all", "--new-session", "--cap-drop", "ALL", "--as-pid-1")
_HOLDS = (
    "no network, not even loopback to this machine",
    "no file outside the throw-away copy, the interpreter and the system's read-only folders can be read",
    "no file outside the throw-away copy and a private /tmp can be written",
    "no process outlives its run, and none of yours can be seen or signalled",
    "none of your environment variables or secrets (.env, keys, credentials) are visible",
    "a system-call filter, Landlock and no capabilities stand between a run and the kernel",
    "CPU time, memory, file size and wall-clock time are limited",
)
_GAPS = ("the kernel is shared", "what a run leaves in /tmp is seen by the next run of the same session")


class Bubblewrap:
    """The copy stands at the project's own path inside, so that every path stays true."""

    name = "bubblewrap"
    tier = Tier.NAMESPACES

    def examine(self) -> Report:
        if shutil.which("bwrap") is None:
            missing = "bubblewrap is not installed (on Debian or Ubuntu: apt install bubblewrap)."
            return Report(self.name, self.tier, missing)
        return tested(self, _HOLDS, _GAPS)

    def root(self, workspace: Workspace) -> Path:
        return workspace.root

    def owner(self) -> int | None:
        return None

    def start(self, launch: Launch) -> Link:
        around = _around(launch)
        inside = environment({"HOME": "/tmp/home", "TMPDIR": "/tmp/home"})
        root = launch.workspace.root
        setup = {
            "jail": {
                "landlock": {"read": ["/"], "write": [str(root), "/tmp", "/dev"]},
                "filter": True,
                "tidied": "/tmp/home",
                "weighed": [str(root), "/tmp"],
            }
        }
        with tempfile.TemporaryFile() as code:
            code.write(child_seccomp.program(child_kernel.machine(), shared=False, landlock_abi=0))
            code.seek(0)
            also = code.fileno()
            filtered = (*around, "--seccomp", str(also), "--")
            return ProcessLink(lambda fd: (*filtered, *launch.words(root, {"fd": fd, **setup})), inside, (also,))


def _around(launch: Launch) -> Sequence[str]:
    root, found = launch.workspace.root, places(launch.workspace, launch.runtime)
    words = ["bwrap", *_NAMESPACES]
    for text, link in found.links:
        words += ["--symlink", text, link]
    words += ["--proc", "/proc", "--dev", "/dev", "--size", str(TMP_BYTES), "--tmpfs", "/tmp", "--dir", "/tmp/home"]
    for path in found.shown:
        words += ["--ro-bind", path, path]
    words += ["--bind", str(launch.workspace.tree), str(root)]
    for path in found.kept:
        words += ["--ro-bind", path, path]
    return [*words, "--chdir", str(root)]
