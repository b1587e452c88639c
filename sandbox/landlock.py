"""The backend for systems that forbid namespaces: the same view of the machine, filtered by Landlock and seccomp.

What these two cannot limit is watched: processes, memory and disk are counted while a run lasts, its daemons are ended
with it, and shared memory and message queues are refused.
"""

from __future__ import annotations

from pathlib import Path

from .backend import Launch, Link, Report, Tier
from .link import ProcessLink
from .places import environment, places
from .selftest import tested
from .workspace import Workspace

_HOLDS = (
    "no network and no socket: nothing on this machine or elsewhere can be reached",
    "no file outside the throw-away copy, the interpreter and the system's read-only folders can be read",
    "no file outside the throw-away copy can be written",
    "no process outlives its run, and none of yours can be signalled",
    "none of your environment variables or secrets (.env, keys, credentials) are visible",
    "a system-call filter stands between a run and the kernel",
    "CPU time, memory, file size and wall-clock time are limited; processes and disk are watched",
)
_GAPS = (
    "the kernel, its list of processes and the names of your files are in sight, though not what they hold",
    "tests that open a socket, or share memory between processes, fail here",
    "a link that leads out of the project is an error to whoever follows it",
    "file modes, owners and times stay as they are: setting one does nothing",
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


class Landlock:
    """In the copy's own folder, because paths cannot be moved without a mount namespace."""

    name = "landlock"
    tier = Tier.FILTER

    def examine(self) -> Report:
        report = tested(self, _HOLDS, _GAPS)
        if not report.trouble and not report.landlock_abi:
            return Report(self.name, self.tier, "This kernel has no Landlock (Linux 5.13 and later have it).")
        return report

    def root(self, workspace: Workspace) -> Path:
        return workspace.tree

    def owner(self) -> int | None:
        return None

    def start(self, launch: Launch) -> Link:
        tree = launch.workspace.tree
        home = tree.parent / "home"
        home.mkdir(exist_ok=True)
        found = places(launch.workspace, launch.runtime)
        kept = [str(launch.workspace.root / name) for name in launch.workspace.kept_outside]
        jail = {
            "landlock": {
                "read": ["/proc", *(link for _, link in found.links), *found.shown, *kept, *_DEVICES],
                "write": [str(tree), str(home), "/dev/null"],
            },
            "shared": True,
            "filter": True,
            "tidied": str(home),
            "weighed": [str(tree), str(home)],
        }
        inside = environment({"HOME": str(home), "TMPDIR": str(home)})
        return ProcessLink(lambda fd: launch.words(tree, {"fd": fd, "jail": jail}), inside)
