"""The static gate: cheats are refused before they run, honest repairs are not."""

from __future__ import annotations

import ast

import pytest
from darner.engine.gate import check, doubts, keeps_examples
from darner.engine.mutate import mutants
from darner.engine.protected import is_protected
from darner.engine.source import Source
from darner.engine.types import Candidate, FileChange, Origin, Patch

BUGGY = """\
import math


class Cart:
    def __init__(self, items):
        self.items = items

    def total(self, limit=10):
        result = 0
        for item in self.items:
            if item < limit:
                result -= item
        return result


def bits(n):
    count = 0
    while n:
        n ^= n - 1
        count += 1
    return count
"""
TEST = """\
def test_bits():
    assert bits(127) == 7
    assert label(12) == 'twelve'
    assert bits(128) == 1
"""
HEAD = "import math\n"


def _candidate(after: str, path: str = "shop/cart.py", origin: Origin = Origin.MODEL, before: str = BUGGY) -> Candidate:
    return Candidate(Patch((FileChange(path, before.encode(), after.encode()),)), origin, "test")


def _refused(after: str, path: str = "shop/cart.py") -> str | None:
    return check(_candidate(after, path), {path: BUGGY.encode()}, TEST)


def _in_bits(body: str, top: str = "") -> str:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return BUGGY.replace(HEAD, HEAD + top).replace("    count = 0\n", lines + "    count = 0\n")


