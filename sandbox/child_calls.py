"""Call expressions, evaluated with the project imported: what does the candidate do on this input?

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import ast
import asyncio
import importlib
import importlib.util
import inspect
import itertools
import os
import signal
import sys
from typing import Any, Dict, Optional, cast


def namespace(root: str, path: str) -> Dict[str, Any]:
    """Names that the project's reprs use, then the module's own names on top."""
    wanted = os.path.join(root, path)
    module = next((m for m in list(sys.modules.values()) if getattr(m, "__file__", None) == wanted), None)
    if module is None:
        spec = importlib.util.spec_from_file_location(os.path.splitext(os.path.basename(path))[0], wanted)
        if spec is None or spec.loader is None:
            raise ImportError("cannot load %s" % path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    names: Dict[str, Any] = {}
    for name in ("datetime", "decimal", "fractions", "collections", "pathlib", "math"):
        names[name] = importlib.import_module(name)
    names.update(Decimal=names["decimal"].Decimal, Fraction=names["fractions"].Fraction)
    names.update((n, getattr(names["collections"], n)) for n in ("OrderedDict", "Counter", "deque", "defaultdict"))
    names.update((n, getattr(names["pathlib"], n)) for n in ("PosixPath", "PurePosixPath", "Path"))
    for other in list(sys.modules.values()):
        if str(getattr(other, "__file__", "") or "").startswith(root + os.sep):
            names.update((k, v) for k, v in list(vars(other).items()) if isinstance(v, type))
    names.update(vars(module))
    return names


class _Late(BaseException):
    pass


def evaluate(expression: str, namespace: Dict[str, Any], seconds: float) -> "tuple[Optional[str], Optional[str]]":
    first = _timed(expression, namespace, seconds)
    if first[1] == "Timeout" or _timed(expression, namespace, seconds) == first:
        return first
    return None, "NotDeterministic"


def _timed(expression: str, namespace: Dict[str, Any], seconds: float) -> "tuple[Optional[str], Optional[str]]":
    def late(signum: int, frame: object) -> None:
        raise _Late()

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return _call(expression, namespace), None
    except _Late:
        return None, "Timeout"
    except BaseException as error:  # boundary: the candidate's own exception is its behaviour
        return None, type(error).__name__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _call(expression: str, namespace: Dict[str, Any]) -> str:
    node = ast.parse(expression, mode="eval").body
    if not isinstance(node, ast.Call):
        return canonical(eval(expression, namespace))

    def value_of(part: ast.expr) -> Any:
        return eval(compile(ast.Expression(part), "<input>", "eval"), namespace)

    function = value_of(node.func)
    arguments = [value_of(a) for a in node.args]
    named = {k.arg: value_of(k.value) for k in node.keywords if k.arg}
    before = canonical(arguments)
    shown = canonical(_awaited(function(*arguments, **named)))
    after = canonical(arguments)
    return shown if after == before else shown + "; arguments are then " + after


def _awaited(result: Any) -> Any:
    """A coroutine's result, or the first items of a generator."""
    if inspect.iscoroutine(result):
        return asyncio.run(result)
    if inspect.isgenerator(result):
        return list(itertools.islice(result, 1000))
    return result


def canonical(value: Any, depth: int = 6) -> str:
    """Equal behaviour, equal text: sets and dicts in sorted order, floats to 12 digits, no addresses."""
    if depth == 0:
        return "…"
    if isinstance(value, float):
        return repr(float("%.12g" % value))
    if type(value) in (list, tuple):
        inner = ", ".join(canonical(v, depth - 1) for v in value)
        return "[" + inner + "]" if isinstance(value, list) else "(" + inner + ("," if len(value) == 1 else "") + ")"
    if type(value) in (set, frozenset):
        return type(value).__name__ + "(" + ", ".join(sorted(canonical(v, depth - 1) for v in value)) + ")"
    if type(value) is dict:
        items: Dict[Any, Any] = cast(Dict[Any, Any], value)
        rows = sorted((canonical(k, depth - 1), canonical(v, depth - 1)) for k, v in items.items())
        return "{" + ", ".join(k + ": " + v for k, v in rows) + "}"
    if type(value).__repr__ is object.__repr__ and hasattr(value, "__dict__"):
        return type(value).__name__ + "(" + canonical(vars(value), depth - 1) + ")"
    text = repr(value)
    return text if len(text) <= 4_000 else text[:4_000] + "…%d" % len(text)
