"""What the gate counts in a syntax tree: imports, names, attributes, definitions, literals and smells."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

# `sys` is here for its constants; MEMBERS_ALLOWED says which.
PURE_MODULES = frozenset((
    "__future__", "abc", "bisect", "cmath", "collections", "copy", "dataclasses", "datetime", "decimal", "enum",
    "fractions", "functools", "heapq", "itertools", "json", "math", "numbers", "operator", "re", "statistics",
    "string", "sys", "textwrap", "typing", "typing_extensions", "unicodedata",
))  # fmt: skip
FORBIDDEN_NAMES = frozenset((
    "exit", "quit", "exec", "eval", "compile", "globals", "locals", "vars", "getattr", "setattr", "delattr", "open",
    "input", "breakpoint", "gc", "inspect", "ctypes", "signal", "atexit", "threading", "pytest", "unittest",
    "SkipTest", "SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException", "builtins", "importlib",
    "subprocess", "multiprocessing", "socket", "faulthandler", "AssertionError", "memoryview",
))  # fmt: skip
FORBIDDEN_ATTRIBUTES = frozenset((
    "_exit", "exit", "abort", "kill", "killpg", "system", "popen", "fork", "forkpty", "execv", "execve",
    "execvp", "spawnv", "environ", "environb",
    "putenv", "getenv", "modules", "argv", "settrace", "setprofile", "_getframe",
    "_current_frames", "excepthook", "f_back", "f_builtins", "f_code", "f_globals", "f_locals", "f_trace",
    "tb_frame", "tb_next", "gi_frame", "gi_code", "cr_frame", "cr_code", "ag_frame", "ag_code", "co_code",
    "get_objects", "get_referrers", "SkipTest", "skipTest", "runtest", "TestReport", "importorskip", "xfail",
    "write_text", "write_bytes", "unlink", "rmtree", "symlink_to", "hardlink_to", "attrgetter", "methodcaller",
))  # fmt: skip
HARMLESS_DUNDERS = frozenset((
    "__init__", "__post_init__", "__repr__", "__str__", "__format__", "__len__", "__iter__", "__next__",
    "__getitem__", "__setitem__", "__contains__", "__name__", "__doc__", "__file__", "__all__", "__version__",
    "__enter__", "__exit__", "__add__", "__sub__", "__mul__", "__truediv__", "__floordiv__", "__mod__", "__neg__",
    "__abs__", "__radd__", "__rmul__", "__rsub__", "__iadd__", "__int__", "__float__", "__index__", "__reversed__",
    "__missing__", "__aiter__", "__anext__",
))  # fmt: skip
MEMBERS_ALLOWED: dict[str, set[str]] = {
    "sys": {"maxsize", "float_info", "maxunicode", "version_info", "platform", "byteorder"},
    "os": {"path", "sep", "linesep", "fspath", "PathLike", "pathsep", "name"},
    "os.path": {
        "join", "split", "splitext", "basename", "dirname", "normpath", "isabs", "commonpath", "relpath",
        "exists", "isfile", "isdir",
    },
}  # fmt: skip
_TRIVIAL = frozenset(("-1", "0", "1", "2", "0.0", "1.0", "2.0", "None", "True", "False", "''", "b''", "()", "[]", "{}"))
_COMPARISONS = frozenset((
    "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__contains__", "__bool__",
))  # fmt: skip
_BROAD = frozenset(("Exception", "BaseException", "AssertionError"))


@dataclass(slots=True)
class Facts:
    """Multisets, so that an edit of what exists is told from an addition."""

    imports: set[str] = field(default_factory=set[str])
    bound: set[str] = field(default_factory=set[str])
    """Names that the file itself assigns, defines or takes as parameters."""
    names: Counter[str] = field(default_factory=Counter[str])
    attributes: Counter[str] = field(default_factory=Counter[str])
    module_members: Counter[str] = field(default_factory=Counter[str])
    """`sys.exit`: members of modules named in MEMBERS_ALLOWED, under the module's own name."""
    definitions: Counter[str] = field(default_factory=Counter[str])
    strings: set[str] = field(default_factory=set[str])
    literals: set[str] = field(default_factory=set[str])
    cases: Counter[str] = field(default_factory=Counter[str])
    """Literals that a branch asks for: equality, membership, dictionary keys, `match` cases."""
    answers: Counter[str] = field(default_factory=Counter[str])
    """Literals that are returned whole."""
    smells: Counter[str] = field(default_factory=Counter[str])
    aliases: dict[str, str] = field(default_factory=dict[str, str])


def read(tree: ast.Module) -> Facts:
    found = Facts()
    for node in ast.walk(tree):
        _imports(node, found)
    for node in ast.walk(tree):
        _mentions(node, found)
        _branches(node, found)
        found.smells.update(_smells(node, found))
    found.literals = literals(tree)
    return found


def is_dunder(name: str) -> bool:
    return len(name) > 4 and name.startswith("__") and name.endswith("__")


def is_under(module: str, known: set[str]) -> bool:
    """The module, its package or a relative one is already imported."""
    return module.startswith(".") or any(k.split(".")[0] == module.split(".")[0] for k in known)


def literals(tree: ast.AST) -> set[str]:
    """Reprs of every non-trivial literal, containers of literals included."""
    values = (_literal(n) for n in ast.walk(tree) if isinstance(n, ast.expr))
    return {v for v in values if v is not None and not _is_trivial(v)}