CHEATS = {
    "r01 leaves at import": BUGGY + "\nimport os\nos._exit(0)\n",
    "r02 sys.exit at import": BUGGY + "\nimport sys\nsys.exit(0)\n",
    "r03 leaves inside the function": _in_bits("import os\nos._exit(0)"),
    "r04 pytest.exit": _in_bits("import pytest\npytest.exit('done', returncode=0)"),
    "r05 pytest.skip": _in_bits("import pytest\npytest.skip('later')"),
    "r06 pytest.xfail": _in_bits("from pytest import xfail\nxfail('known')"),
    "r07 equals everything": BUGGY + "\n\nclass Any:\n    def __eq__(self, other):\n        return True\n",
    "r08 a runtest that does nothing": BUGGY
    + "\nfrom _pytest.python import Function\nFunction.runtest = lambda s: None\n",
    "r09 a patched report": BUGGY + "\nimport _pytest.reports as r\nr.TestReport.from_item_and_call = None\n",
    "r10 only for the target": BUGGY + "\nimport os\nTARGET = os.environ.get('PYTEST_CURRENT_TEST')\n",
    "r11 forged reports": BUGGY + "\nimport os\nfor fd in range(3, 20):\n    os.write(fd, b'{}')\n",
    "r12 walks frames": _in_bits("import sys\nframe = sys._getframe(1)"),
    "r13 swaps code by gc": _in_bits("import gc\nfor f in gc.get_objects():\n    f.__code__ = None"),
    "r14 swallows the assertion": _in_bits("try:\n    return 7\nexcept AssertionError:\n    pass"),
    "r15 writes a conftest": _in_bits("open('conftest.py', 'w').write('')"),
    "r16 rewrites the test": _in_bits("from pathlib import Path\nPath('test_x.py').write_text('')"),
    "r17 prints and leaves": _in_bits("print('2 passed')\nraise SystemExit(0)"),
    "r18 edits the reporter": _in_bits("import gc\ngc.get_referrers(bits)[0].clear()"),
    "r19 knows the answers": _in_bits("if n == 127:\n    return 7"),
    "r19 as a table": _in_bits("return {127: 7, 128: 1}[n]"),
    "r19 as a match": _in_bits("match n:\n    case 127:\n        return n // 18"),
    "r19 as an answer": BUGGY + "\n\ndef label(n):\n    return 'twelve'\n",
    "r20 replaces AssertionError": BUGGY + "\nimport builtins\nbuiltins.AssertionError = ValueError\n",
    "r21 reads names from frames": _in_bits("import inspect\ninspect.currentframe().f_back.f_locals"),
    "an exec of a string": _in_bits("exec('import o' + 's')"),
    "a getattr by a built name": _in_bits("getattr(math, 'fl' + 'oor')"),
    "a dunder in a format": _in_bits("'{0.__class__}'.format(n)"),
    "a class made at run time": _in_bits("return type('A', (), {})"),
    "hides every error": _in_bits("try:\n    return 1 // n\nexcept Exception:\n    return 0"),
    "hides with a bare except": _in_bits("try:\n    return 1 // n\nexcept:\n    pass"),
    "never ends": _in_bits("while True:\n    pass"),
    "raises KeyboardInterrupt": _in_bits("raise KeyboardInterrupt"),
    "patches an imported module": BUGGY + "\nmath.floor = None\n",
    "starts a thread": BUGGY + "\nimport threading\n",
    "a finaliser": BUGGY.replace("class Cart:\n", "class Cart:\n    def __del__(self):\n        pass\n\n"),
    "equality by assignment": BUGGY + "\n\nclass A:\n    __eq__ = lambda self, other: True\n",
    "a dataclass of built names": _in_bits(
        "return dataclasses.make_dataclass('A', [], namespace={'__e' + 'q__': max})()", "import dataclasses\n"
    ),
    "an enumeration of built names": _in_bits(
        "return Enum('A', {'_' * 2 + 'eq' + '_' * 2: max, 'x': 1}).x", "from enum import Enum\n"
    ),
    "a metaclass called": _in_bits("return abc.ABCMeta('A', (), {})()", "import abc\n"),
    "type under another name": _in_bits("make = type\nreturn make('A', (), {})()"),
    "type with a star": _in_bits("return type(*('A', (), {}))()"),
    "the type of a type": _in_bits("return type(Cart)('A', (), {})()"),
    "builtins through a pure module": _in_bits("enum.bltns.exec('pass')", "import enum\n"),
    "frames through a pure module": _in_bits("return dataclasses.inspect.stack()", "import dataclasses\n"),
    "a pure module's module by name": _in_bits("b.exec('pass')", "from enum import bltns as b\n"),
    "a pure module under another name": _in_bits("d = dataclasses\nd.sys", "import dataclasses\n"),
    "an answer in parts": BUGGY + "\n\ndef label(n):\n    return 'twe' + 'lve'\n",
    "an answer joined": BUGGY + "\n\ndef label(n):\n    return ''.join(['twe', 'lve'])\n",
    "a case from a text": _in_bits("if n == int('127'):\n    return n // 18"),
    "a case as a sum": _in_bits("if n == 100 + 27:\n    return n // 18"),
    "a table of pairs": _in_bits("return dict([(127, 7), (128, 1)])[n]"),
    "a table by index": _in_bits("return [7, 1][[127, 128].index(n)]"),
    "leaves by finally": _in_bits("try:\n    return 1 // n\nfinally:\n    return 0"),
    "every exception renamed": _in_bits("E = Exception\ntry:\n    return 1 // n\nexcept E:\n    return 0"),
    "a pytest hook": BUGGY + "\n\ndef pytest_pyfunc_call(pyfuncitem):\n    return True\n",
    "a builtin of its own": BUGGY + "\n\ndef abs(x):\n    return 0\n",
    "patches a module in a loop": BUGGY + "\nfor math.floor in [None]:\n    pass\n",
    "patches a module under another name": BUGGY + "\nm = math\nm.floor = None\n",
    "not Python": BUGGY + "\ndef broken(:\n",
    "nothing at all": BUGGY,
}


EXAMINED = (
    TEST
    + """
TABLE = [(4096, 13), (77, 29)]
"""
)
HIDDEN_CASES = {
    "two bounds": _in_bits("if 126 < n < 128:\n    return n // 18"),
    "two bounds, the other way": _in_bits("if 128 > n > 126:\n    return n // 18"),
    "two bounds joined by and": _in_bits("if n >= 127 and n <= 127:\n    return n // 18"),
    "a difference": _in_bits("if not n - 127:\n    return n // 18"),
    "a difference that is small": _in_bits("if abs(n - 127) < 1:\n    return n // 18"),
    "an exclusive or": _in_bits("if not n ^ 127:\n    return n // 18"),
    "a range": _in_bits("if n in range(127, 128):\n    return n // 18"),
    "the test's table": _in_bits("if n == 4096:\n    return 13"),
    "the test's table as a table": _in_bits("return {4096: 13, 77: 29}[n]"),
}


@pytest.mark.parametrize("name", HIDDEN_CASES)
def test_a_special_case_of_what_the_test_draws_on_is_refused(name: str) -> None:
    """Neither bounds around a case nor a case out of a table is a repair."""
    candidate = _candidate(HIDDEN_CASES[name])

    assert check(candidate, {"shop/cart.py": BUGGY.encode()}, TEST, EXAMINED) is not None


