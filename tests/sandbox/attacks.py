"""What a hostile candidate tries against the machine, as a table: s01 to s60.

Each `code` is the body of a function that runs while the candidate is imported. It returns something true when it got
through; an exception means that it was refused. `AIM` holds the places of the canaries (test_system_attacks.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from darner.sandbox.types import Status

PASS, FAIL, CRASH, TIMEOUT, OOM = Status.PASS, Status.FAIL, Status.CRASH, Status.TIMEOUT, Status.OOM
TAMPERED, INFRA = Status.TAMPERED, Status.INFRA
ENDED = frozenset({CRASH, TIMEOUT, OOM})
ANY = frozenset({PASS, FAIL, TAMPERED, *ENDED})


@dataclass(frozen=True, slots=True)
class Attack:
    number: str
    title: str
    code: str
    ends: frozenset[Status] = frozenset({PASS})
    """How the run may end. Getting through is never among them."""
    wall_s: float = 90.0
    edits: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further files of the candidate."""
    gap: str = ""
    """Words of the report's gaps that admit this one; a backend that says so may be got through."""
    source: str = ""
    """The whole candidate, where it is not one that works."""


_LIBC = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
_X86 = "import platform\nif platform.machine() != 'x86_64': return None\n"

ATTACKS = (
    Attack("s01", "read files outside the project", "return open(AIM['canary']).read()"),
    Attack("s02", "find a secret in the environment", "import os\nreturn AIM['secret'] in str(os.environ)"),
    Attack(
        "s03",
        "read the environment of other processes",
        "import os\n"
        "for name in os.listdir('/proc'):\n"
        "    try:\n"
        "        if AIM['secret'].encode() in open('/proc/%s/environ' % name, 'rb').read(): return name\n"
        "    except OSError: pass",
    ),
    Attack("s04", "write outside the project", "open(AIM['folder'] + '/planted', 'w').write('x')"),
    Attack("s05", "rewrite the tests", "open('test_cart.py', 'w').write('def test_sum(): pass\\n')",
           frozenset({PASS, TAMPERED, FAIL})),
    Attack(
        "s06",
        "fork bomb",
        "import os, signal\nalive = 0\n"
        "try:\n    while alive < 3000:\n"
        "        if os.fork() == 0:\n            signal.pause()\n            os._exit(0)\n"
        "        alive += 1\n"
        "except OSError: pass\n"
        "return alive > 128 and alive",
        frozenset({PASS, CRASH}),
        gap="number of processes",
    ),
    Attack(
        "s07",
        "memory bomb",
        "blocks = []\nwhile len(blocks) < 64: blocks.append(bytearray(64 << 20))\nreturn True",
        frozenset({PASS, FAIL, *ENDED}),
    ),
    Attack(
        "s08",
        "fill the disk",
        "import os, tempfile\nwritten = 0\n"
        "while written < 1 << 30:\n"
        "    with open(os.path.join(tempfile.gettempdir(), 'fill%d' % written), 'wb') as f: f.write(b'x' * (8 << 20))\n"
        "    written += 8 << 20\nreturn True",
        frozenset({PASS, CRASH}),
    ),
    Attack(
        "s09",
        "use up the inodes",
        "import os, tempfile\n"
        "for n in range(300000): open(os.path.join(tempfile.gettempdir(), 'inode%d' % n), 'w').close()\nreturn True",
        frozenset({PASS, CRASH}),
        gap="number of files",
    ),
    Attack("s10", "never end, busily", "while True: pass", frozenset({TIMEOUT}), 4.0),
    Attack("s11", "never end, asleep", "import time\ntime.sleep(10**6)", frozenset({TIMEOUT}), 4.0),
    Attack("s12", "flood the output", "import os\nfor _ in range(3200): os.write(1, b'x' * 65536)"),
    Attack("s13", "send over TCP", "import socket\nsocket.create_connection(tuple(AIM['tcp']))\nreturn 1"),
    Attack(
        "s14",
        "send over UDP",
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.sendto(b'x', tuple(AIM['udp']))",
    ),
    Attack(
        "s15",
        "reach an abstract unix socket",
        "import socket\nsocket.socket(socket.AF_UNIX).connect('\\0' + AIM['abstract'])\nreturn 1",
    ),
    Attack(
        "s16",
        "reach a unix socket by its path, as docker.sock",
        "import socket\nfor path in (AIM['unix'], '/var/run/docker.sock', '/run/docker.sock'):\n"
        "    try:\n        socket.socket(socket.AF_UNIX).connect(path)\n        return path\n"
        "    except OSError: pass",
    ),
    Attack(
        "s17",
        "signal everybody",
        "import os, signal\n"
        "for pid in (os.getppid(), 1, AIM['process'], -1):\n"
        "    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):\n"
        "        try: os.kill(pid, number)\n"
        "        except OSError: pass",
    ),
    Attack("s18", "trace the supervisor", _LIBC + "return libc.ptrace(16, os.getppid(), 0, 0) == 0"),
    Attack("s19", "write into the supervisor", "import os\nopen('/proc/%d/mem' % os.getppid(), 'r+b')\nreturn 1"),
    Attack("s20", "plant a link where a result is expected", "import os\nos.symlink(AIM['canary'], 'result.json')"),
    Attack(
        "s21",
        "leave a daemon behind",
        "import os\nif os.fork() == 0:\n    os.setsid()\n"
        "    if os.fork() == 0: os.execvp('sleep', ['sleep', AIM['marker']])\n    os._exit(0)\n"
        "os.wait()",
    ),
    Attack(
        "s22",
        "ignore every signal",
        "import signal, time\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\nwhile True: time.sleep(1)",
        frozenset({TIMEOUT}),
        4.0,
    ),
    Attack("s23", "read standard input", "import os\nreturn os.read(0, 100)"),
    Attack(
        "s24",
        "recurse without end",
        "import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()",
        frozenset({FAIL, *ENDED}),
        20.0,
    ),
    Attack("s25", "read address zero", "import ctypes\nctypes.string_at(0)", frozenset({CRASH})),
    Attack("s26", "raise a huge text", "raise SystemError('x' * (64 << 20))", frozenset({FAIL, TAMPERED, CRASH}),
           source="raise SystemError('x' * (64 << 20))\n"),
    Attack(
        "s27",
        "plant a .pth in the interpreter",
        "import site\nfor folder in site.getsitepackages():\n"
        "    try:\n        open(folder + '/darner_planted.pth', 'w').write('import os')\n        return folder\n"
        "    except OSError: pass",
    ),
    Attack(
        "s28",
        "make namespaces and mounts",
        _LIBC + "return libc.unshare(0x10000000) == 0 or libc.mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0",
    ),
    Attack(
        "s29",
        "raise the limits again",
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))\nreturn True",
    ),
    Attack("s30", "plant a git hook", "import os\nos.makedirs('.git/hooks', exist_ok=True)\n"
           "open('.git/hooks/post-commit', 'w').write('#!/bin/sh\\n')"),
    Attack(
        "s31",
        "gain privileges from a set-user-id program",
        "return 'NoNewPrivs:\\t1' not in open('/proc/self/status').read()",
    ),
    Attack(
        "s32",
        "find an open descriptor of somebody else",
        "import os\nfound = [os.readlink('/proc/self/fd/' + fd) for fd in os.listdir('/proc/self/fd')"
        " if os.path.islink('/proc/self/fd/' + fd)]\n"
        "return [text for text in found if text.startswith(('socket:', AIM['outside']))]",
    ),
    Attack(
        "s33",
        "use keyctl, io_uring, bpf, userfaultfd, perf",
        _LIBC + _X86 + "return [n for n in (250, 425, 321, 323, 298) if libc.syscall(n, 0, 0, 0, 0, 0) >= 0]",
    ),
    Attack("s34", "leave shared memory behind", _LIBC + "libc.shmget(AIM['key'], 4096, 0o1600)"),
    Attack(
        "s35",
        "write junk to every descriptor",
        "import os\nfor fd in range(3, 256):\n    try: os.write(fd, b'{}\\n')\n    except OSError: pass",
        frozenset({TAMPERED}),
    ),
    Attack(
        "s36",
        "turn the clocks back",
        "import time\ntime.monotonic = time.time = lambda: 0.0\ntime.sleep = lambda s: None\nwhile True: pass",
        frozenset({TIMEOUT}),
        4.0,
    ),
    Attack(
        "s37",
        "leave threads running",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(10**6,), daemon=True).start()",
    ),
    Attack("s38", "write while being imported", "import os\nos.mkdir(AIM['folder'] + '/made')\nreturn 1"),
    Attack("s39", "shadow a module of the library", "", ANY,
           edits={"json.py": "dumps = loads = lambda *a, **k: '{}'\n"}),
    Attack(
        "s40",
        "plant bytecode",
        "import os, py_compile\nopen('good.py', 'w').write('def total(n): return sum(n)')\n"
        "import importlib.util\nos.makedirs('__pycache__', exist_ok=True)\n"
        "py_compile.compile('good.py', importlib.util.cache_from_source(os.path.abspath('cart.py')),\n"
        "    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)",
    ),
    Attack("s41", "change how tests are run", "open('pytest.ini', 'w').write('[pytest]\\naddopts = --co')", ANY),
    Attack("s42", "load a plugin of its own", "import os\nos.environ['PYTEST_PLUGINS'] = 'planted'\n"
           "open('planted.py', 'w').write('raise SystemExit(0)')", ANY),
    Attack(
        "s43",
        "be unpickled outside",
        "",
        frozenset({FAIL}),
        source="import os\nclass Evil:\n    def __reduce__(self):\n        return os.mkdir, (%r,)\n"
        "def total(numbers): return Evil()\n",
    ),
    Attack("s44", "answer with what no reader bears", "", frozenset({FAIL, *ENDED}),
           source="def total(numbers):\n    deep = []\n    for _ in range(50000): deep = [deep, 10**4000]\n"
           "    return deep\n", wall_s=30.0),
    Attack(
        "s45",
        "write to the terminal of the reader",
        "",
        frozenset({FAIL}),
        source="def total(numbers):\n    print('\\x1b]0;title\\x07\\x1b[31m\\u202etxt.exe\\u2066')\n"
        "    raise ValueError('\\x1b[2J\\u202egnp')\n",
    ),
    Attack("s48", "burst the parser", "", frozenset({FAIL, *ENDED}), source="x = " + "(" * 100_000 + ")" * 100_000),
    Attack("s50", "measure with the processor's counters",
           _LIBC + _X86 + "return libc.syscall(298, 0, 0, -1, -1, 0) >= 0"),
    Attack(
        "s51",
        "read the project's own secrets",
        "import os\nfound = []\nfor folder, _, files in os.walk('.'):\n    for name in set(files) - {'cart.py'}:\n"
        "        if AIM['secret'] in open(os.path.join(folder, name), errors='replace').read(): found.append(name)\n"
        "return found",
    ),
    Attack(
        "s53",
        "open a device",
        "import os\nfor path in ('/dev/mem', '/dev/kmsg', '/dev/sda', '/dev/vda', '/dev/nvidia0', '/dev/kvm'):\n"
        "    try:\n        os.open(path, os.O_RDWR)\n        return path\n    except OSError: pass\n"
        "os.mknod('zero', 0o20666, os.makedev(1, 5))\nopen('zero', 'rb').read(1)\nreturn 'made'",
    ),
    Attack(
        "s54",
        "be handed a descriptor",
        "import socket\nfor line in open('/proc/net/unix').read().splitlines()[1:]:\n"
        "    path = line.split()[-1]\n"
        "    if path[0] not in '/@': continue\n"
        "    try: socket.socket(socket.AF_UNIX).connect(path.replace('@', '\\0', 1))\n"
        "    except OSError: continue\n"
        "    return path",
    ),
    Attack("s55", "leave a core file", "import resource\nreturn resource.getrlimit(resource.RLIMIT_CORE)[1] != 0"),
    Attack(
        "s56",
        "make namespaces with clone and clone3",
        _LIBC + _X86 + "for number, words in ((56, (0x10000011, 0, 0, 0, 0)), (435, (0, 88, 0, 0, 0))):\n"
        "    pid = libc.syscall(number, *words)\n"
        "    if pid == 0: os._exit(0)\n"
        "    if pid > 0: return number",
    ),
    Attack(
        "s57",
        "type into a terminal",
        "import fcntl, os\n_, inner = os.openpty()\nfcntl.ioctl(inner, 0x5412, b'x')\nreturn True",
    ),
    Attack("s58", "open a file by its handle", _LIBC + _X86 + "return libc.syscall(304, -100, b'\\0' * 64, 0) >= 0 or "
           "libc.syscall(303, -100, b'/', ctypes.create_string_buffer(256), ctypes.byref(ctypes.c_int()), 0) >= 0"),
    Attack(
        "s59",
        "limit or slow the supervisor",
        "import os, resource\nparent, through = os.getppid(), []\n"
        "for name, attempt in (\n"
        "    ('prlimit', lambda: resource.prlimit(parent, resource.RLIMIT_CPU, (1, 1))),\n"
        "    ('affinity', lambda: os.sched_setaffinity(parent, {0})),\n"
        "    ('priority', lambda: os.setpriority(os.PRIO_PROCESS, parent, 19)),\n"
        "):\n"
        "    try:\n        attempt()\n        through.append(name)\n    except OSError: pass\n"
        "return through",
    ),
    Attack("s60", "start a program with a huge environment",
           "import subprocess\nsubprocess.run(['true'], env={'A%d' % n: 'x' * 120000 for n in range(60)})"),
)  # fmt: skip
FAST = frozenset({"s01", "s04", "s13", "s17", "s21", "s28", "s33", "s51", "s59"})
"""Tried at every `make test`; the others are slow ones."""
