"""The search: every operator does what it says, every candidate is a different program, other bytes stay."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from itertools import islice, pairwise

import pytest
from darner.engine.lacking import Lacking, Missing
from darner.engine.mutate import mutants
from darner.engine.operators import OPERATORS, Operator
from darner.engine.scope import Scope
from darner.engine.source import Source
from darner.engine.types import Candidate, Origin
from hypothesis import given, settings
from hypothesis import strategies as st

LACKING = {
    "missing-attribute": Lacking(Missing.ATTRIBUTE, "A", "b"),
    "missing-parameter": Lacking(Missing.PARAMETER, "f", "b"),
}
# operator, before, after: the body of `def f(a, b, items)`, unless the text has its own `def`.
EXAMPLES = [
    (
        "missing-attribute",
        "class A:\n    def __init__(self):\n        self.a = 1\n",
        "class A:\n    def __init__(self):\n        self.a = 1\n        self.b = 1\n",
    ),
    ("missing-parameter", "def f(a):\n    return a\n", "def f(a, b=None):\n    return a\n"),
    (
        "undefined-parameter",
        "def f(a):\n    return g(a, **kwargs)\n",
        "def f(a, **kwargs):\n    return g(a, **kwargs)\n",
    ),
    ("pass-on", "def f(a, b):\n    return f(a)\n", "def f(a, b):\n    return f(a, b=b)\n"),
    ("pass-on-everywhere", "def f(a, b):\n    f(1)\n    f(a)\n", "def f(a, b):\n    f(1, b=b)\n    f(a, b=b)\n"),
    ("same-keywords", "g(a, key=b)\nreturn g(b)", "g(a, key=b)\nreturn g(b, key=b)"),
    ("short-tuple", "if a:\n    return a, None\nreturn a, b, 1", "if a:\n    return a, None, 1\nreturn a, b, 1"),
    ("swap-arms", "if a:\n    b = 1\nelif b:\n    b = 2", "if b:\n    b = 2\nelif a:\n    b = 1"),
    ("type-drop", "return isinstance(a, (str, bytes))", "return isinstance(a, bytes)"),
    ("relational", "return a < b", "return a <= b"),
    ("relational", "return a not  in items", "return a in items"),
    ("relational", "return (a)==(b)", "return (a)!=(b)"),
    ("arithmetic", "return a // b", "return a / b"),
    ("augmented", "a += b", "a -= b"),
    ("augmented", "a += b", "a = b"),
    ("accumulate", "a = b", "a += b"),
    ("boolean", "return a and b", "return a or b"),
    ("boolean", "return a and b and items", "return a and b or items"),
    ("negate", "if a:\n    return b", "if not a:\n    return b"),
    ("negate", "if not a:\n    return b", "if a:\n    return b"),
    ("negate", "if a or b:\n    return b", "if not (a or b):\n    return b"),
    (
        "filter-add",
        "def f(xs):\n    return [x for x in xs]\n",
        "def f(xs):\n    return [x for x in xs if x % 2 == 1]\n",
    ),
    ("negate-filter", "return [x for x in items if x]", "return [x for x in items if not x]"),
    ("negate-value", "return not a", "return a"),
    ("negate-operand", "return a and b", "return a and not b"),
    ("condition-drop", "return a and b", "return a"),
    ("condition-add", "if a.x:\n    return b", "if a is None or a.x:\n    return b"),
    ("condition-add", "while a < b:\n    a += 1", "while a < b and items:\n    a += 1"),
    ("sign", "return -a", "return a"),
    ("boundary", "return items[a]", "return items[a - 1]"),
    ("boundary", "return range(len(items))", "return range(len(items) + 1)"),
    ("boundary", "return items[a + 1]", "return items[a]"),
    ("boundary", "return a * b", "return (a + 1) * b"),
    ("constant", "return 0", "return 1"),
    ("constant", "return True", "return False"),
    ("constant", "return None", "return []"),
    ("constant", 'return "ab"', 'return "AB"'),
    ("constant", "return a.split(',')", "return a.split(' ')"),
    ("swap-operands", "return a - b", "return b - a"),
    ("swap-operands", "return (a + 1) / b", "return (b) / (a + 1)"),
    ("regroup", "return a - b // 2", "return (a - b) // 2"),
    ("operand-drop", "return a + b + 1", "return a"),
    ("extend", "return a", "return a ** 2"),
    ("extend", "return f(a, b)", "return f(a, b - a)"),
    ("wrong-name", "return a", "return b"),
    ("unread-parameter", "return ' '.join(items)", "return b.join(items)"),
    ("unread-parameter", "return g(items, a)", "return g(items, a, b=b)"),
    (
        "told-formula",
        'def f(n):\n    """Sums a, where a[i] = i * i - i + 1."""\n    return sum([i * i for i in range(n)])',
        'def f(n):\n    """Sums a, where a[i] = i * i - i + 1."""\n    return sum([i * i - i + 1 for i in range(n)])',
    ),
    ("undefined-name", "def f(count):\n    return cuont", "def f(count):\n    return count"),
    ("undefined-name", "if PY3:\n    return a", "if True:\n    return a"),
    ("subexpression", "if a[0] < b:\n    return a", "if a[0] < b:\n    return a[0]"),
    ("method-family", "return a.lower()", "return a.upper()"),
    ("method-family", "return any(items)", "return all(items)"),
    ("wrong-attribute", "def f(self):\n    self.low = self.high", "def f(self):\n    self.low = self.low"),
    ("swap-arguments", "return f(a, b)", "return f(b, a)"),
    ("swap-elements", "return (a, b)", "return (b, a)"),
    ("swap-branches", "return a if items else b", "return b if items else a"),
    ("swap-indexes", "return items[a][b]", "return items[b][a]"),
    ("wrong-argument", "return range(a)", "return range(1, a + 1)"),
    ("wrong-argument", "return f(a, b)", "return f(a)"),
    ("call-keyword", "return sorted(items)", "return sorted(items, reverse=True)"),
    ("call-keyword", "return a.get(b)", "return a.get(b, 0)"),
    ("call-wrap", "return a - b", "return abs(a - b)"),
    ("call-wrap", "return a == b", "return a.lower() == b"),
    ("call-wrap", "return sorted(a for a in items)", "return sorted(set(a for a in items))"),
    ("call-wrap", "return sorted((a for a in items), key=b)", "return sorted(set(a for a in items), key=b)"),
    ("call-unwrap", "return abs(a)", "return a"),
    ("call-unwrap", "return a.strip()", "return a"),
    ("index-drop", "return items[1:]", "return items"),
    ("index-add", "for x in items:\n    return x", "for x in items[1:]:\n    return x"),
    ("slice-bounds", "return items[:a]", "return items[a:]"),
    ("lookup-default", "return items[a]", "return items.get(a, 0)"),
    ("add-await", "async def f(a):\n    return a()", "async def f(a):\n    return await a()"),
    ("add-await", "yield f(a)", "yield from f(a)"),
    ("add-self", "def f(self, x):\n    self.x = x + 1", "def f(self, x):\n    self.x = self.x + 1"),
    ("container-wrap", "return a", "return [a]"),
    ("container-fill", "return []", "return [a]"),
    ("clamp", "a = b", "a = max(a, b)"),
    ("delete", "a = 1\nreturn a", "return a"),
    ("delete", "if a:\n    b = 1\nreturn b", "if a:\n    pass\nreturn b"),
    ("move", "a = 1\nb = 2", "b = 2\na = 1"),
    ("dedent", "for x in items:\n    a += x\n    return a", "for x in items:\n    a += x\nreturn a"),
    ("indent", "for x in items:\n    a += x\nb += 1", "for x in items:\n    a += x\n    b += 1"),
    ("jump", "for x in items:\n    break", "for x in items:\n    continue"),
    ("loop-kind", "if a:\n    a -= 1", "while a:\n    a -= 1"),
    ("loop-kind", "if a:\n    a = 1\nif b:\n    a = 2", "if a:\n    a = 1\nelif b:\n    a = 2"),
    ("while-condition", "while True:\n    items.pop()", "while items:\n    items.pop()"),
    ("insert-copy", "seen = set()\nreturn seen", "seen = set()\nseen.add(a)\nreturn seen"),
    ("insert-copy", "items.append(a)", "items.append(a)\nitems.append(b)"),
    ("insert-else", "if a:\n    b += 1", "if a:\n    b += 1\nelse:\n    a += 1"),
    ("guard", "return a", "if not a:\n    return 0\nreturn a"),
    ("loop-guard", "for x in items:\n    a += x", "for x in items:\n    if x is None:\n        continue\n    a += x"),
    ("return-value", "return True", "return not a"),
    ("return-value", "return", "return items"),
    ("add-return", "f(a, b)", "return f(a, b)"),
    ("final-return", "a += b", "a += b\nreturn a"),
    ("swap-returns", "if a:\n    return 1\nreturn 2", "if a:\n    return 2\nreturn 1"),
    ("exception-type", "raise KeyError(a)", "raise ValueError(a)"),
    (
        "mutable-default",
        "def f(a, b=[]):\n    b.append(a)",
        "def f(a, b=None):\n    if b is None:\n        b = []\n    b.append(a)",
    ),
    ("format-string", "return '{a} of them'", "return f'{a} of them'"),
    ("format-spec", "return f'{a} of {b:.1f}'", "return f'{a:.2f} of {b:.1f}'"),
    ("format-spec", "return f'{a} of {b:.1f}'", "return f'{a} of {b:.2f}'"),
    ("format-spec", "return '{} {:>8}'.format(a, b)", "return '{} {:<8}'.format(a, b)"),
    ("format-spec", "return '%d of %.1f' % (a, b)", "return '%s of %.1f' % (a, b)"),
    ("regex", "return re.match('[a-z]+', a)", "return re.match('[a-z]+$', a)"),
    ("regex", "return re.search(r'<(.*)>', a)", "return re.search('<(.*?)>', a)"),
    ("regex", "return re.split('.', a)", "return re.split(r'\\.', a)"),
    ("regex", r"return re.sub(r'\w+', '', a)", r"return re.sub(r'[\w-]+', '', a)"),
    (
        "chain-again",
        "return a.replace('.', '_').replace('[', '_')",
        "return a.replace('.', '_').replace('[', '_').replace(\"-\", '_')",
    ),
    ("copy", "b = a\nreturn b", "b = a.copy()\nreturn b"),
    ("copy", "items.append(a)", "items.append(list(a))"),
    ("aliased-rows", "return [[0] * a] * b", "return [[0] * a for _ in range(b)]"),
    (
        "time-zone",
        "def f(a):\n    from datetime import datetime, timezone\n    return datetime.now()",
        "def f(a):\n    from datetime import datetime, timezone\n    return datetime.now(timezone.utc)",
    ),
    (
        "time-zone",
        "def f(a):\n    from datetime import datetime, UTC\n    return datetime.fromisoformat(a)",
        "def f(a):\n    from datetime import datetime, UTC\n    return datetime.fromisoformat(a).replace(tzinfo=None)",
    ),
    ("add-yield", "for x in items:\n    return x", "for x in items:\n    yield x"),
    ("add-yield", "f(a)", "yield from f(a)"),
    (
        "insert-jump",
        "for x in items:\n    if x:\n        a = x",
        "for x in items:\n    if x:\n        a = x\n        break",
    ),
    ("guard-raise", "return a", "if a < 0:\n    raise ValueError\nreturn a"),
    ("guard-raise", "return a", "if not isinstance(a, str):\n    raise TypeError\nreturn a"),
    (
        "exception-type",
        "try:\n    return a\nexcept KeyError:\n    return b",
        "try:\n    return a\nexcept (KeyError, TypeError):\n    return b",
    ),
    ("call-keyword", "return items.pop(a)", "return items.pop(a, None)"),
    ("call-keyword", "return sorted(items)", "return sorted(items, key=lambda x: (-x[1], x[0]))"),
    (
        "add-self",
        "def f(self, x):\n    class Box:\n        def g(self): pass\n    return g(x)",
        "def f(self, x):\n    class Box:\n        def g(self): pass\n    return self.g(x)",
    ),
]


@pytest.mark.parametrize(
    "text", ["return a.get('b', {}).get('c')", "return a.replace('.', '_').replace('-', '+')", "return a.split('.')"]
)
def test_only_a_chain_of_the_same_step_goes_on(text: str) -> None:
    operator = next(each for each in OPERATORS if each.name == "chain-again")

    assert list(_edited(operator, _module(text))) == []


def _module(body: str) -> str:
    if body.startswith(("def", "async def", "class")):
        return body + "\n"
    return f"def f(a, b, items):\n{textwrap.indent(body, '    ')}\n"


def _edited(operator: Operator, text: str) -> Iterator[str]:
    source = Source.parse("a.py", text.encode())
    unit = source.functions()[0].node
    scope = Scope(source, unit, lacking=LACKING.get(operator.name))
    for node in [unit, *scope.nodes]:
        if isinstance(node, operator.on):
            yield from (source.splice(edit.splices).decode() for edit in operator.edits(node, scope))


@pytest.mark.parametrize(("name", "before", "after"), EXAMPLES)
def test_an_operator_makes_the_edit_that_it_is_named_for(name: str, before: str, after: str) -> None:
    """One tiny program each: the text before, and one of the texts after."""
    operator = next(o for o in OPERATORS if o.name == name)
    assert _module(after) in set(_edited(operator, _module(before)))


def test_every_operator_has_an_example_and_its_own_name() -> None:
    """An operator that nobody can show an example of is not understood."""
    names = [o.name for o in OPERATORS]
    assert set(names) == {name for name, _, _ in EXAMPLES}
    assert len(names) == len(set(names))


PROGRAM = """\
import math


