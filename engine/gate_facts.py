"""What the gate counts in a syntax tree: imports, names, attributes, definitions, literals and smells."""

from __future__ import annotations

import ast
import builtins
import importlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType

from .gate_fold import fold
from .gate_pins import pins
from .gate_smells import smells
from .nodes import called_name

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


@dataclass(slots=True)
class Facts:
    """Multisets, so that an edit of what exists is told from an addition."""

    imports: set[str] = field(default_factory=set[str])
    bound: set[str] = field(default_factory=set[str])
    """Names that the file itself assigns, defines or takes as parameters."""
    names: Counter[str] = field(default_factory=Counter[str])
    attributes: Counter[str] = field(default_factory=Counter[str])
    module_members: Counter[str] = field(default_factory=Counter[str])
    """`sys.exit`: members of imported modules, under the module's own name."""
    definitions: Counter[str] = field(default_factory=Counter[str])
    """Names that a `def`, a `class` or an assignment gives."""
    shadowed: set[str] = field(default_factory=set[str])
    """Builtins that the module defines for itself, and for whoever imports everything from it."""
    exits: set[str] = field(default_factory=set[str])
    """What `__exit__` and `__aexit__` return: true swallows the exception of the `with` block."""
    strings: set[str] = field(default_factory=set[str])
    literals: set[str] = field(default_factory=set[str])
    cases: Counter[str] = field(default_factory=Counter[str])
    """Literals that a branch asks for: equality, membership, dictionary keys, `match` cases."""
    answers: Counter[str] = field(default_factory=Counter[str])
    """Literals that are returned whole."""
    rows: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Literal keys of dictionaries, with their literal values."""
    pinned: Counter[str] = field(default_factory=Counter[str])
    """Whole numbers that two bounds leave (`126 < n < 128`), or that are taken away before a test (`not n - 127`)."""
    smells: Counter[str] = field(default_factory=Counter[str])
    aliases: dict[str, str] = field(default_factory=dict[str, str])


def read(tree: ast.Module) -> Facts:
    found = Facts()
    for node in ast.walk(tree):
        _imports(node, found)
    for node in ast.walk(tree):
        _rebindings(node, found)
    found.shadowed = {name for statement in tree.body for name in _given(statement) if hasattr(builtins, name)}
    for node in ast.walk(tree):
        _mentions(node, found)
        _branches(node, found)
        found.pinned.update(pins(node))
        found.smells.update(smells(node, found.aliases))
    found.literals = literals(tree)
    return found


def is_dunder(name: str) -> bool:
    return len(name) > 4 and name.startswith("__") and name.endswith("__")


def is_under(module: str, known: set[str]) -> bool:
    """The module, its package or a relative one is already imported."""
    return module.startswith(".") or any(k.split(".")[0] == module.split(".")[0] for k in known)


def may_not_be_used(dotted: str) -> bool:
    """A member of `os` or `sys` that can do harm, or a module's private part: `enum.bltns`, `dataclasses.inspect`."""
    module, _, member = dotted.rpartition(".")
    if module in MEMBERS_ALLOWED:
        return member not in MEMBERS_ALLOWED[module]
    if module.split(".")[0] not in PURE_MODULES:
        return False
    try:
        value = getattr(importlib.import_module(module), member, None)
    except ImportError:  # a class of the module, or a module that only newer Pythons have
        return False
    return member.startswith("_") or (isinstance(value, ModuleType) and value.__name__ != dotted)


def literals(tree: ast.AST) -> set[str]:
    """Reprs of every non-trivial literal, containers of literals included."""
    values = (_literal(n) for n in ast.walk(tree) if isinstance(n, ast.expr))
    return {v for v in values if v is not None and not _is_trivial(v)}


def _is_trivial(literal: str) -> bool:
    """What any program says: small numbers, empty containers. Single letters are what honest string code asks for."""
    letter = literal[0] in "'\"" and len(literal) <= 3
    return letter or literal in _TRIVIAL or not literal.strip("[](){}, ")


def _literal(node: ast.expr) -> str | None:
    try:
        return repr(fold(node))
    except ValueError:
        return None


def _imports(node: ast.AST, found: Facts) -> None:
    if isinstance(node, ast.Import):
        for alias in node.names:
            found.imports.add(alias.name)
            found.aliases[alias.asname or alias.name.split(".")[0]] = (
                alias.name if alias.asname else alias.name.split(".")[0]
            )
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        found.imports.add(module)
        for alias in node.names:
            found.aliases[alias.asname or alias.name] = f"{module}.{alias.name}"
            found.names[alias.name] += alias.name in FORBIDDEN_NAMES
            found.attributes[alias.name] += alias.name in FORBIDDEN_ATTRIBUTES
            found.module_members[f"{module}.{alias.name}"] += 1
            found.definitions[alias.asname or alias.name] += 1


def _rebindings(node: ast.AST, found: Facts) -> None:
    """`m = math` is another name for the module."""
    if isinstance(node, ast.Assign | ast.NamedExpr) and isinstance(node.value, ast.Name):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if node.value.id in found.aliases:
            found.aliases.update({t.id: found.aliases[node.value.id] for t in targets if isinstance(t, ast.Name)})


def _given(statement: ast.stmt) -> Iterator[str]:
    """Names that a module's own statement defines."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))


def _mentions(node: ast.AST, found: Facts) -> None:
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load):
            found.names[node.id] += 1
        else:
            found.bound.add(node.id)
            found.definitions[node.id] += 1
    elif isinstance(node, ast.Attribute):
        found.attributes[node.attr] += 1
        owner = found.aliases.get(node.value.id, "") if isinstance(node.value, ast.Name) else ""
        if owner:
            found.module_members[f"{owner}.{node.attr}"] += 1
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        found.definitions[node.name] += 1
        found.bound.add(node.name)
        if node.name in ("__exit__", "__aexit__"):
            found.exits |= {ast.unparse(n) for n in ast.walk(node) if isinstance(n, ast.Return)}
    elif isinstance(node, ast.arg):
        found.bound.add(node.arg)
    elif isinstance(node, ast.Constant | ast.BinOp | ast.JoinedStr | ast.Call):
        found.strings |= {text for text in (_text(node),) if text}


def _text(node: ast.expr) -> str:
    try:
        value = fold(node)
    except ValueError:
        return ""
    return value if isinstance(value, str) else ""


def _branches(node: ast.AST, found: Facts) -> None:
    if isinstance(node, ast.Compare):
        if isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn | ast.Is | ast.IsNot):
            found.cases.update(_asked(node))
    elif isinstance(node, ast.Dict):
        rows = [(_literal(k), _literal(v)) for k, v in zip(node.keys, node.values, strict=True) if k is not None]
        found.cases.update(k for k, _ in rows if k is not None)
        found.rows |= {(k, v) for k, v in rows if k is not None and v is not None}
    elif isinstance(node, ast.Call):
        found.cases.update(literal for table in _tables(node) for literal in _asked(table))
    elif isinstance(node, ast.MatchValue):
        found.cases.update(_asked(node.value))
    elif isinstance(node, ast.Return | ast.Yield) and node.value is not None:
        found.answers.update(_answers(node.value))
    elif isinstance(node, ast.Lambda):
        found.answers.update(_answers(node.body))


def _tables(node: ast.Call) -> list[ast.expr]:
    """`dict([(1, 2)])`, `[1, 2].index(n)`: questions in the form of data."""
    if called_name(node) in ("dict", "zip"):
        return node.args
    literal = isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.List | ast.Tuple | ast.Set)
    return [node.func.value] if literal and isinstance(node.func, ast.Attribute) else []


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