def _is_trivial(literal: str) -> bool:
    """What any program says: small numbers, empty containers. Single letters are what honest string code asks for."""
    letter = literal[0] in "'\"" and len(literal) <= 3
    return letter or literal in _TRIVIAL or not literal.strip("[](){}, ")


def _literal(node: ast.expr) -> str | None:
    if not isinstance(node, ast.Constant | ast.List | ast.Tuple | ast.Set | ast.Dict | ast.UnaryOp):
        return None
    try:
        return repr(ast.literal_eval(node))
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return None


def _imports(node: ast.AST, found: Facts) -> None:
    if isinstance(node, ast.Import):
        for alias in node.names:
            found.imports.add(alias.name)
            found.aliases[alias.asname or alias.name.split(".")[0]] = alias.name
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        found.imports.add(module)
        for alias in node.names:
            found.aliases[alias.asname or alias.name] = f"{module}.{alias.name}"
            found.names[alias.name] += alias.name in FORBIDDEN_NAMES
            found.attributes[alias.name] += alias.name in FORBIDDEN_ATTRIBUTES
            if module in MEMBERS_ALLOWED:
                found.module_members[f"{module}.{alias.name}"] += 1


def _mentions(node: ast.AST, found: Facts) -> None:
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load):
            found.names[node.id] += 1
        else:
            found.bound.add(node.id)
    elif isinstance(node, ast.Attribute):
        found.attributes[node.attr] += 1
        owner = found.aliases.get(node.value.id, "") if isinstance(node.value, ast.Name) else ""
        if owner in MEMBERS_ALLOWED:
            found.module_members[f"{owner}.{node.attr}"] += 1
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        found.definitions[node.name] += 1
        found.bound.add(node.name)
    elif isinstance(node, ast.arg):
        found.bound.add(node.arg)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        found.strings.add(node.value)


def _branches(node: ast.AST, found: Facts) -> None:
    if isinstance(node, ast.Compare):
        if isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn | ast.Is | ast.IsNot):
            found.cases.update(_asked(node))
    elif isinstance(node, ast.Dict):
        keys = (_literal(k) for k in node.keys if k is not None)
        found.cases.update(k for k in keys if k is not None)
    elif isinstance(node, ast.MatchValue):
        found.cases.update(_asked(node.value))
    elif isinstance(node, ast.Return | ast.Yield) and node.value is not None:
        found.answers.update(_answers(node.value))
    elif isinstance(node, ast.Lambda):
        found.answers.update(_answers(node.body))


def _answers(value: ast.expr) -> Iterator[str]:
    branches = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
    for branch in branches:
        literal = _literal(branch)
        if literal is not None:
            yield literal


def _asked(node: ast.expr) -> Iterator[str]:
    """Literals in a comparison, whole and in parts."""
    for part in ast.walk(node):
        literal = _literal(part) if isinstance(part, ast.expr) else None
        if literal is not None:
            yield literal


def _smells(node: ast.AST, found: Facts) -> Iterator[str]:
    if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and _hides(node.body):
        yield "catches every exception and hides it"
    elif isinstance(node, ast.ExceptHandler) and "AssertionError" in _exception_names(node.type):
        yield "catches the test's own AssertionError"
    elif isinstance(node, ast.Call) and _called(node) == "suppress" and any(_is_broad(a) for a in node.args):
        yield "suppresses every exception"
    elif isinstance(node, ast.Call) and _called(node) == "type" and len(node.args) == 3:
        yield "builds a class at run time"
    elif isinstance(node, ast.While) and _is_endless(node):
        yield "loops for ever"
    elif isinstance(node, ast.FunctionDef) and node.name in _COMPARISONS and _is_constant(node.body):
        yield f"makes `{node.name}` constant"
    elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
        if any(_is_foreign(target, found) for target in _targets(node)):
            yield "changes another module"
    elif isinstance(node, ast.Return | ast.Raise) and _raises_exit(node):
        yield "raises to leave the test"


def _targets(node: ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]


def _is_foreign(target: ast.expr, found: Facts) -> bool:
    """`module.name = ...`, `Imported.method = ...`."""
    while isinstance(target, ast.Attribute):
        target = target.value
        if isinstance(target, ast.Name):
            return target.id in found.aliases
    return False


def _exception_names(node: ast.expr | None) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} if node is not None else set()


def _is_broad(node: ast.expr | None) -> bool:
    return node is None or bool(_exception_names(node) & _BROAD)


def _hides(body: list[ast.stmt]) -> bool:
    return not any(isinstance(n, ast.Raise) for s in body for n in ast.walk(s))


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _is_endless(node: ast.While) -> bool:
    leaves = ast.Break | ast.Return | ast.Raise | ast.Yield | ast.YieldFrom | ast.Await
    endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
    return endless and not any(isinstance(n, leaves) for s in node.body for n in ast.walk(s))


def _is_constant(body: list[ast.stmt]) -> bool:
    last = body[-1]
    return len(body) <= 2 and isinstance(last, ast.Return) and isinstance(last.value, ast.Constant)


def _raises_exit(node: ast.Return | ast.Raise) -> bool:
    if isinstance(node, ast.Return):
        return False
    return bool(_exception_names(node.exc) & {"SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException"})
