"""What a model is shown when it writes: a stub to fill in, and calls whose results it foretells."""

from __future__ import annotations

from collections.abc import Sequence

from .model import Message
from .outlines import context_of
from .prompt import Attempt, rendered
from .stub import Meant, plain

_SYSTEM = "You are an expert Python programmer. You answer with code."
_MOST_TESTS = 2_400
_MOST_FEEDBACK = 1_600
_MOST_FUNCTION = 8_000


def implement(meant: Meant, tests: str, *, real: bool, last: Attempt | None = None) -> tuple[Message, ...]:
    """Ask for a body. `real`: the tests are the project's own; else they are examples."""
    content = rendered(
        "implement.j2",
        function=plain(meant.function.qualname),
        path=meant.path,
        context=context_of(meant.source, meant.function),
        source=f"{meant.header}\n    ..."[:_MOST_FUNCTION],
        tests=tests[:_MOST_TESTS],
        real=real,
        previous=last.code if last else "",
        feedback=last.feedback[:_MOST_FEEDBACK] if last else "",
    )
    return (Message("system", _SYSTEM), Message("user", content))


def inputs(meant: Meant, count: int, source: str = "") -> tuple[Message, ...]:
    """Ask for assert statements, of which the calls are what is wanted."""
    content = rendered(
        "inputs.j2",
        function=plain(meant.function.qualname),
        count=count,
        context=context_of(meant.source, meant.function),
        source=(source or meant.header)[:_MOST_FUNCTION],
    )
    return (Message("system", _SYSTEM), Message("user", content))


def expected(meant: Meant, calls: Sequence[str]) -> tuple[Message, ...]:
    """Ask what each call gives; the model sees no body."""
    content = rendered(
        "expected.j2",
        context=context_of(meant.source, meant.function),
        source=meant.header[:_MOST_FUNCTION],
        calls="\n".join(calls),
    )
    return (Message("system", _SYSTEM), Message("user", content))
