"""Call expressions, evaluated with the project imported: what does the candidate do on this input?

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import importlib
import importlib.util
import inspect
import io
import itertools
import os
import signal
import sys
import types
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, cast

showing: Any = sys.modules["_darner_child_shown"]  # loaded before by child.py: this file has no import path


def namespace(root: str, path: str) -> Dict[str, Any]:
    """Names that the project's reprs use, then the module's own names on top."""
    names: Dict[str, Any] = {}  # the library's first: a package may hold a `decimal.py` of its own
    for name in ("datetime", "decimal", "fractions", "collections", "pathlib", "math"):
        names[name] = importlib.import_module(name)
    names.update(Decimal=names["decimal"].Decimal, Fraction=names["fractions"].Fraction)
    names.update((n, getattr(names["collections"], n)) for n in ("OrderedDict", "Counter", "deque", "defaultdict"))
    names.update((n, getattr(names["pathlib"], n)) for n in ("PosixPath", "PurePosixPath", "Path"))
    wanted = os.path.join(root, path)
    loaded = (m for m in list(sys.modules.values()) if getattr(m, "__file__", None) == wanted)
    module = next(loaded, None) or _imported(wanted)
    for other in list(sys.modules.values()):
        if str(getattr(other, "__file__", "") or "").startswith(root + os.sep):
            names.update((k, v) for k, v in list(vars(other).items()) if isinstance(v, type))
    names.update(vars(module))
    return names


def _imported(wanted: str) -> types.ModuleType:
    """As a part of its package, so that it can import its neighbours; by its file where another has that name."""
    folder, name = os.path.split(os.path.splitext(wanted)[0])
    names = [] if name == "__init__" else [name]
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        names.insert(0, package)
    sys.path.insert(0, folder)
    module = importlib.import_module(".".join(names))
    if getattr(module, "__file__", None) == wanted:
        return module
    spec = importlib.util.spec_from_file_location(name, wanted)
    if spec is None or spec.loader is None:
        raise ImportError("cannot load %s" % wanted)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_NO_STATE = (type(None), type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, str, int, float)
_MOST_PARTS, _MOST_ITEMS = 1_000, 1_000


class _Late(BaseException):
    pass


Outcome = Tuple[Optional[str], Optional[str]]
"""A value, or the name of an exception and what the call did before it."""


def evaluate(expression: str, namespace: Dict[str, Any], seconds: float) -> Outcome:
    """What a repr leaves out counts where it is the same twice."""
    first = _timed(expression, namespace, seconds)
    if first[0][1] == "Timeout":
        return first[0]
    again = _timed(expression, namespace, seconds)
    return next((one for one, other in zip(first, again) if one == other), (None, "NotDeterministic"))


def _timed(expression: str, namespace: Dict[str, Any], seconds: float) -> Tuple[Outcome, Outcome]:
    """With what reprs leave out, and without."""

    def late(signum: int, frame: object) -> None:
        raise _Late()

    _seed()
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return _call(expression, namespace)
    except _Late:
        return (None, "Timeout"), (None, "Timeout")
    except BaseException as error:  # boundary: the candidate's own exception is its behaviour
        return (None, type(error).__name__), (None, type(error).__name__)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _seed() -> None:
    """Chance is the same for every candidate, where the program has imported it."""
    if "random" in sys.modules:
        sys.modules["random"].seed(0)
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed(0)


def _call(expression: str, namespace: Dict[str, Any]) -> Tuple[Outcome, Outcome]:
    """What it gives or raises, and what became of the object that it was called on and of its arguments."""
    node = ast.parse(expression, mode="eval").body

    def value_of(part: ast.expr) -> Any:
        return eval(compile(ast.Expression(part), "<input>", "eval"), namespace)

    if not isinstance(node, ast.Call):
        return _given(value_of(node))
    receiver = value_of(node.func.value) if isinstance(node.func, ast.Attribute) else None
    function = getattr(receiver, node.func.attr) if isinstance(node.func, ast.Attribute) else value_of(node.func)
    arguments: List[Any] = []
    for part in node.args:
        arguments += value_of(part.value) if isinstance(part, ast.Starred) else [value_of(part)]
    named: Dict[str, Any] = {}
    for keyword in node.keywords:
        named.update({keyword.arg: value_of(keyword.value)} if keyword.arg else value_of(keyword.value))
    before = _states(arguments, named, receiver, showing.canonical)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        given = _outcomes(lambda: function(*arguments, **named))
    raised = given[0][1] is not None
    after = _states(arguments, named, receiver, _unseen if raised else showing.canonical)
    effects = "".join(_change(what, before[what], after[what]) for what in after)
    effects += "; it printed " + showing.canonical(printed.getvalue()) if printed.getvalue() else ""
    if raised:
        return (None, str(given[0][1]) + effects), given[1]
    return (str(given[0][0]) + effects, None), (str(given[1][0]) + effects, None)


def _outcomes(call: Callable[[], Any]) -> Tuple[Outcome, Outcome]:
    try:
        return _given(_awaited(call()))
    except _Late:
        raise
    except BaseException as error:  # boundary: the candidate's own exception is its behaviour
        return (None, type(error).__name__), (None, type(error).__name__)


def _given(value: Any) -> Tuple[Outcome, Outcome]:
    text, held = showing.told(value)
    return (text + ("; it holds " + held if held else ""), None), (text, None)


def _unseen(value: object) -> str:
    """After an exception no repr of the program's runs: an object may be half made."""
    return ""