def spread(orders, limit=10, seen=[]):
    "Docstrings — are never mutated."
    total, count = 0, 0
    best = None
    for i, order in enumerate(orders):
        if order.price < limit and not order.void or i == 0:
            total += order.price * order.amount  # café
            seen.append(order)
            continue
        elif order.void:
            break
        else:
            best = max(math.floor(total / 2), total - limit, key=abs)
    while count < len(orders):
        count += 1
    try:
        name = orders[0].name.strip()[1:-1]
    except (IndexError, AttributeError):
        name = 'no one'
    if not orders: return None
    return [x for x in seen if x is not best], f"{name}: {total}", {'n': count}


class Shelf:
    @property
    async def depth(self):
        return await self.measure(self.high - self.low, lambda x: x ** 2)

    def fits(self, box):
        return box.width <= self.width \\
            and (box.high
                 <= self.high)


LIMIT = 10 * 2
"""
FORMS = {
    "plain": PROGRAM.encode(),
    "crlf": PROGRAM.replace("\n", "\r\n").encode(),
    "tabs": PROGRAM.replace("    ", "\t").encode(),
    "bom": b"\xef\xbb\xbf" + PROGRAM.encode(),
    "latin-1": ("# coding: latin-1\n" + PROGRAM.replace("—", "-")).encode("latin-1"),
    "no final newline": PROGRAM.rstrip().encode(),
    "form feeds": PROGRAM.replace("\n\n\n", "\n\x0c\n").encode(),
}


def _everywhere(data: bytes) -> dict[int, float]:
    return dict.fromkeys(range(1, data.count(b"\n") + 2), 1.0)


def _after(candidate: Candidate) -> bytes:
    return candidate.patch.files[0].after


def test_every_mutant_parses_differs_and_comes_once() -> None:
    """A trial is too dear for a program that cannot run or was run before; real parsing of the whole file decides."""
    data = FORMS["plain"]
    candidates = list(mutants(Source.parse("a.py", data), _everywhere(data)))
    assert len(candidates) > 5000
    sample = [*candidates[:300], *candidates[300::20]]
    trees = {ast.dump(ast.parse(_after(c))) for c in sample}
    assert len(trees) == len(sample)
    assert ast.dump(ast.parse(data)) not in trees


@pytest.mark.parametrize("form", FORMS)
def test_line_ends_tabs_marks_and_encoding_survive_every_mutant(form: str) -> None:
    """Lines that the edit did not touch are the same bytes; new lines look like the old."""
    data = FORMS[form]
    before = set(data.splitlines(keepends=True))
    for candidate in islice(mutants(Source.parse("a.py", data), _everywhere(data)), 0, 4000, 40):
        assert Source.parse("a.py", _after(candidate)).encoding == Source.parse("a.py", data).encoding
        fresh = [x for x in _after(candidate).splitlines(keepends=True)[:-1] if x not in before]
        assert len(fresh) <= 4, candidate.description
        assert all(line.endswith(b"\r\n") == (form == "crlf") for line in fresh), candidate.description
        assert _after(candidate).startswith(data[:3])
        if form == "tabs":
            assert not any(line.startswith(b"  ") for line in fresh), candidate.description


def test_the_docstring_is_never_mutated() -> None:
    """It is text for people."""
    docstring = '"Docstrings — are never mutated."'.encode()
    candidates = mutants(Source.parse("a.py", FORMS["plain"]), _everywhere(FORMS["plain"]))
    assert all(docstring in _after(c) for c in islice(candidates, 3000))


@settings(max_examples=10, deadline=None)
@given(st.sets(st.integers(1, 40), min_size=1, max_size=3))
def test_only_suspicious_statements_are_edited(lines: set[int]) -> None:
    """The search goes where the evidence points; the statements here have at most three lines.

    Operators that concern a whole block or function are the exception.
    """
    source = Source.parse("a.py", FORMS["plain"])
    wider = {"guard", "guard-raise", "mutable-default", "final-return", "swap-returns", "move", "insert-else"}
    wider |= {"indent", "dedent"}
    for candidate in islice(mutants(source, dict.fromkeys(lines, 0.5)), 200):
        statement = set(range(candidate.line - 2, candidate.line + 3))
        assert candidate.operator in wider or statement & lines, candidate.description


def test_candidates_come_best_first_and_suspicion_decides_between_equal_edits() -> None:
    """The budget may end at any time."""
    source = Source.parse("a.py", b"def f(a, b):\n    x = a < b\n    y = a < b\n    return x, y\n")
    candidates = list(mutants(source, {2: 0.2, 3: 0.9}))
    assert all(one.prior >= two.prior for one, two in pairwise(candidates))
    assert (candidates[0].operator, candidates[0].line) == ("relational", 3)


def test_a_candidate_says_what_it_does_and_where() -> None:
    """This sentence is what the user reads."""
    source = Source.parse("shop/cart.py", b"def f(a, b):\n    return a < b\n")
    first = next(mutants(source, {2: 1.0}))
    assert first.description == "`<` → `<=` at cart.py:2"
    assert (first.origin, first.path, first.line) == (Origin.MUTATION, "shop/cart.py", 2)
    assert _after(first) == b"def f(a, b):\n    return a <= b\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x = 1\n",
        b"class A: pass\n",
        b"def f(): return 1",
        b"def f(a):\n  if a: return 1; x = 2\n  else: return 3\n",
        b"x = [y for y in range(3) if y < 2]; z = x[1] if x else lambda q: q + 1\n",
        b"def f(a):\n  match a:\n    case [x, 1] if x > 0:\n      return x\n    case _:\n      a = 1\n",
        b"async def f(a):\n    async with a as b:\n        async for c in b:\n            yield c < 1\n",
        b"def f(*a, k=1, **b):\n    global G\n    del a\n    assert b, 'b'\n    return not (yield)\n",
        b"@d(1 < 2)\n@e\ndef f(a):\n    '''doc'''\n",
        b"def f(a):\n    return (  # why\n        a +\n        # here\n        1\n    )\n",
    ],
)
def test_odd_programs_are_mutated_without_an_error(data: bytes) -> None:
    """Whatever the user wrote, the search ends and what it makes parses."""
    for candidate in mutants(Source.parse("a.py", data), _everywhere(data)):
        assert ast.parse(_after(candidate)) is not None


def test_one_suspicious_line_of_a_very_long_file_costs_only_its_function() -> None:
    """10,000 lines: proposals and parsing stay with the enclosing function, so this test does not crawl."""
    function = "def f{0}(a, b):\n    if a < b:\n        return a\n    return b\n\n\n"
    data = "".join(function.format(i) for i in range(1700)).encode()
    assert data.count(b"\n") > 10_000
    candidates = list(mutants(Source.parse("a.py", data), {5002: 1.0}))
    assert candidates[0].line == 5002
    assert len({c.line for c in candidates}) <= 4
