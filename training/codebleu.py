"""How alike two pieces of Python are, as CodeBLEU sees it (Ren et al. 2020, arXiv 2009.10297).

The mean of four shares of the reference that the candidate has as well: token n-grams, the same with keywords counted
five times, subtrees of the syntax tree, and edges from a variable's value to its use. Names of local variables do not
count in the last: they are numbered in order of appearance. A kind of which the reference has none is left out.
"""

from __future__ import annotations

import ast
import io
import keyword
import math
import token
import tokenize
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence

_LONGEST = 4
_KEYWORD_WEIGHT = 5.0
_LAYOUT = frozenset((token.NEWLINE, token.INDENT, token.DEDENT, token.ENDMARKER, tokenize.NL, tokenize.COMMENT))


def similarity(candidate: str, reference: str) -> float:
    """CodeBLEU in [0, 1] of `candidate` against one `reference`; 1 for equal code, 0 when either does not parse."""
    try:
        trees = ast.parse(candidate), ast.parse(reference)
        words = _words(candidate), _words(reference)
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
        return 0.0
    shares = [_bleu(*words, weight=_plain), _bleu(*words, weight=_by_kind)]
    for parts in (_subtrees, _flows):
        had, wanted = (Counter(parts(tree)) for tree in trees)
        if wanted:
            shares.append((had & wanted).total() / wanted.total())
    return math.fsum(shares) / len(shares)


def mean_similarity(candidate: str, references: Sequence[str]) -> float:
    """LEDEX's S_cb: the mean over all correct refinements; 0 without any."""
    return math.fsum(similarity(candidate, each) for each in references) / len(references) if references else 0.0


def _words(code: str) -> tuple[str, ...]:
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    return tuple(each.string for each in tokens if each.type not in _LAYOUT)


def _plain(gram: tuple[str, ...]) -> float:
    return 1.0


def _by_kind(gram: tuple[str, ...]) -> float:
    return _KEYWORD_WEIGHT if len(gram) == 1 and keyword.iskeyword(gram[0]) else 1.0


def _bleu(had: Sequence[str], wanted: Sequence[str], weight: Callable[[tuple[str, ...]], float]) -> float:
    """Geometric mean of clipped n-gram precisions, smoothed by one in two from bigrams on, with the brevity penalty."""
    if not had or not wanted:
        return float(had == wanted)
    logs: list[float] = []
    for n in range(1, min(_LONGEST, len(wanted), len(had)) + 1):
        ours, theirs = Counter(_grams(had, n)), Counter(_grams(wanted, n))
        matched = math.fsum(count * weight(gram) for gram, count in (ours & theirs).items())
        tried = math.fsum(count * weight(gram) for gram, count in ours.items())
        if matched == 0.0 and n == 1:
            return 0.0
        logs.append(math.log(matched / tried if matched else 0.5 / tried))
    brevity = min(0.0, 1.0 - len(wanted) / len(had))
    return math.exp(brevity + math.fsum(logs) / len(logs))


def _grams(words: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    return (tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def _subtrees(tree: ast.Module) -> Iterator[Hashable]:
    """Every subtree with children, as the text of its shape: kinds of nodes only, as in the paper."""
    return (_shape(node) for node in ast.walk(tree) if next(ast.iter_child_nodes(node), None) is not None)


def _shape(node: ast.AST) -> str:
    inner = ",".join(_shape(child) for child in ast.iter_child_nodes(node))
    return f"{type(node).__name__}({inner})"


def _flows(tree: ast.Module) -> Iterator[Hashable]:
    """(number of the variable assigned, number of one that its value was computed from), in order of appearance."""
    numbers: dict[str, int] = {}

    def number(name: str) -> int:
        return numbers.setdefault(name, len(numbers))

    for node in ast.walk(tree):
        targets, value = _assignment(node)
        sources = [number(name) for name in _loaded(value)]
        for target in targets:
            for name in _stored(target):
                yield from ((number(name), source) for source in sources)


def _assignment(node: ast.AST) -> tuple[Sequence[ast.expr], ast.expr | None]:
    match node:
        case ast.Assign(targets=targets, value=value):
            return targets, value
        case ast.AugAssign(target=target, value=value):
            return (target,), ast.BinOp(ast.Name(getattr(target, "id", ""), ast.Load()), node.op, value)
        case ast.AnnAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
            return (target,), value
        case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            return (target,), value
        case ast.Return(value=value):
            return (ast.Name("return", ast.Store()),), value
        case _:
            return (), None


def _loaded(value: ast.expr | None) -> Iterator[str]:
    for node in ast.walk(value) if value else ():
        if isinstance(node, ast.Name) and node.id:
            yield node.id


def _stored(target: ast.expr) -> Iterator[str]:
    return (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
