"""Which of several repairs that pass is offered: the one that keeps what the code did and read."""

from __future__ import annotations

from darner.engine.behaviour import Cluster
from darner.engine.choose import lost, rank, representatives
from darner.engine.types import Candidate, FileChange, Origin, Patch
from darner.sandbox.types import CallResult

BEFORE = b"def f(a, b):\n    return a + b * 2\n"


def candidate(after: bytes, prior: float = 0.5) -> Candidate:
    return Candidate(Patch((FileChange("a.py", BEFORE, after),)), Origin.MUTATION, "an edit", "x", prior, "a.py", 2)


def gives(*values: str | None) -> dict[str, CallResult]:
    found = enumerate(values)
    return {f"f({i})": CallResult(f"f({i})", v, None if v is not None else "ValueError") for i, v in found}


def test_a_repair_that_reads_fewer_values_is_worth_less() -> None:
    """To drop a variable passes many a test that uses it once."""
    assert lost(candidate(b"def f(a, b):\n    return a - b * 2\n")) == 0.0
    one = lost(candidate(b"def f(a, b):\n    return a\n"))
    assert 0.0 < one < lost(candidate(b"def f(a, b):\n    return 7\n"))


def test_a_repair_that_makes_a_loop_do_the_same_each_time_is_worth_less() -> None:
    """`if n:` for `if n % i:` turns a search into one question asked n times."""
    before = b"def f(n, i):\n    for i in range(n):\n        if n % i:\n            return n\n    return n * i\n"

    def worth(new: bytes) -> float:
        patch = Patch((FileChange("a.py", before, before.replace(b"n % i", new)),))
        return lost(Candidate(patch, Origin.MUTATION, "an edit", "x", 0.5, "a.py", 3))

    assert worth(b"n // i") == 0.0
    assert worth(b"n + n") > worth(b"i") > 0.0  # the one reads as much as before, the other less


def test_equal_repairs_are_told_apart_by_what_they_drop() -> None:
    """Otherwise the order in which they were tried would decide."""
    candidates = [candidate(b"def f(a, b):\n    return a\n"), candidate(b"def f(a, b):\n    return a - b * 2\n")]
    clusters = [Cluster((0,), gives("1", "2")), Cluster((1,), gives("1", "3"))]

    assert rank(candidates, clusters, None)[0].best == 1


def test_of_edits_that_do_the_same_the_likely_one_is_shown_not_the_one_that_puts_a_line_in() -> None:
    """To count lines out and in makes every insertion smaller than a changed number, and a return at the top wins."""
    changed = candidate(b"def f(a, b):\n    return a + b * 3\n", prior=0.3)
    put_in = candidate(b"def f(a, b):\n    return 7\n    return a + b * 2\n", prior=0.1)
    large = candidate(b"def f(a, b):\n    b = b * 3\n    a = a + b\n    a = a * 1\n    return a\n", prior=0.3)

    assert representatives([put_in, large, changed], [Cluster((0, 1, 2), gives("1"))]) == (2,)


def test_equal_repairs_are_told_apart_by_how_much_else_they_change() -> None:
    """Answers that nobody complained about are more likely right than wrong; new exceptions weigh most."""
    after = b"def f(a, b):\n    return a - b * 2\n"
    candidates = [candidate(after + b"#1\n"), candidate(after + b"#2\n"), candidate(after + b"#3\n")]
    original = gives("1", "2", "3", "4")
    clusters = [
        Cluster((0,), gives("9", "9", "9", None)),
        Cluster((1,), gives("9", "9", "9", "4")),
        Cluster((2,), gives("9", "2", "3", "4")),
    ]

    assert [one.best for one in rank(candidates, clusters, None, original)] == [2, 1, 0]
