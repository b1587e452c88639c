"""A throw-away copy of the user's project, which candidates may spoil and the next run finds whole again."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from .errors import WorkspaceError
from .sources import MOST_HASHED, Original, Stamp, changed_since, digest_of, is_run, is_secret, stamp_of, walked

_PREFIX = "darner-"
_EPOCH_STEP_S = 2
_MOST_BYTES = 2 << 30


class Workspace:
    """The copy on disk. `place` puts a candidate's files in; `restore` takes back everything a run changed."""

    def __init__(self, root: Path, owner: int | None = None) -> None:
        """`owner`: the user that the copy shall belong to, when that is not us."""
        sweep_stale()
        self.root = root
        self._owner = owner
        self._placed: set[str] = set()
        self.kept_outside: tuple[str, ...] = ()
        """Environments inside the project (`.venv`): not copied, shown read-only."""
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        self.tree = self._folder / "tree"
        self._clock = 1_000_000_000
        self._copied: dict[str, Original] = {}
        try:
            self._copy()
        except OSError as error:
            self.close()
            raise _explained(error, root) from error
        self._clean, self._folders = _scan(self.tree)
        self._originals = dict(self._copied)

    def _copy(self) -> None:
        kept: list[str] = []
        total = 0
        for relative, links, files, environments in walked(self.root):
            kept += [str(relative / name) for name in environments]
            # An environment is shown on an empty folder of the copy, which is there from the beginning: removed as what
            # one backend's run left, it would take the mount along from a server that another backend has started.
            for folder in (relative, *(relative / name for name in environments)):
                (self.tree / folder).mkdir(parents=True, exist_ok=True)
                self._hand_over(self.tree / folder)
            for name in [*links, *files]:
                total += self._copy_one(str(relative / name))
            if total > _MOST_BYTES:
                raise WorkspaceError(
                    f"{self.root} holds more than 2 GiB besides its environments; pass a smaller --root."
                )
        self.kept_outside = tuple(kept)

    def _copy_one(self, path: str) -> int:
        """What was copied, in bytes. A file that changes meanwhile differs from what is remembered of it."""
        source, target = self.root / path, self.tree / path
        stamp = stamp_of(source)
        if stamp is None or not (stat.S_ISLNK(stamp.mode) or stat.S_ISREG(stamp.mode)) or is_secret(source.name):
            return 0
        digest = b""
        if stat.S_ISLNK(stamp.mode):
            os.symlink(self._led_inside(source), target)
        elif stamp.size > MOST_HASHED:
            shutil.copy2(source, target)
        else:
            digest = digest_of(data := source.read_bytes())
            target.write_bytes(data)
            shutil.copystat(source, target)
        if not target.is_symlink():
            target.chmod(stat.S_IMODE(stamp.mode) | stat.S_IWUSR)
            self._hand_over(target)
        self._copied[path] = Original(stamp, digest)
        return 0 if target.is_symlink() else stamp.size

    def _hand_over(self, path: Path) -> None:
        if self._owner is not None:
            os.chown(path, self._owner, self._owner, follow_symlinks=False)

    def _led_inside(self, link: Path) -> str:
        """Where a link of the copy leads: an absolute one into the project would lead back to the user's own files."""
        leads = os.readlink(link)
        if not Path(leads).is_absolute() or not Path(leads).is_relative_to(self.root):
            return leads
        return os.path.relpath(leads, link.parent)

    def accept_caches(self) -> None:
        """What a trusted scouting run wrote (bytecode) belongs to the clean state from now on."""
        self._clean, self._folders = _scan(self.tree)

    def copies_the_same_as(self, other: Workspace) -> bool:
        """Both copied the project in one state."""
        mine, others = self._originals, other._originals
        return {path: one.identity for path, one in mine.items()} == {p: one.identity for p, one in others.items()}

    def changed_by_user(self) -> str:
        """A file of the user's that is not what was copied (sources.py); empty when none."""
        return changed_since(self.root, self._originals)

    def original(self, path: str) -> bytes | None:
        """A file of the copy as the user has it, after `restore`; None for what is no ordinary file of it."""
        file = self.tree / path
        if file.resolve() != self.tree.resolve() / path or not file.is_file():
            return None
        return file.read_bytes()

    def place(self, edits: Mapping[str, bytes]) -> None:
        """Write a candidate's files, each with a time no bytecode cache can carry. Never through a link that leaves."""
        self._clock += _EPOCH_STEP_S
        for path, data in edits.items():
            target = (self.tree / path).resolve()
            if not target.is_relative_to(self.tree.resolve()):
                raise WorkspaceError(f"{path} is reached by a link out of {self.root}; Darner does not edit it.")
            try:
                self._make_folder(target.parent)
                target.write_bytes(data)
                self._hand_over(target)
            except OSError as error:
                raise _explained(error, self.root) from error
            os.utime(target, (self._clock, self._clock))
            self._placed.add(os.path.relpath(target, self.tree.resolve()))

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self._make_folder(folder.parent)
            folder.mkdir()
            self._hand_over(folder)

    def rewritten(self, layer: Collection[str] | None) -> str:
        """A Python file or pytest setting, other than the candidate's own, that the run changed; empty when none.

        `layer`: what the run wrote, where that went into a layer of its own; None where it went into the copy.
        """
        if layer is None:
            now, _ = _scan(self.tree)
            layer = [path for path in {*now, *self._clean} if now.get(path) != self._clean.get(path)]
        telling = [path for path in layer if path not in self._placed and self._tells(path)]
        return min(telling, default="")

    def _tells(self, path: str) -> bool:
        """Writing there can change what a test says."""
        return is_run(path) if path in self._clean else Path(path).name == "conftest.py"

    def _take_back(self) -> None:
        """Bring back what `place` replaced."""
        for path in sorted(self._placed):
            if path in self._clean:
                self._bring_back(path)
                if (stamp := stamp_of(self.tree / path)) is not None:
                    self._clean[path] = stamp
            else:
                _remove(self.tree / path)
                self._leave_no_folder(path)
        self._placed.clear()

    def _leave_no_folder(self, path: str) -> None:
        """Of a new file: the folders that were made for it."""
        for folder in Path(path).parents:
            if str(folder) == "." or str(folder) in self._folders:
                return
            _remove(self.tree / folder)

    def restore(self, everything: bool) -> None:
        """Bring back every file that differs from the clean state, from the user's own tree.

        `everything` is false where the last run could not write into the copy: then only the candidate goes.
        """
        if not everything:
            self._take_back()
            return
        self._placed.clear()
        now, folders = _scan(self.tree)
        if now == self._clean and folders == self._folders:
            return
        for path in [*(now.keys() - self._clean.keys()), *(folders.keys() - self._folders.keys())]:
            _remove(self.tree / path)
        for path in sorted(path for path, mode in self._folders.items() if folders.get(path) != mode):
            self._make_folder(self.tree / path)
            (self.tree / path).chmod(self._folders[path])
        changed = [path for path, stamp in self._clean.items() if now.get(path) != stamp]
        for path in changed:
            self._bring_back(path)
        fresh, _ = _scan(self.tree)
        self._clean = {path: fresh[path] for path in self._clean if path in fresh}

    def _bring_back(self, path: str) -> None:
        source, target = self.root / path, self.tree / path
        _remove(target)
        if path not in self._originals:
            self._clean.pop(path)  # a cache that the scouting run wrote: it will be made again
            return
        try:
            self._make_folder(target.parent)
            self._copy_one(path)
        except OSError as error:
            raise _explained(error, self.root) from error
        if stamp_of(source) is None or self._copied[path].identity != self._originals[path].identity:
            raise WorkspaceError(f"{path} changed while Darner was working on it; run the command again.")

    def close(self) -> None:
        _remove(self._folder)


