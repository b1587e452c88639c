"""The system-call filter: classic BPF bytes made here, for x86-64 and aarch64, with no library.

What is listed is refused, the rest is allowed: a test may do what a program does, not what an administrator, a debugger
or another process's keeper does. A call made for another architecture kills the process. Numbers are the kernel's
(asm/unistd_64.h and asm-generic/unistd.h); offsets are those of struct seccomp_data.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14), and outside to make a filter for bubblewrap.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from typing import Any, List, Optional, Sequence, Tuple

_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_COLUMN = {"x86_64": 0, "aarch64": 1}
# name: (x86-64, aarch64); None where that machine has no such call
_NEVER = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "pidfd_getfd": (438, 438),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "move_mount": (429, 429), "open_tree": (428, 428), "open_tree_attr": (467, 467),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "listmount": (458, 458), "statmount": (457, 457), "swapon": (167, 224),
    "swapoff": (168, 225), "reboot": (169, 142), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "acct": (163, 89), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "syslog": (103, 116), "sethostname": (170, 161), "setdomainname": (171, 162), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "vhangup": (153, 58), "lookup_dcookie": (212, 18),
    "fanotify_init": (300, 262), "fanotify_mark": (301, 263), "migrate_pages": (256, 238), "move_pages": (279, 239),
    "personality": (135, 92), "memfd_secret": (447, 447), "iopl": (172, None), "ioperm": (173, None),
    "modify_ldt": (154, None), "uselib": (134, None),
}  # fmt: skip
_SYSTEM_V = {"shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180)}
_PRETENDED = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "lchown": (94, None), "fchown": (93, 55), "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None),
    "utimensat": (280, 88), "futimesat": (261, None), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "setxattrat": (463, 463), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "fremovexattr": (199, 16), "removexattrat": (466, 466), "file_setattr": (469, 469),
}  # fmt: skip
_SIGNALS = {"kill": (62, 129), "rt_sigqueueinfo": (129, 138), "tkill": (200, 130), "pidfd_send_signal": (424, 424),
            "tgkill": (234, 131), "rt_tgsigqueueinfo": (297, 240)}  # fmt: skip
_OF_OTHERS = {"prlimit64": (302, 261), "sched_setaffinity": (203, 122), "sched_setparam": (142, 118),
              "sched_setscheduler": (144, 119), "sched_setattr": (314, 274)}  # fmt: skip
_SETPRIORITY, _IOPRIO_SET, _IOCTL, _CLONE, _CLONE3 = (141, 140), (251, 30), (16, 29), (56, 220), (435, 435)
_SOCKET, _SOCKETPAIR, _SENDTO, _TRUNCATE = (41, 198), (53, 199), (44, 206), (76, 45)
_NEW_NAMESPACES = 0x7E020000
_TERMINAL_INPUT = (0x5412, 0x541C, 0x5423)  # TIOCSTI, TIOCLINUX, TIOCSETD

_LOAD, _JUMP, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x05, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_X32_BIT = 0x40000000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
_LOW, _HIGH = 0, 4
_AF_UNIX, _SOCK_STREAM, _SOCK_SEQPACKET, _SOCK_FLAGS = 1, 1, 5, (0o4000, 0o2000000)
_SECCOMP = {"x86_64": 317, "aarch64": 277}


class UnknownMachine(OSError):
    """No numbers are known for this processor: no filter is better than a wrong one, and so is no sandbox."""


class _Program:
    def __init__(self, column: int) -> None:
        self.code: List[bytes] = []
        self._column = column

    def add(self, operation: int, value: int, true: int = 0, false: int = 0) -> None:
        self.code.append(struct.pack("=HBBI", operation, true, false, value))

    def refuse(self, numbers: Any, error: int = errno.EPERM) -> None:
        if numbers[self._column] is not None:
            self.add(_EQUAL, numbers[self._column], 0, 1)
            self.add(_RETURN, _ERRNO | error)

    def refuse_when(self, numbers: Any, tests: Sequence[Tuple[int, int, int, int]], error: int = errno.EPERM) -> None:
        """Refused when one test (argument, half, operation, value) is true."""
        if numbers[self._column] is None:
            return
        self.add(_EQUAL, numbers[self._column], 0, 2 * len(tests) + 3)
        for left, (argument, half, operation, value) in zip(range(len(tests) - 1, -1, -1), tests):
            self.add(_LOAD, _ARGUMENTS + 8 * argument + half)
            self.add(operation, value, 2 * left + 2, 0)
        self.add(_LOAD, _NUMBER)
        self.add(_JUMP, 1)
        self.add(_RETURN, _ERRNO | error)

    def refuse_unless(self, numbers: Any, argument: int, values: Sequence[int], error: int = errno.EPERM) -> None:
        """Refused unless the low half of the argument is one of `values`."""
        self.add(_EQUAL, numbers[self._column], 0, len(values) + 3)
        self.add(_LOAD, _ARGUMENTS + 8 * argument)
        for left, value in zip(range(len(values) - 1, -1, -1), values):
            self.add(_EQUAL, value, left + 1, 0)
        self.add(_RETURN, _ERRNO | error)
        self.add(_LOAD, _NUMBER)


def program(machine: str, shared: bool, landlock_abi: int, own_pid: Optional[int] = None) -> bytes:
    """The filter. `shared`: the machine's own network, IPC and files are in sight, so what reaches them is refused too.

    `own_pid`: signals go nowhere else (for kernels whose Landlock cannot scope them). Raises UnknownMachine.
    """
    if machine not in _COLUMN:
        raise UnknownMachine("Darner has no system-call filter for a %s processor." % machine)
    made = _Program(_COLUMN[machine])
    made.add(_LOAD, _ARCH)
    made.add(_EQUAL, _AUDIT[machine], 1, 0)
    made.add(_RETURN, _KILL)
    made.add(_LOAD, _NUMBER)
    made.add(_AT_LEAST, _X32_BIT, 0, 1)
    made.add(_RETURN, _KILL)
    _refuse_the_keeper_s_calls(made)
    if shared:
        _refuse_what_is_shared(made, landlock_abi)
    if own_pid is not None:
        for numbers in list(_SIGNALS.values())[:3]:
            made.refuse_unless(numbers, 0, (own_pid, 0))
        made.refuse(_SIGNALS["pidfd_send_signal"])
        for name in ("tgkill", "rt_tgsigqueueinfo"):
            made.refuse_unless(_SIGNALS[name], 0, (own_pid,))
    made.add(_RETURN, _ALLOW)
    return b"".join(made.code)


def _refuse_the_keeper_s_calls(made: _Program) -> None:
    for numbers in _NEVER.values():
        made.refuse(numbers)
    made.refuse(_CLONE3, errno.ENOSYS)  # its flags lie in memory, where a filter cannot look; libc falls back to clone
    made.refuse_when(_CLONE, [(0, _LOW, _ANY_BIT, _NEW_NAMESPACES)])
    made.refuse_when(_IOCTL, [(1, _LOW, _EQUAL, number) for number in _TERMINAL_INPUT])
    for numbers in _OF_OTHERS.values():
        made.refuse_unless(numbers, 0, (0,))
    made.refuse_when(_SETPRIORITY, [(0, _LOW, _EQUAL, 2), (1, _LOW, _AT_LEAST, 1)])  # 2: all of the user's processes
    made.refuse_when(_IOPRIO_SET, [(0, _LOW, _EQUAL, 3), (1, _LOW, _AT_LEAST, 1)])


def _refuse_what_is_shared(made: _Program, landlock_abi: int) -> None:
    """No socket but a connected pair: what a unix socket reaches by its path, Landlock sees only from ABI 9 on.

    Modes, owners, times and attributes are beyond Landlock: such a call does nothing and says that it worked, because
    copying a file, which tests do, would fail otherwise.
    """
    for numbers in _SYSTEM_V.values():
        made.refuse(numbers)
    made.refuse(_SOCKET, errno.EAFNOSUPPORT)
    made.refuse_unless(_SOCKETPAIR, 0, (_AF_UNIX,), errno.EAFNOSUPPORT)
    flags = (0, *_SOCK_FLAGS, sum(_SOCK_FLAGS))
    made.refuse_unless(_SOCKETPAIR, 1, [kind | flag for kind in (_SOCK_STREAM, _SOCK_SEQPACKET) for flag in flags])
    for numbers in _PRETENDED.values():
        made.refuse(numbers, 0)
    if landlock_abi < 3:
        made.refuse(_TRUNCATE)


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def install(code: bytes, machine: str, syscall: Any) -> None:
    """For this process and all that it starts, for ever. Needs no-new-privileges. Raises OSError."""
    block = ctypes.c_char_p(code)
    described = _Filter(len(code) // 8, block)
    syscall("system-call filter", _SECCOMP[machine], 1, 0, ctypes.byref(described))
