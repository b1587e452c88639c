"""What becomes a seed, and what does not."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from darner.engine.errors import BadInput
from darner.training import corpora, seeds
from darner.training.types import Dropped, Seed

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
    corpus = corpora.folder(tmp_path, "MIT")
    found = list(seeds.mine(corpus, corpus.files[0]))
    dropped = Counter(each.reason for each in found if isinstance(each, Dropped))
    return [each.name for each in found if isinstance(each, Seed)], dict(dropped)


def test_a_seed_runs_on_its_own_and_says_where_it_is_from(tmp_path: Path) -> None:
    """It carries the imports that it uses and no others, so that it can be run outside its module."""
    (tmp_path / "module.py").write_text(GOOD, encoding="utf-8")
    corpus = corpora.folder(tmp_path, "MIT")
    (seed,) = seeds.mine(corpus, corpus.files[0])
    assert isinstance(seed, Seed)
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
        ("LIMIT = 3\nLIMIT = 4\ndef f(a):\n    'Doc.'\n    return a + LIMIT\n", "needs its module"),
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


def test_a_seed_takes_along_what_it_needs_of_its_module(tmp_path: Path) -> None:
    """Most functions of real code use a constant or a helper; alone they would not run."""
    text = (
        "import re\nimport json\nfrom math import ceil\n"
        "STEP = 2\nPATTERN = re.compile('[a-z]+')\nUNUSED = json\n"
        "def f(text):\n    'Doc.'\n    return _count(text) + STEP\n"
        "def _count(text):\n    return ceil(len(PATTERN.findall(text)) / 2)\n"
    )
    (tmp_path / "module.py").write_text(text, encoding="utf-8")
    corpus = corpora.folder(tmp_path, "MIT")
    (seed,) = (found for found in seeds.mine(corpus, corpus.files[0]) if isinstance(found, Seed))
    names: dict[str, Any] = {}
    exec(seed.code, names)

    assert names["f"]("a b c") == 4
    assert "json" not in seed.code
    assert (
        seed.code.index("STEP") < seed.code.index("PATTERN") < seed.code.index("def _count") < seed.code.index("def f")
    )


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
    corpus = corpora.folder(tmp_path, "MIT")
    first, second, third = (found.id for found in seeds.mine(corpus, corpus.files[0]) if isinstance(found, Seed))

    assert first == second
    assert first != third


def test_tests_and_hidden_folders_are_not_mined(tmp_path: Path) -> None:
    """A test function's docstring says what is tested, not what it computes."""
    for name in ("tests/a.py", ".hidden/b.py", "test_c.py", "site-packages/d.py", "kept.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(GOOD, encoding="utf-8")

    assert [path.name for path in corpora.folder(tmp_path, "MIT").files] == ["kept.py"]


@pytest.mark.parametrize("name", ["missing", "file.py", "empty"])
def test_a_folder_without_python_files_is_bad_input(tmp_path: Path, name: str) -> None:
    """An empty output with exit code 0 would look like success."""
    (tmp_path / "file.py").write_text("", encoding="utf-8")
    (tmp_path / "empty").mkdir()

    with pytest.raises(BadInput, match=r"name (one|another)"):
        corpora.folder(tmp_path / name, "MIT")


def test_only_permissive_licences_are_learnt_from(tmp_path: Path) -> None:
    """Of one alternative of the expression, every part must be permissive. One's own code has a licence of its own."""
    allowed = [
        "MIT",
        "MIT OR GPL-3.0-only",
        "Apache-2.0 AND MIT",
        "(GPL-2.0-only AND MIT) OR BSD-3-Clause",
        "LicenseRef-Ours",
    ]
    refused = ["", "GPL-3.0-only", "MIT AND GPL-2.0-only", "Proprietary", "mit"]

    assert [each for each in (*allowed, *refused) if corpora.permitted(each)] == allowed
    with pytest.raises(BadInput, match=r"GPL-3\.0-only is not a permissive licence known here"):
        corpora.folder(tmp_path, "GPL-3.0-only")
    with pytest.raises(BadInput, match="Every seed records its licence"):
        corpora.folder(tmp_path, "")


@pytest.mark.parametrize(
    ("metadata", "licence", "names"),
    [
        ("License-Expression: MIT", "MIT", ["half"]),
        ("Classifier: License :: OSI Approved :: BSD License", "BSD-3-Clause", ["half"]),
        ("License: Apache-2.0", "Apache-2.0", ["half"]),
        ("License-Expression: GPL-3.0-or-later", "GPL-3.0-or-later", []),
        ("Summary: nothing is said", "", []),
    ],
)
def test_the_licence_of_a_package_is_read_from_its_metadata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metadata: str, licence: str, names: list[str]
) -> None:
    """Nobody has to say it, and nobody can forget it; what says nothing is not taken."""
    info = tmp_path / "halves-1.0.dist-info"
    info.mkdir()
    (tmp_path / "halves.py").write_text(GOOD, encoding="utf-8")
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: halves\nVersion: 1.0\n{metadata}\n", encoding="utf-8")
    (info / "RECORD").write_text("halves.py,,\nhalves-1.0.dist-info/METADATA,,\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    corpus = corpora.package("halves")
    found = [each for path in corpus.files for each in seeds.mine(corpus, path)]

    assert corpus.licence == licence
    assert [each.name for each in found if isinstance(each, Seed)] == names
    assert [each.origin for each in found if isinstance(each, Seed)] == ["halves:halves.py"] * len(names)
    with pytest.raises(BadInput, match="quarters is not installed"):
        corpora.package("quarters")