def sweep_stale() -> None:
    """Remove copies whose owner was killed before it could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).split("-")[0]
        if owner.isdigit() and not _alive(int(owner)) and _is_mine(folder):
            _remove(folder)


def _is_mine(folder: Path) -> bool:
    """False also for what another Darner swept away in this moment."""
    try:
        return folder.stat().st_uid == os.getuid()
    except FileNotFoundError:
        return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _scan(tree: Path) -> tuple[dict[str, Stamp], dict[str, int]]:
    """Everything that is not a folder, with its stamp, and every folder below `tree`, with its mode."""
    stamps: dict[str, Stamp] = {}
    folders: dict[str, int] = {}
    stack = [tree]
    while stack:
        for entry in _entries(stack.pop()):
            path = os.path.relpath(entry.path, tree)
            if entry.is_dir(follow_symlinks=False):
                stack.append(Path(entry.path))
                folders[path] = stat.S_IMODE(entry.stat(follow_symlinks=False).st_mode)
            elif (stamp := stamp_of(Path(entry.path))) is not None:
                stamps[path] = stamp
    return stamps, folders


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except FileNotFoundError:
        return []
    except PermissionError:  # a run took the folder's modes away; they are given back by `restore`
        os.chmod(folder, 0o700)
        return list(os.scandir(folder))


def _remove(path: Path) -> None:
    """Remove a file or a tree, whatever modes a run left on it."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for folder, _, _ in os.walk(path):
        os.chmod(folder, 0o700)
    shutil.rmtree(path, ignore_errors=True)


def _explained(error: OSError, root: Path) -> WorkspaceError:
    where = tempfile.gettempdir()
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = shutil.disk_usage(where).free >> 20
        return WorkspaceError(f"No room for a copy of {root} in {where} ({free} MiB free); free space or set TMPDIR.")
    if error.filename is not None and Path(os.fsdecode(error.filename)).is_relative_to(root):
        return WorkspaceError(f"{os.fsdecode(error.filename)} cannot be copied ({error.strerror}); make it readable.")
    return WorkspaceError(f"A copy of {root} could not be kept in {where}: {error}; set TMPDIR to a writable folder.")
