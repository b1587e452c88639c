"""Two hundred candidates of every kind of ending, drawn with a seed: the same ones on every machine."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace

from cart_project import GOOD
from darner.sandbox.types import Limits, Status

ROOMY = Limits(wall_s=120.0, cpu_s=120.0, test_wall_s=100.0, test_cpu_s=100.0, memory_bytes=512 << 20)
"""Nothing but a hang, or hunger, comes near."""
SHORT = replace(ROOMY, wall_s=1.5)
SEED = 20261121


@dataclass(frozen=True, slots=True)
class Mixed:
    kind: str
    source: str
    limits: Limits
    expected: Status


def mixed(count: int, seed: int = SEED) -> tuple[Mixed, ...]:
    """`count` candidates, all kinds among every twenty."""
    drawn = random.Random(seed)
    kinds = [kind for kind in _KINDS for _ in range(_MORE_OF.get(kind, 1))]
    return tuple(_KINDS[kinds[i % len(kinds)]](drawn) for i in drawn.sample(range(count), count))


def _said(kind: str, expected: Status, source: str, limits: Limits = ROOMY) -> Mixed:
    return Mixed(kind, source, limits, expected)


def _good(drawn: random.Random) -> Mixed:
    name = drawn.choice(("result", "amount", "value", "summe"))
    body = drawn.choice(
        (
            f"{name} = 0\nfor number in numbers:\n    {name} += number\nreturn {name}",
            "return sum(numbers)",
            f"{name} = 0\nfor at in range(len(numbers)):\n    {name} = {name} + numbers[at]\nreturn {name}",
            "import functools, operator\nreturn functools.reduce(operator.add, numbers, 0)",
            "return numbers[0] + total(numbers[1:]) if numbers else 0",
        )
    )
    return _said("good", Status.PASS, f"# {drawn.random()}\ndef total(numbers):\n{textwrap.indent(body, '    ')}\n")


def _failing(drawn: random.Random) -> Mixed:
    wrong = drawn.choice(("-sum(numbers)", "0", "len(numbers)", "None", "[]", f"sum(numbers) + {drawn.randint(1, 99)}"))
    return _said("failing", Status.FAIL, f"def total(numbers):\n    return {wrong}\n")


def _raising(drawn: random.Random) -> Mixed:
    error = drawn.choice(("ValueError(1)", "KeyError('x')", "RuntimeError()", "StopIteration", "AssertionError"))
    return _said("raising", Status.FAIL, f"def total(numbers):\n    raise {error}\n")


def _broken_import(drawn: random.Random) -> Mixed:
    name = drawn.choice(("no_such_module", "cart.inner", "os.nothing"))
    return _said("import error", Status.FAIL, f"import {name}  # {drawn.random()}\n{GOOD}")


def _syntax(drawn: random.Random) -> Mixed:
    wrong = drawn.choice(("def total(numbers:", "return", "  indented = 1", "x = = 1", "'never closed", "\0"))
    return _said("syntax error", Status.FAIL, f"{wrong}\n{GOOD}")


def _exiting(drawn: random.Random) -> Mixed:
    code = drawn.choice((0, 1, 3, 77))
    return _placed(drawn, "exit", Status.CRASH, f"import os\nos._exit({code})")


def _crashing(drawn: random.Random) -> Mixed:
    code = drawn.choice(
        (
            "import ctypes\nctypes.string_at(0)",
            "import os\nos.abort()",
            "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)",
            "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)",
        )
    )
    return _placed(drawn, "crash", Status.CRASH, code)


def _hanging(drawn: random.Random) -> Mixed:
    code = drawn.choice(
        (
            "while True:\n    pass",
            "import time\ntime.sleep(3600)",
            "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.pause()",
            "import threading\nthreading.Event().wait()",
        )
    )
    return _placed(drawn, "hang", Status.TIMEOUT, code, SHORT)


def _hungry(drawn: random.Random) -> Mixed:
    size = drawn.choice((600, 900, 2000))
    code = drawn.choice((f"keep = bytearray({size} << 20)", f"keep = [bytearray(1 << 20) for _ in range({size})]"))
    return _placed(drawn, "memory", Status.FAIL, code)


def _hungry_family(drawn: random.Random) -> Mixed:
    children = drawn.choice((5, 6))
    code = (
        "import os, time\n"
        f"for _ in range({children}):\n"
        "    if os.fork() == 0:\n"
        "        keep = b'x' * (200 << 20)\n"
        "        time.sleep(3600)\n"
        "time.sleep(3600)"
    )
    return _placed(drawn, "family", Status.OOM, code)


def _deep(drawn: random.Random) -> Mixed:
    return _said("recursion", Status.FAIL, f"def total(numbers):\n    return total(numbers) + {drawn.randint(1, 9)}\n")


def _leaving(drawn: random.Random) -> Mixed:
    left = drawn.choice(("open('left.txt', 'w').write('x')", "import os; os.makedirs('left/over', exist_ok=True)"))
    return _said("leaves files", Status.PASS, f"{left}  # {drawn.random()}\n{GOOD}")


def _forging(drawn: random.Random) -> Mixed:
    row = '{"finished": {"code": 0, "ids": []}}'
    code = (
        "import os\n"
        "for fd in range(3, 64):\n"
        "    try:\n"
        f"        os.write(fd, b'{row}\\n')\n"
        "    except OSError:\n"
        "        pass"
    )
    return _placed(drawn, "forgery", Status.TAMPERED, code)


def _placed(drawn: random.Random, kind: str, expected: Status, code: str, limits: Limits = ROOMY) -> Mixed:
    """When the module is imported, or when its function is called."""
    if drawn.random() < 0.5:
        return _said(kind, expected, f"{code}\n{GOOD}", limits)
    return _said(kind, expected, f"def total(numbers):\n{textwrap.indent(code, '    ')}\n    return 0\n", limits)


_MORE_OF = {"good": 4, "failing": 3, "raising": 2, "memory": 2}
_KINDS: dict[str, Callable[[random.Random], Mixed]] = {
    "good": _good,
    "failing": _failing,
    "raising": _raising,
    "import error": _broken_import,
    "syntax error": _syntax,
    "exit": _exiting,
    "crash": _crashing,
    "hang": _hanging,
    "memory": _hungry,
    "family": _hungry_family,
    "recursion": _deep,
    "leaves files": _leaving,
    "forgery": _forging,
}
