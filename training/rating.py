"""Stage `rewards`: what each turn of the rollouts is worth, by every paper's formula, in one record.

    chains of one mistake ─▶ RISE's centred weight     of the turns that the criterion chooses
                          ─▶ LEDEX's two rewards       code beside all right ones, explanation by words or by effect
                          ─▶ CoCoS's advantage         accumulated progress against the other chains; GRPO's beside it

Where more answers than the played one were sampled (`best_of`), RISE learns the best of them in that state. A state
that was never solved can be given a verified solution of the same mistake (muCode): `relabel`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from . import dialogue, rewards
from .codebleu import mean_similarity
from .debug_data import known_explanation
from .likeness import mean_cosine
from .mistakes import SAMPLED
from .shape import Share, Size
from .stages import Context, RecordStage, plain
from .trajectories import Rated, Trajectory, Try
from .turns import Attempt, Chain, Criterion, degenerate, relabelled, weighted
from .types import Dropped, Mistake, Turn


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [rewards]."""

    criterion: Criterion = Criterion.BETTER
    """Turns that RISE learns: `all`, `better` than those before, the `best` of a chain, or `success`."""
    relabel: bool = True
    """Also learn, in every state that failed, a verified solution of the same mistake (muCode)."""
    known: bool = True
    """Where no chain reached one, that is the code in which the mistake was planted."""
    temperature: Size = rewards.TEMPERATURE
    """RISE's tau: how sharply better turns outweigh worse ones."""
    largest: Size = rewards.LARGEST_WEIGHT
    """Most that a turn weighs in RISE."""
    discount: Share = 0.5
    """Of earlier progress, in CoCoS's accumulated reward."""


@dataclass(frozen=True, slots=True)
class Right:
    """What led to passing code, over all chains of one mistake."""

    codes: tuple[str, ...]
    explanations: tuple[str, ...]


def rated(chains: Sequence[Trajectory], settings: Settings) -> Iterator[Rated]:
    """The turns of one mistake's chains, and the better answers of the same states. Degenerate answers keep their
    rewards and are never learnt by weight."""
    won = [each for chain in chains for each in chain.tries if each.passed == 1.0]
    right = Right(tuple(each.code for each in won), tuple(each.explanation for each in won if each.explanation))
    weights = _weights(chains, settings)
    alone, grouped = _advantages(chains, settings.discount)
    for number, chain in enumerate(chains):
        for turn, each in enumerate(chain.tries):
            weight = weights.get((number, turn), 0.0)
            yield Rated(
                f"{chain.id}-{turn}",
                chain.mistake,
                chain.task,
                turn,
                (*each.messages, Turn("assistant", each.answer)),
                len(each.explanation),
                each.passed,
                True,
                0.0 if each.best else weight,
                rewards.code_reward(mean_similarity(each.code, right.codes), each.passed),
                _explanation_reward(each, right, chain.refinements),
                alone[number, turn],
                grouped[number, turn],
            )
            if each.best and weight:
                yield _instead(
                    f"{chain.id}-{turn}-best", chain, turn, each.messages, each.best, each.best_passed, weight
                )


def _instead(
    identity: str, chain: Trajectory, turn: int, state: Sequence[Turn], answer: str, passed: float, weight: float
) -> Rated:
    """What was not played in this state; learnt by weight alone."""
    messages = (*state, Turn("assistant", answer))
    return Rated(identity, chain.mistake, chain.task, turn, messages, 0, passed, False, weight, 0.0, None, 0.0)


def solutions(chains: Sequence[Trajectory], known: str = "", *, own: bool = False) -> Iterator[Rated]:
    """muCode: the states that wanted one, answered by a verified solution; learnt by weight alone.

    `known` is one for chains that reached none. `own`: also where the model found that one itself, because nothing
    else teaches it.
    """
    states = {(): chains[0].tries[0]} | {
        tuple(each.answer for each in chain.tries[:turn]): chain.tries[turn]
        for chain in chains
        for turn in range(1, len(chain.tries))
    }
    for number, example in enumerate(relabelled([_chain(chain) for chain in chains], known)):
        state = states.get(tuple(attempt.text for attempt in example.before))
        if state is not None and (own or example.answer not in (state.answer, state.best)):
            chain, turn = chains[0], len(example.before)
            identity = f"{chain.mistake}-solution-{number}"
            yield _instead(identity, chain, turn, state.messages, example.answer, 1.0, example.weight)


