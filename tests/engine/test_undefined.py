"""Names that nothing defines: the search knows what developers forget, and the gate lets it through."""

from __future__ import annotations

from pathlib import Path

import pytest
from darner.engine.gate import check
from darner.engine.mutate import Mutants, mutants
from darner.engine.siblings import offered_beside
from darner.engine.source import Source
from darner.engine.types import Candidate

HEAD = b'"""What it is."""\n\nfrom __future__ import annotations\n\nimport math\n\nLIMIT = 3\n\n\n'


def offered(body: bytes) -> list[Candidate]:
    source = Source.parse("a.py", HEAD + body)
    lines = dict.fromkeys(range(1, (HEAD + body).count(b"\n") + 1), 1.0)
    return [one for one in mutants(source, lines) if one.operator == "undefined-name"]


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"def f(xs):\n    return Counter(xs)\n", b"from collections import Counter\n"),
        (b"def f(xs):\n    return re.sub('a', 'b', xs)\n", b"import re\n"),
        (b"def f(xs):\n    return list(chain(xs, xs))\n", b"from itertools import chain\n"),
    ],
)
def test_a_forgotten_import_is_put_behind_the_others_first_of_all(body: bytes, line: bytes) -> None:
    """The commonest cause of a NameError after a misspelling; the rest of the file stays byte for byte."""
    first = offered(body)[0]
    change = first.patch.files[0]

    assert change.after == HEAD.replace(b"import math\n", b"import math\n" + line) + body
    assert check(first, {"a.py": change.before}, "", "") is None


@pytest.mark.parametrize(("name", "value"), [(b"PY2", b"False"), (b"PY3", b"True"), (b"IS_PYTHON3", b"True")])
def test_the_question_which_python_runs_is_answered_before_a_name_alike_is_tried(name: bytes, value: bytes) -> None:
    body = b"PY = IS_PYTHON = None\n\n\ndef f(xs):\n    if " + name + b":\n        xs.sort()\n"

    assert offered(body)[0].patch.files[0].after == HEAD + body.replace(b"if " + name, b"if " + value)


def test_a_name_that_the_file_defines_is_left_to_the_other_operators() -> None:
    """Parameters, loops, imports, handlers, patterns, globals and builtins are all definitions."""
    body = b"""
def f(xs, *rest, key=len):
    global TOTAL
    for x in xs:
        try:
            TOTAL = [y for y in rest if (z := math.floor(x))]
        except ValueError as error:
            print(error, z, __name__)
    match xs:
        case [first, *others] if LIMIT:
            return first, others, y, TOTAL
        case {"a": one, **more}:
            return one, more, f, sorted(xs, key=key)
"""
    assert offered(body) == []


def test_a_star_import_may_define_anything() -> None:
    """What the other module hands over is not known: nothing is called undefined."""
    source = Source.parse("a.py", b"from os.path import *\n\ndef f(a):\n    return jion(a)\n")
    assert not [one for one in mutants(source, {4: 1.0}) if one.operator == "undefined-name"]


def test_a_misspelt_name_is_replaced_by_one_spelt_like_it_that_the_module_has() -> None:
    """A renamed constant of the module: no other operator looks outside the function."""
    assert "return LIMIT" in offered(b"def f(a):\n    return LIMITS\n")[0].patch.files[0].after.decode()


def test_what_other_modules_of_the_package_import_or_define_is_imported_as_they_do(tmp_path: Path) -> None:
    """A helper that moved to another module: the commonest NameError of a project that is being tidied up."""
    package = tmp_path / "src" / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "taxes.py").write_text(
        "from shop.money import to_cents as cents, rounded\n\ndef tax(a):\n    return cents(a)\n"
    )
    (package / "broken.py").write_text("def :\n")
    body = b"def f(a):\n    return tax(cents(a))\n"
    source = Source.parse("src/shop/orders.py", body)
    (package / "orders.py").write_bytes(body)

    beside = offered_beside(tmp_path, source)
    made = [c for c in Mutants(source, {2: 1.0}, imports=beside).all() if c.operator == "undefined-name"]
    texts = [one.patch.files[0].after for one in made]

    assert beside == {"cents": ["from shop.money import to_cents as cents"], "tax": ["from .taxes import tax"]}
    assert b"from shop.money import to_cents as cents\n" + body in texts
    assert b"from .taxes import tax\n" + body in texts
    assert all(check(one, {"src/shop/orders.py": body}, "", "") is None for one in made)


def test_modules_beside_a_file_are_not_read_where_every_name_is_defined(tmp_path: Path) -> None:
    """A folder of a hundred modules costs a repair nothing then: nothing is there to be read, and nothing is missed."""
    source = Source.parse("gone/a.py", b"def f(a):\n    return a\n")
    assert offered_beside(tmp_path, source) == {}
