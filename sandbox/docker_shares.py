"""What a container sees of this machine: the system and the interpreter read-only, the throw-away copy to write."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .backend import TOOLS, Launch
from .places import SYSTEM_FILES, SYSTEM_LINKS, within


@dataclass(frozen=True, slots=True)
class Share:
    """A file or folder of this machine, shown inside."""

    source: Path
    target: Path
    writable: bool = False


def shares_for(launch: Launch) -> tuple[Share, ...]:
    """Everything that the fork server of `launch` needs; the copy stands at the project's own path."""
    root, workspace = launch.workspace.root, launch.workspace
    outside = [folder for folder in launch.runtime.folders if not within(folder, root)]
    inside = [Share(root / name, root / name) for name in workspace.kept_outside]
    shares = (*system_shares(outside), Share(workspace.tree, root, writable=True), *inside, same(TOOLS))
    return tuple({share.target: share for share in shares}.values())


def system_shares(folders: Iterable[Path]) -> tuple[Share, ...]:
    """The system's own folders, and `folders` where those do not hold them already."""
    if sys.platform != "linux":
        return ()  # the image has a system and an interpreter of its own
    system = ["/usr", *(path for path in SYSTEM_LINKS if os.path.isdir(path) and not os.path.islink(path))]
    files = [path for path in SYSTEM_FILES if os.path.exists(path)]
    extra = [f for f in dict.fromkeys(folders) if f.exists() and not any(within(f, Path(top)) for top in system)]
    return with_mounts_below([*map(same, map(Path, [*system, *files])), *map(same, extra)])


def same(path: Path) -> Share:
    return Share(path, path)


def with_mounts_below(shares: Sequence[Share]) -> tuple[Share, ...]:
    """Older engines make a share read-only, but not the file systems mounted below it: those are shared by name."""
    points = _mount_points()
    below = [same(p) for p in points if any(within(p, s.source) and p != s.source for s in shares)]
    return (*shares, *(share for share in below if share not in shares))


def _mount_points() -> tuple[Path, ...]:
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            points = [line.split(" ")[4] for line in file]
    except OSError:
        return ()
    named = (point.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\") for point in points)
    return tuple(Path(point) for point in named if os.path.isdir(point))
