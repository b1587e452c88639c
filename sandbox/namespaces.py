"""The backend of its own namespaces: nothing to install, an own view of the machine, and a layer for every run."""

from __future__ import annotations

import os
from pathlib import Path

from .backend import Launch, Link, Report, Tier
from .link import ProcessLink
from .places import LAYER_BYTES, TMP_BYTES, Places, environment, places
from .selftest import tested
from .workspace import Workspace

NOBODY = 65534
"""Who runs candidates when Darner runs as root: only for others than root does the kernel count processes."""
_TMP = f"mode=1777,size={TMP_BYTES},nr_inodes=20000"
_BELOW = "/tmp/.darner-below"
"""Where the fork server finds the project for the layers of its runs, whose own /tmp then hides it."""
_HOLDS = (
    "no network, not even loopback to this machine",
    "no file outside the throw-away copy, the interpreter and the system's read-only folders can be read",
    "what a run writes goes into a layer in memory and is gone with the run",
    "no process outlives its run, and none of yours can be seen or signalled",
    "none of your environment variables or secrets (.env, keys, credentials) are visible",
    "a system-call filter, Landlock and no capabilities stand between a run and the kernel",
    "CPU time, memory, processes, disk, file size and wall-clock time are limited",
)
_GAPS = ("the kernel is shared",)


class Namespaces:
    name = "namespaces"
    tier = Tier.NAMESPACES

    def examine(self) -> Report:
        return tested(self, _HOLDS, _GAPS)

    def root(self, workspace: Workspace) -> Path:
        return workspace.root

    def owner(self) -> int | None:
        return NOBODY if os.geteuid() == 0 else None

    def start(self, launch: Launch) -> Link:
        stage = launch.workspace.tree.parent / "stage"
        stage.mkdir(exist_ok=True)
        found = places(launch.workspace, launch.runtime)
        root = str(launch.workspace.root)
        space: dict[str, object] = {
            "stage": str(stage),
            "uid": self.owner(),
            "links": found.links,
            "shown": [(path, path) for path in found.shown],
            "tree": str(launch.workspace.tree),
            "root": root,
            "kept": [(path, path) for path in found.kept],
            "below": _BELOW,
            "tmp": _TMP,
        }
        setup = {"space": space, "jail": _jail(found, root)}
        inside = environment({"HOME": "/tmp/home", "TMPDIR": "/tmp"})
        return ProcessLink(lambda fd: launch.words(launch.workspace.root, {"fd": fd, **setup}), inside)


def _jail(found: Places, root: str) -> dict[str, object]:
    covered = tuple(path for path in (*found.shown, *found.kept) if path.startswith(("/tmp/", root + os.sep)))
    write = [root, "/tmp", "/dev"]
    return {
        "overlay": _BELOW,
        "rebound": covered,
        "layer_bytes": LAYER_BYTES,
        "tmp": _TMP,
        "landlock": {"read": ["/"], "write": write},
        "filter": True,
    }
