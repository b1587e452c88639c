"""What a choice is made from: candidates that pass, what each does where no test looks, and what asking may cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ..sandbox.types import CallResult
from . import behaviour
from .behaviour import Cluster
from .case import Case
from .model import Model
from .prompt import Target
from .stop import Stop
from .types import Candidate, Origin, Patch

Run = Callable[[Candidate, str, Sequence[str]], Mapping[str, CallResult]]
"""What call expressions give in the module at a path, by expression, with a candidate in place."""
UNCHANGED = Candidate(Patch(()), Origin.MUTATION, "")


@dataclass(frozen=True, slots=True)
class Pool:
    """Frozen: every selector sees the same, so that only the way of choosing differs between them."""

    candidates: tuple[Candidate, ...]
    """In the order in which they were found; at least one."""
    clusters: tuple[Cluster, ...]
    targets: Mapping[tuple[str, str], Target]
    """The functions that the candidates edit, by path and qualified name."""
    original: Mapping[str, CallResult]
    """What the code gives unrepaired; empty where all candidates do the same."""
    modules: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where each input is called."""
    untold: str = ""
    """Why the candidates are told apart by the tests alone, in a sentence; empty where they were compared."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a selector may use beside the pool."""

    model: Model | None
    run: Run
    stop: Stop
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    best: int
    """Index of a candidate."""
    rival: int | None = None
    """The candidate of the other behaviour, where the choice is the user's."""
    fallback: bool = False
    """The selector's own way said nothing, and the next simpler one decided."""


def pool_of(case: Case, candidates: Sequence[Candidate], stop: Stop) -> Pool:
    """Run the candidates on the tests' own calls and on calls near them."""
    targets = targets_of(case, candidates)
    session, nodeid = case.trial.session, case.evidence.nodeid
    inputs = behaviour.inputs_for(case.evidence, list(targets), case.sources)
    clusters = behaviour.cluster(session, candidates, inputs, nodeid, stop)
    original: Mapping[str, CallResult] = {}
    if len(clusters) > 1 and not stop:
        original = behaviour.outputs(session, UNCHANGED, inputs, nodeid, stop)
    untold = "" if stop else behaviour.untold(len(candidates), clusters, bool(inputs), (name for _, name in targets))
    return Pool(tuple(candidates), clusters, targets, original, behaviour.modules_of(inputs), untold)


def targets_of(case: Case, candidates: Sequence[Candidate]) -> Mapping[tuple[str, str], Target]:
    """The function that each candidate edits, by its line; edits outside of functions have none."""
    found: dict[tuple[str, str], Target] = {}
    for candidate in candidates:
        source = case.sources.get(candidate.path)
        function = source.function_at(candidate.line) if source is not None else None
        if function is not None:
            found[candidate.path, function.qualname] = case.target(candidate.path, function)
    return found