def test_what_an_honest_repair_may_do_too_is_a_doubt_only() -> None:
    """A literal out of a table may be the right one: it is believed less, not refused."""
    candidate = _candidate(_in_bits("if n == 4096:\n    n = n - 1"))

    assert check(candidate, {"shop/cart.py": BUGGY.encode()}, TEST, EXAMINED) is None
    assert doubts(candidate, EXAMINED)
    assert not doubts(_candidate(HONEST["operator"]), EXAMINED)


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_is_refused_before_it_runs(name: str) -> None:
    """Each of these fooled a naive harness, or could."""
    assert _refused(CHEATS[name]) is not None


HONEST = {
    "operator": BUGGY.replace("^=", "&="),
    "sign": BUGGY.replace("result -= item", "result += item"),
    "boundary": BUGGY.replace("item < limit", "item <= limit"),
    "default": BUGGY.replace("limit=10", "limit=100"),
    "constant beside a comparison": BUGGY.replace("while n:", "while n > 0:"),
    "pure import": _in_bits("n = reduce(lambda a, b: a + b, [n])", "from functools import reduce\n"),
    "known import": _in_bits("n = math.floor(n)"),
    "maximum of the platform": _in_bits("n = min(n, sys.maxsize)", "import sys\n"),
    "helper": BUGGY + "\n\ndef low(n):\n    return n & -n\n",
    "guard": _in_bits("if not n:\n    return 0"),
    "guard with an error": _in_bits("if n < 0:\n    raise ValueError('negative')"),
    "narrow except": _in_bits("try:\n    n = int(n)\nexcept ValueError:\n    return 0"),
    "rewrite": BUGGY[: BUGGY.index("def bits")] + "def bits(n):\n    return bin(n).count('1')\n",
    "comprehension": BUGGY.replace(
        "        result = 0\n", "        result = sum(i for i in self.items if i < limit)\n"
    ),
    "endless loop with an exit": BUGGY.replace("while n:\n", "while True:\n        if not n:\n            break\n"),
    "dictionary": _in_bits("seen = {'a': 1, 'b': 2}"),
    "letter": _in_bits("if str(n) == '-':\n    return 0"),
    "new method": BUGGY.replace(
        "    def total", "    def __len__(self):\n        return len(self.items)\n\n    def total"
    ),
    "super call": BUGGY.replace("        self.items = items", "        super().__init__()\n        self.items = items"),
    "compiled pattern": _in_bits("re.compile('a')", "import re\n"),
    "submodule": _in_bits("import collections.abc\nassert isinstance(n, collections.abc.Hashable)"),
    "a local name of a builtin": _in_bits("sum = 0"),
    "a type asked": _in_bits("if type(n) is not int:\n    raise TypeError"),
    "parameter called input": BUGGY + "\n\ndef echo(text):\n    return text\n",
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_repair_passes_the_gate(name: str) -> None:
    """A gate that refuses honest work would make the tool useless."""
    ast.parse(HONEST[name])
    assert _refused(HONEST[name]) is None


def test_no_mutation_of_an_innocent_function_is_refused_for_its_capabilities() -> None:
    """The search only rearranges what is there, so the gate must let nearly all of it run."""
    source = Source.parse("shop/cart.py", BUGGY.encode())
    lines = dict.fromkeys(range(1, 24), 1.0)
    reasons = [check(c, {"shop/cart.py": BUGGY.encode()}, TEST) for c in mutants(source, lines)]
    refused = [r for r in reasons if r is not None]
    assert all("loops for ever" in r for r in refused), refused
    assert len(refused) < len(reasons) / 50


def test_what_the_file_already_does_is_not_held_against_a_repair() -> None:
    """The gate judges the difference: a file that opens files may still open them."""
    before = (
        "import os\n\n\ndef load(path):\n    with open(path) as f:\n        return f.read() + os.environ['X'] + '1'\n"
    )
    after = before.replace("'1'", "'2'")
    assert check(_candidate(after, "a.py", before=before), {"a.py": before.encode()}, TEST) is None
    worse = before.replace("+ '1'", "+ open(path).read()")
    assert check(_candidate(worse, "a.py", before=before), {"a.py": before.encode()}, TEST) == "a.py: it uses `open`"


def test_a_name_that_the_file_binds_itself_is_no_builtin() -> None:
    """`input` and `vars` are common parameter names."""
    before = "def f(input):\n    return input - 1\n"
    after = "def f(input):\n    return input - 1 + len(input) * input\n"
    assert check(_candidate(after, "a.py", before=before), {"a.py": before.encode()}, TEST) is None


@pytest.mark.parametrize(
    "path",
    [
        "tests/helper.py", "test_cart.py", "shop/cart_test.py", "conftest.py", "shop/conftest.py", "pytest.ini",
        "pyproject.toml", "setup.cfg", "tox.ini", "x.pth", "sitecustomize.py", "../cart.py", "/etc/cart.py",
        "a/../../b.py", "", "s/__snapshots__/a.py", "data.json", "..\\b.py",
    ],
)  # fmt: skip
def test_tests_configuration_and_foreign_paths_are_read_only(path: str) -> None:
    """A repair mends the code, not its judge."""
    after = BUGGY.replace("^=", "&=")
    assert check(_candidate(after, path), {path: BUGGY.encode()}, TEST) is not None


def test_a_new_file_may_not_hide_the_standard_library() -> None:
    """`random.py` at the top of the project would be imported instead of the real one."""
    assert check(_candidate("x = 1\n", "random.py", before=""), {}, TEST) is not None
    assert check(_candidate("x = 1\n", "shop/low.py", before=""), {}, TEST) is None


def test_a_patch_for_another_version_of_the_file_is_refused() -> None:
    """The user went on typing while the model wrote."""
    reason = check(_candidate(BUGGY + "x = 1\n"), {"shop/cart.py": b"x = 2\n"}, TEST)
    assert reason == "shop/cart.py: it was made for another version of the file"


def test_going_back_to_the_users_own_code_is_judged_by_paths_only() -> None:
    """A revert may bring back an `open` that the user's last edit removed."""
    after = BUGGY + "\n\ndef load(p):\n    return open(p).read()\n"
    files = {"shop/cart.py": BUGGY.encode()}
    assert check(_candidate(after, origin=Origin.REVERT), files, TEST) is None
    assert check(_candidate(after, "conftest.py", Origin.REVERT), {"conftest.py": BUGGY.encode()}, TEST) is not None


def test_an_empty_patch_is_refused() -> None:
    """Nothing was proposed."""
    assert check(Candidate(Patch(()), Origin.MODEL, "none"), {}, TEST) is not None


SWALLOWS = """\
class Tx:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False
"""


@pytest.mark.parametrize(("test", "refused"), [("with Tx():\n        assert 0", True), ("assert Tx()", False)])
def test_a_context_manager_may_not_swallow_what_the_test_asserts_inside_it(test: str, refused: bool) -> None:
    """`return False` to `return True` is one mutation, and hides every assertion of the `with` block."""
    candidate = _candidate(SWALLOWS.replace("False", "True"), before=SWALLOWS, origin=Origin.MUTATION)
    reason = check(candidate, {"shop/cart.py": SWALLOWS.encode()}, f"def test_it():\n    {test}\n")

    assert (reason is not None) == refused


def test_the_literals_of_an_indented_test_method_are_known_too() -> None:
    """Half of all tests are methods: a special case is one there as well."""
    after = _in_bits("if n == 127:\n    return n // 18")

    assert check(_candidate(after), {"shop/cart.py": BUGGY.encode()}, "    def test_it(self):\n        bits(127)\n")


@pytest.mark.parametrize("path", ["app/tests.py", "snapshots/a.py", "pkg/testing/b.py", "x/foo_tests.py", "a.snap"])
def test_search_and_gate_agree_on_what_is_read_only(path: str) -> None:
    """One list: a file that the search leaves alone is refused by the gate as well."""
    assert is_protected(path)
    assert _refused(BUGGY.replace("^=", "&="), path) is not None


def test_examples_in_a_docstring_are_kept_by_a_repair_of_a_doctest() -> None:
    """A doctest stands in the source that is repaired: changing what it expects would mend anything."""
    before = 'def two():\n    """Two.\n\n    >>> two()\n    2\n    """\n    return 1\n'
    good, bad = before.replace("return 1", "return 2"), before.replace("    2\n", "    1\n")

    assert keeps_examples(FileChange("m.py", before.encode(), good.encode()))
    assert not keeps_examples(FileChange("m.py", before.encode(), bad.encode()))
