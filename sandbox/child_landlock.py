"""Landlock by its raw system calls (ABI 1 to 7 and later): what may be read, what may be written, the rest is refused.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from typing import Any, Sequence

kernel: Any = sys.modules["_darner_child_kernel"]  # loaded before by child.py: this file has no import path

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every machine
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE, _IOCTL_DEV = 1, 2, 4, 8, 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15}  # how many of the file rights that ABI knows; 16 from ABI 5 on
_ALL_TCP = 3
_SCOPE_ABSTRACT_UNIX, _SCOPE_SIGNAL = 1, 2


def abi() -> int:
    """0 where the kernel has no Landlock or it is switched off."""
    try:
        return int(kernel.syscall("ask for Landlock", _CREATE, 0, 0, 1))
    except OSError:
        return 0


def restrict(read: Sequence[str], write: Sequence[str], known: int, scoped: bool, network: bool) -> None:
    """From now on: reading and running below `read`, everything below `write`, nothing else. Raises OSError.

    `scoped`: no signal and no abstract unix socket leaves (ABI 6). `network`: no TCP either (ABI 4). Needs
    no-new-privileges. What is missing on disk is left out.
    """
    rights = (1 << _RIGHTS_BY_ABI.get(known, 16)) - 1
    tcp = _ALL_TCP if network and known >= 4 else 0
    scopes = _SCOPE_ABSTRACT_UNIX | _SCOPE_SIGNAL if scoped and known >= 6 else 0
    attributes = struct.pack("=QQQ", rights, tcp, scopes)[: 8 if known < 4 else 16 if known < 6 else 24]
    ruleset = kernel.syscall("Landlock ruleset", _CREATE, attributes, len(attributes), 0)
    try:
        for allowed, paths in ((_READ, read), (rights, write)):
            for path in paths:
                _allow(ruleset, path, allowed & rights)
        kernel.syscall("Landlock", _RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights, place)
        kernel.syscall("Landlock rule for " + path, _ADD, ruleset, 1, ctypes.c_char_p(rule), 0)
    finally:
        os.close(place)
