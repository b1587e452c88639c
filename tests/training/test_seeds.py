"""What becomes a seed, and what does not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from darner.engine.errors import BadInput
from darner.training import seeds
from darner.training.types import Dropped

GOOD = '''
from math import floor, sqrt
import os


def half(number):
    """Half of a number, rounded down.

    >>> half(5)
    2
    """
    return floor(number / 2)
'''


def mined(tmp_path: Path, text: str) -> tuple[list[str], dict[str, int]]:
    """Names of the seeds of one module, and the reasons why other functions are none."""
    (tmp_path / "module.py").write_text(text, encoding="utf-8")
    corpus = seeds.folder(tmp_path, "MIT")
    found = list(seeds.mine(corpus, seeds.files(corpus)[0]))
    dropped = Counter(each.reason for each in found if isinstance(each, Dropped))
    return [each.name for each in found if isinstance(each, seeds.Seed)], dict(dropped)


def test_a_seed_runs_on_its_own_and_says_where_it_is_from(tmp_path: Path) -> None:
    """It carries the imports that it uses and no others, so that it can be run outside its module."""
    (tmp_path / "module.py").write_text(GOOD, encoding="utf-8")
    corpus = seeds.folder(tmp_path, "MIT")
    (seed,) = seeds.mine(corpus, seeds.files(corpus)[0])
    assert isinstance(seed, seeds.Seed)
    names: dict[str, object] = {}
    exec(seed.code, names)

    assert callable(names["half"])
    assert names["half"](5) == 2
    assert seed.code.startswith("from math import floor\n\n\ndef half")
    assert (seed.origin, seed.line, seed.licence, seed.examples) == ("module.py", 6, "MIT", 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def f(a):\n    return a\n", "no docstring"),
        ("def f(a):\n    'Doc.'\n    print(a)\n", "returns no value"),
        ("def f(a):\n    'Doc.'\n    def g():\n        return a\n    g()\n", "returns no value"),
        ("def f():\n    'Doc.'\n    return 1\n", "no argument"),
        ("def f(a):\n    'Doc.'\n    return a  # FIXME later\n", "banned word"),
        ("import os\ndef f(a):\n    'Doc.'\n    return os.stat(a)\n", "banned import"),
        ("LIMIT = 3\ndef f(a):\n    'Doc.'\n    return a + LIMIT\n", "needs its module"),
        ("def f(a: Money):\n    'Doc.'\n    return a\n", "needs its module"),
        ("def f(a):\n    'Doc.'\n" + "    a += 1\n" * 150 + "    return a\n", "too long"),
        ("import functools\n@functools.cache\ndef f(a):\n    'Doc.'\n    return a\n", "decorated"),
        ("async def f(a):\n    'Doc.'\n    return a\n", "async"),
        ("def f(a):\n    'Doc.'\n    return (\n", "file cannot be parsed"),
        ('def f(a):\n    """Doc.\n\n    >>>f(1)\n    """\n    return a\n', "malformed examples"),
    ],
)
def test_a_function_that_would_teach_little_is_dropped_with_its_reason(tmp_path: Path, text: str, reason: str) -> None:
    """The reasons are counted in the manifest; a silent filter cannot be trusted."""
    assert mined(tmp_path, text) == ([], {reason: 1})


def test_a_word_that_only_contains_a_banned_word_is_kept(tmp_path: Path) -> None:
    """`debug` and `ladybug` are no confession."""
    assert mined(tmp_path, "def ladybug(debug):\n    'Doc.'\n    return debug\n") == (["ladybug"], {})


def test_equal_functions_have_equal_ids_whatever_their_names(tmp_path: Path) -> None:
    """Copies under other names would be counted twice."""
    text = "".join(
        f"def {name}(a):\n    'Documented as {name}.'\n    return {value}\n"
        for name, value in (("f", "a + 1"), ("g", "(a+1)"), ("h", "a"))
    )
    (tmp_path / "module.py").write_text(text, encoding="utf-8")
    corpus = seeds.folder(tmp_path, "MIT")
    first, second, third = (
        found.id for found in seeds.mine(corpus, seeds.files(corpus)[0]) if isinstance(found, seeds.Seed)
    )

    assert first == second
    assert first != third


def test_tests_and_hidden_folders_are_not_mined(tmp_path: Path) -> None:
    """A test function's docstring says what is tested, not what it computes."""
    for name in ("tests/a.py", ".hidden/b.py", "test_c.py", "site-packages/d.py", "kept.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(GOOD, encoding="utf-8")

    assert [path.name for path in seeds.files(seeds.folder(tmp_path, "MIT"))] == ["kept.py"]


@pytest.mark.parametrize("name", ["missing", "file.py", "empty"])
def test_a_folder_without_python_files_is_bad_input(tmp_path: Path, name: str) -> None:
    """An empty output with exit code 0 would look like success."""
    (tmp_path / "file.py").write_text("", encoding="utf-8")
    (tmp_path / "empty").mkdir()

    with pytest.raises(BadInput, match=r"name (one|another)"):
        seeds.folder(tmp_path / name, "MIT")
