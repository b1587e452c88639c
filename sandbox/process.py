"""The backend of last resort: a plain process with resource limits, which confines nothing. It needs consent."""

from __future__ import annotations

from pathlib import Path

from .backend import Launch, Link, Report, Tier
from .link import ProcessLink
from .places import environment
from .workspace import Workspace

_PROCESS = Report(
    backend="process",
    tier=Tier.NONE,
    holds=(
        "candidates run in a throw-away copy: your files are changed only by what you accept",
        "CPU time, memory, file size and wall-clock time are limited",
        "processes that a run leaves behind are killed",
        "your environment variables are not passed on",
    ),
    gaps=(
        "the network is reachable",
        "files that you may read can be read, and files that you may write can be written",
        "your other processes can be seen and signalled",
    ),
)


class Process:
    """In the copy's own folder; limits and cleaning up are all that holds."""

    name = "process"
    tier = Tier.NONE

    def examine(self) -> Report:
        return _PROCESS

    def root(self, workspace: Workspace) -> Path:
        return workspace.tree

    def owner(self) -> int | None:
        return None

    def start(self, launch: Launch) -> Link:
        tree = launch.workspace.tree
        home = tree.parent / "home"
        home.mkdir(exist_ok=True)
        inside = environment({"HOME": str(home), "TMPDIR": str(home)})
        return ProcessLink(lambda fd: launch.words(tree, {"fd": fd, "jail": {"tidied": str(home)}}), inside)
