"""The system calls that a container may make, as the JSON text that Docker and podman take.

What is not named is answered ENOSYS or EPERM by the engine. Named is what a test suite needs: files, memory, threads,
children, signals, clocks, sockets. Left out on purpose: namespaces and mounts, modules, keys, tracing and reading
other processes, io_uring, bpf, userfaultfd, perf, clocks and host names that could be set, System V and POSIX queues.
Source of the format: https://docs.docker.com/engine/security/seccomp/
"""

from __future__ import annotations

import errno
import json
from collections.abc import Sequence
from functools import cache

_FILES = """
access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl
epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 faccessat faccessat2 fadvise64 fallocate fchdir fchmod fchmodat
fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstatfs fsync
ftruncate futimesat getcwd getdents getdents64 getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch
ioctl lchown lgetxattr link linkat listxattr llistxattr lremovexattr lseek lsetxattr lstat memfd_create mkdir mkdirat
mknod mknodat newfstatat open openat openat2 pipe pipe2 poll ppoll pread64 preadv preadv2 pselect6 pwrite64 pwritev
pwritev2 read readahead readlink readlinkat readv removexattr rename renameat renameat2 rmdir select sendfile
setxattr signalfd signalfd4 splice stat statfs statx symlink symlinkat sync sync_file_range syncfs tee truncate umask
unlink unlinkat utime utimensat utimes vmsplice write writev
"""
_MEMORY = """
brk get_mempolicy madvise membarrier mincore mlock mlock2 mlockall mmap mprotect mremap msync munlock munlockall munmap
pkey_alloc pkey_free pkey_mprotect remap_file_pages set_mempolicy
"""
_PROCESSES = """
alarm arch_prctl capget capset execve execveat exit exit_group fork futex futex_wait futex_wake futex_waitv
get_robust_list get_thread_area getcpu getegid geteuid getgid getgroups getitimer getpgid getpgrp getpid getppid
getpriority getrandom getresgid getresuid getrlimit getrusage getsid gettid getuid kill landlock_add_rule
landlock_create_ruleset landlock_restrict_self pause pidfd_open pidfd_send_signal prctl restart_syscall rseq
rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo
sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
sched_rr_get_interval sched_yield seccomp set_robust_list set_thread_area set_tid_address setitimer setpgid setrlimit
setsid sigaltstack sysinfo tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_settime
timerfd_create timerfd_gettime timerfd_settime times tkill uname vfork wait4 waitid waitpid
"""
_CREDENTIALS = "setfsgid setfsuid setgid setgroups setregid setresgid setresuid setreuid setuid"
_CLOCKS = "clock_getres clock_gettime clock_nanosleep gettimeofday nanosleep"
_SOCKETS = """
accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg sendmsg sendto
setsockopt shutdown socketpair
"""
_ON_ONESELF = ("prlimit64", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler")
"""Allowed with 0 as the process: on the fork server they would stop it, or slow it down."""
_FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. There is no network to reach; a suite may serve itself over loopback."""
_NEW_NAMESPACES = 0x7E020080
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET and NEWTIME as bits of clone's first argument."""
_TERMINAL_INPUT = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX: typing into somebody's terminal."""
_ARCHITECTURES = (
    {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
    {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
)


@cache
def profile() -> str:
    """The whole profile, for `security_opt`: Docker's API wants the text itself, not a path."""
    free = " ".join((_FILES, _MEMORY, _PROCESSES, _CREDENTIALS, _CLOCKS, _SOCKETS)).split()
    free.remove("ioctl")
    rules = [
        _rule(free),
        *(_rule(["socket"], _where(0, "SCMP_CMP_EQ", family)) for family in _FAMILIES),
        *(_rule([name], _where(0, "SCMP_CMP_EQ", 0)) for name in _ON_ONESELF),
        _rule(["setpriority"], _where(1, "SCMP_CMP_EQ", 0)),
        _rule(["clone"], _where(0, "SCMP_CMP_MASKED_EQ", _NEW_NAMESPACES, 0)),
        _rule(["ioctl"], *(_where(1, "SCMP_CMP_NE", request) for request in _TERMINAL_INPUT)),
        _rule(["personality"], _where(0, "SCMP_CMP_EQ", 0)),
        _rule(["personality"], _where(0, "SCMP_CMP_EQ", 0xFFFFFFFF)),
        # The C library falls back to clone, whose flags can be looked at.
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS},
    ]
    whole = {"defaultAction": "SCMP_ACT_ERRNO", "archMap": _ARCHITECTURES, "syscalls": rules}
    return json.dumps(whole)


def _rule(names: Sequence[str], *arguments: dict[str, object]) -> dict[str, object]:
    return {"names": list(names), "action": "SCMP_ACT_ALLOW", "args": list(arguments)}


def _where(index: int, operator: str, value: int, second: int = 0) -> dict[str, object]:
    return {"index": index, "op": operator, "value": value, "valueTwo": second}
