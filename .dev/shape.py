"""`make shape`: sizes of modules and functions, and what is annotated and documented, beside codebases we admire."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("sandbox", "engine", "lsp", "training")
ADMIRED = {
    "mini-swe-agent": (79, 316, 9, 26, 80),
    "svcs": (273, 1_199, 10, 30, 100),
    "esbonio": (114, 517, 9, 36, 46),
    "nanochat": (194, 604, 13, 47, 10),
    "pluggy": (87, 749, 8, 31, 100),
    "httpx": (248, 2_019, 9, 34, 100),
}
"""Counted in 2026 in their sources: module median and maximum, function median and p90, annotated %."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What one folder's files look like."""

    modules: tuple[int, ...]
    """Lines of each file."""
    functions: tuple[int, ...]
    annotated: int
    """Functions of which every parameter and the result have a type."""
    public: int
    documented: int

    def __add__(self, other: Shape) -> Shape:
        return Shape(
            self.modules + other.modules,
            self.functions + other.functions,
            self.annotated + other.annotated,
            self.public + other.public,
            self.documented + other.documented,
        )


def shape_of(paths: Sequence[Path]) -> Shape:
    found = Shape((), (), 0, 0, 0)
    for path in paths:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        public = list(_public(tree))
        found += Shape(
            (len(text.splitlines()),),
            tuple((f.end_lineno or 0) - f.lineno + 1 for f in functions),
            sum(_is_annotated(f) for f in functions),
            len(public),
            sum(ast.get_docstring(node) is not None for node in public),
        )
    return found


def _public(node: ast.Module | ast.ClassDef) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Classes, functions and methods whose names, and whose class's name, begin with no underscore."""
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_"):
            yield child
            if isinstance(child, ast.ClassDef):
                yield from _public(child)


def _is_annotated(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]
    return function.returns is not None and all(a.annotation or a.arg in ("self", "cls") for a in named)


def row(name: str, found: Shape) -> str:
    lengths = sorted(found.functions)
    return _line(
        name,
        len(found.modules),
        round(median(found.modules)),
        max(found.modules),
        len(lengths),
        round(median(lengths)),
        lengths[len(lengths) * 9 // 10],
        lengths[-1],
        f"{found.annotated / len(lengths):.0%}",
        f"{found.documented / found.public:.0%}",
    )


def _line(name: str, *figures: object) -> str:
    return f"{name:<16}" + "".join(f"{figure!s:>11}" for figure in figures)


def main() -> None:
    shapes = {folder: shape_of(sorted((ROOT / folder).glob("*.py"))) for folder in FOLDERS}
    heads = ("modules", "median", "max", "functions", "median", "p90", "max", "annotated", "documented")
    print(_line("", *heads))
    for name, found in shapes.items():
        print(row(f"{name}/", found))
    print(row("all four", sum(shapes.values(), Shape((), (), 0, 0, 0))))
    print(row("tests/", shape_of(sorted((ROOT / "tests").glob("**/*.py")))))
    for name, (middle, most, function, p90, annotated) in ADMIRED.items():
        print(_line(name, "", middle, most, "", function, p90, "", f"{annotated}%", ""))


if __name__ == "__main__":
    main()
