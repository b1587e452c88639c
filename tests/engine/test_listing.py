"""After a save only what changed is collected again; what may depend on more is collected as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from darner.engine.listing import Listing
from darner.engine.stop import Stop
from darner.engine.warm import WarmProject

FILES = {
    "shop.py": "SIZES = [1, 2]\n",
    "test_a.py": "def test_one(): ...\n",
    "test_b.py": "import pytest, shop\n\n\n@pytest.mark.parametrize('n', shop.SIZES)\ndef test_n(n): ...\n",
    "README.md": "words\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("test_a.py", "def test_two(): ...\n\n\n", ["test_a.py"]),
        ("test_c.py", "def test_new(): ...\n", ["test_c.py"]),
        ("README.md", "other words\n", None),
        ("shop.py", "SIZES = [1, 2, 3]\n", []),
        ("conftest.py", "", []),
        ("test_a.py", None, None),
        ("test_b.py", "from test_a import test_one\n", ["test_b.py"]),
    ],
)
def test_what_is_collected_again(project: Path, name: str, text: str | None, expected: list[str] | None) -> None:
    """`expected`: the files, none of them for everything, None when nothing is."""
    asked: list[list[str]] = []

    def collect(names: Sequence[str]) -> list[str]:
        asked.append(list(names))
        return [f"{path}::test" for path in names or ("test_a.py", "test_b.py")]

    listing = Listing(project)
    listing.tests(stamps(project), collect)
    assert asked.pop() == []

    if text is None:
        (project / name).unlink()
    else:
        (project / name).write_text(text)
    found = listing.tests(stamps(project), collect)

    assert asked == ([] if expected is None else [expected])
    assert ("test_a.py::test" in found) is (text is not None)


def test_a_test_file_that_another_one_names_is_not_collected_alone(project: Path) -> None:
    """Tests can be imported, and parameters too."""
    asked: list[list[str]] = []
    (project / "test_b.py").write_text("from test_a import test_one\n")
    listing = Listing(project)
    listing.tests(stamps(project), lambda names: asked.append(list(names)) or ())
    (project / "test_a.py").write_text("def test_one_more(): ...\n")

    listing.tests(stamps(project), lambda names: asked.append(list(names)) or ())

    assert asked == [[], []]


def test_the_tree_is_that_of_a_whole_collection_after_every_save(project: Path) -> None:
    """With pytest in the real sandbox."""
    warm, stop = WarmProject(project, None), Stop()
    try:
        with warm.use(stop) as open_project:
            first = open_project.tests()
        (project / "test_a.py").write_text("def test_two(): ...\n\n\ndef test_three(): ...\n")
        with warm.use(stop) as open_project:
            second = open_project.tests()
    finally:
        warm.close()

    params = ("test_b.py::test_n[1]", "test_b.py::test_n[2]")
    assert first == ("test_a.py::test_one", *params)
    assert second == ("test_a.py::test_two", "test_a.py::test_three", *params)


def stamps(root: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in root.iterdir() if path.is_file()}
