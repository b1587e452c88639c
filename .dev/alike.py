"""`make alike`: pairs of functions that share six or more lines of logic, and the account given for each.

Lines of function bodies are compared token by token: variables, texts and numbers may differ, what is called and which
attributes are read may not. A pair that is the same logic is to become one; one that only looks alike has its reason in
`ACCOUNTS`, which a test holds to what is found.
"""

from __future__ import annotations

import ast
import io
import keyword
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("lsp", "engine", "sandbox", "training", "tests", ".dev")
LEAST_LINES = 6
LEAST_TELLING = 4
"""Of them, that call, read or decide something; the rest may be plain data."""
ACCOUNTS: dict[tuple[str, str], str] = {
    ("training/mistakes.py::_sampled", "training/responses.py::_responses"): (
        "One call of the teacher each, with the settings of its own stage; what is made of the answers differs."
    ),
    (
        "tests/e2e/test_writing_over_stdio.py::test_a_stub_is_implemented_by_a_code_action",
        "tests/e2e/test_writing_over_stdio.py::test_a_test_in_a_new_file_is_one_edit",
    ): ("Two stories of a user that begin alike: each is read from its beginning to its end."),
    ("tests/editors/real_neovim.py::until", "tests/lsp/raw_client.py::until"): (
        "Two folders of tests that import nothing of each other; one says more when it fails."
    ),
    ("tests/engine/tiny_gguf.py::write_tiny_gguf", "tests/training/tiny_net.py::write_tiny_net"): (
        "Every field that a model file must state: two different models, in two folders of tests."
    ),
    ("tests/engine/tiny_gguf.py::_written", "tests/training/tiny_net.py::write_tiny_net"): (
        "The order in which gguf wants a file written."
    ),
}


@dataclass(frozen=True, slots=True, order=True)
class Place:
    path: str
    function: str
    line: int
    """Of the first line that is shared."""

    @property
    def name(self) -> str:
        return f"{self.path}::{self.function}"


def pairs(root: Path, folders: Sequence[str] = FOLDERS) -> list[tuple[Place, Place]]:
    """Each pair of functions once, at the first run that they share."""
    places: dict[tuple[str, ...], list[Place]] = defaultdict(list)
    for folder in folders:
        for path in sorted((root / folder).glob("**/*.py" if folder == "tests" else "*.py")):
            for run, place in runs(path.read_text(encoding="utf-8"), str(path.relative_to(root))):
                places[run].append(place)
    found: dict[tuple[str, str], tuple[Place, Place]] = {}
    for same in places.values():
        for one, other in combinations(sorted(same), 2):
            if one.name != other.name:
                found.setdefault((one.name, other.name), (one, other))
    return sorted(found.values())


def runs(source: str, path: str) -> Iterator[tuple[tuple[str, ...], Place]]:
    """Every six neighbouring lines of a function's body that are not mostly data."""
    shapes = dict(_shapes(source))
    for name, function in _functions(ast.parse(source), ""):
        first, last = function.body[0].lineno, function.body[-1].end_lineno or 0
        lines = [number for number in range(first, last + 1) if number in shapes]
        for at in range(len(lines) - LEAST_LINES + 1):
            run = lines[at : at + LEAST_LINES]
            shape = tuple(shapes[number] for number in run)
            if (
                sum(any(word != "V" and word.isidentifier() for word in line.split()) for line in shape)
                >= LEAST_TELLING
            ):
                yield shape, Place(path, name, run[0])


def _functions(node: ast.AST, within: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{within}{child.name}", child
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{within}{child.name}.")


def _shapes(source: str) -> Iterator[tuple[int, str]]:
    """Lines of code by number: no blank lines, comments, imports or lone brackets."""
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type not in _SILENT]
    lines: dict[int, list[str]] = defaultdict(list)
    depth = 0
    for before, token, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
        depth += (token.string in ("(", "[", "{")) - (token.string in (")", "]", "}"))
        kept = str(getattr(before, "string", "")) == "." or getattr(after, "string", "") in ("(", "=" if depth else "(")
        lines[token.start[0]].append(_shown(token, kept))
    for number, words in lines.items():
        if words[0] not in ("from", "import") and any(word.isidentifier() for word in words):
            yield number, " ".join(words)


_SILENT = (
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
)  # fmt: skip


def _shown(token: tokenize.TokenInfo, kept: bool) -> str:
    value = token.type in (tokenize.STRING, tokenize.NUMBER) or token.string in ("None", "True", "False")
    name = token.type == tokenize.NAME and not keyword.iskeyword(token.string) and not kept
    return "V" if value or name else token.string


def main() -> int:
    """Exit code 1 when a pair has no account, or an account no pair."""
    found = pairs(ROOT)
    names = {(one.name, other.name) for one, other in found}
    for one, other in found:
        account = ACCOUNTS.get((one.name, other.name), "NOT ACCOUNTED FOR")
        print(f"{one.name} ({one.line}) ~ {other.name} ({other.line})\n    {account}")
    gone = [pair for pair in ACCOUNTS if pair not in names]
    for pair in gone:
        print(f"{' ~ '.join(pair)}: accounted for, and no longer there")
    print(f"{len(found)} pairs, {len(names - ACCOUNTS.keys())} without an account")
    return 1 if gone or names - ACCOUNTS.keys() else 0


if __name__ == "__main__":
    sys.exit(main())