def _states(
    arguments: List[Any], named: Dict[str, Any], receiver: object, shown: Callable[[Any], str]
) -> Dict[str, Tuple[str, str]]:
    """What a call may change, each as it is shown and with its attributes: a repr may leave out what changed."""
    found = {"arguments are": (shown(arguments), "[" + ", ".join(map(_attributed, arguments)) + "]")}
    found.update(("%s is" % name, (shown(value), _attributed(value))) for name, value in named.items())
    if not isinstance(receiver, _NO_STATE) and _is_small(receiver):
        found["the object is"] = (shown(receiver), _attributed(receiver))
    return found


def _change(what: str, before: Tuple[str, str], after: Tuple[str, str]) -> str:
    seen = next((new for old, new in zip(before, after) if new and old != new), None)
    return "; %s then %s" % (what, seen) if seen is not None else ""


def _attributed(value: Any) -> str:
    return str(showing.whole(value) if _is_small(value) else showing.canonical(value))


def _is_small(value: object) -> bool:
    """An object that holds a whole program would take longer to compare than the call."""
    left: List[object] = [value]
    for _ in range(_MOST_PARTS):
        if not left:
            return True
        part: Any = left.pop()
        if type(part) in (list, tuple, set, frozenset):
            left.extend(part)
        elif isinstance(part, dict):
            left.extend(cast(Dict[Any, Any], part).values())
        elif hasattr(part, "__dict__") and not isinstance(part, _NO_STATE):
            left.append(part.__dict__)
    return False


def _awaited(result: Any) -> Any:
    """A coroutine's result, or the first items of what gives them one by one."""
    if inspect.iscoroutine(result):
        return asyncio.run(result)
    if inspect.isasyncgen(result):
        return asyncio.run(_items(result))
    return _listed(result)


def _listed(result: Any) -> Any:
    """Files and the project's own iterators are not used up."""
    kind: Any = type(cast(object, result))
    one_by_one = hasattr(kind, "__next__") and kind.__module__ in ("builtins", "itertools")
    return list(itertools.islice(cast(Iterator[object], result), _MOST_ITEMS)) if one_by_one else result


async def _items(result: Any) -> List[Any]:
    found: List[Any] = []
    async for item in result:
        found.append(item)
        if len(found) >= _MOST_ITEMS:
            break
    return found