def _chain(chain: Trajectory) -> Chain:
    return Chain(chain.mistake, tuple(map(_attempt, chain.tries)))


def _attempt(each: Try) -> Attempt:
    target = Attempt(each.best, each.best_passed, "") if each.best else None
    return Attempt(each.answer, each.passed, each.feedback, target)


def _weights(chains: Sequence[Trajectory], how: Settings) -> dict[tuple[int, int], float]:
    """RISE's weight by chain and turn, for the turns that the criterion takes; of equal examples the first."""
    found: dict[tuple[int, int], float] = {}
    examples = {
        (tuple(attempt.text for attempt in each.before), each.answer): each.weight
        for each in weighted([_chain(chain) for chain in chains], how.criterion, how.temperature, how.largest)
    }
    for number, chain in enumerate(chains):
        for turn, each in enumerate(chain.tries):
            learnt = each.best or each.answer
            weight = examples.pop((tuple(before.answer for before in chain.tries[:turn]), learnt), None)
            if weight is not None and not degenerate(learnt):
                found[number, turn] = weight
    return found


_ByTurn = dict[tuple[int, int], float]


def _advantages(chains: Sequence[Trajectory], discount: float) -> tuple[_ByTurn, _ByTurn]:
    """RLOO's and GRPO's by chain and turn; 0 where no other chain came so far."""
    by_turn: dict[int, dict[int, float]] = defaultdict(dict)
    for number, chain in enumerate(chains):
        shares = [each.passed for each in chain.tries]
        for turn in range(len(shares)):
            by_turn[turn][number] = rewards.accumulated(shares[: turn + 1], discount)
    alone: _ByTurn = {}
    grouped: _ByTurn = {}
    for turn, by_chain in by_turn.items():
        worth, places = list(by_chain.values()), [(number, turn) for number in by_chain]
        alone |= zip(places, rewards.leave_one_out(worth) if len(worth) > 1 else (0.0,), strict=True)
        grouped |= zip(places, rewards.group_advantages(worth), strict=True)
    return alone, grouped


def _explanation_reward(each: Try, right: Right, refinements: int) -> float | None:
    """By what it brings about where that was sampled, else by likeness to those that led to passing code."""
    if not each.explanation:
        return None
    if each.cured is not None:
        return rewards.causal_explanation_reward(each.cured, refinements)
    return max(-5.0, rewards.explanation_reward(mean_cosine(each.explanation, right.explanations)))


@dataclass(frozen=True, slots=True)
class Play:
    """The chains of one mistake, and an answer to it that is known to be right; empty where none is."""

    chains: tuple[Trajectory, ...]
    known: str


def _units(context: Context, settings: Settings) -> Sequence[Play]:
    groups: dict[str, list[Trajectory]] = defaultdict(list)
    for each in context.read("rollouts", Trajectory):
        groups[each.mistake].append(each)
    planted = {each.id: each for each in context.read("mistakes", Mistake) if each.operator != SAMPLED}
    return [
        Play(tuple(chains), _known(planted[mistake], chains[0]) if mistake in planted and settings.known else "")
        for mistake, chains in groups.items()
    ]


def _known(mistake: Mistake, chain: Trajectory) -> str:
    """The code in which it was planted, in the form that was asked for: behind an explanation, or alone."""
    explained = any(turn.role == "assistant" for turn in chain.tries[0].messages)  # the wrong answer is a turn then
    return dialogue.answered(known_explanation(mistake) if explained else "", mistake.right)


def _examples(context: Context, settings: Settings, play: Play, index: int) -> Iterator[object]:
    yield from rated(play.chains, settings)
    if settings.relabel:
        yield from list(solutions(play.chains, play.known, own=settings.criterion is Criterion.NONE)) or [
            Dropped("no verified solution to relabel with")
        ]


STAGE = RecordStage("rewards", Settings, ("rollouts", "mistakes"), units=_units, opened=plain(_examples))
