"""Stage `rl`: learn from the rated turns, by one of four objectives, from the weights that played them.

    rise    likelihood, weighted by exp((r - mean) / tau): the sft stage's loss on other records
    ledex   PPO with a value head; the explanation's reward on its last token, the code's on the last of all, KL paid
            on every token
    rloo    PPO's clipped objective, with the leave-one-out advantage on every token, and KL in the loss
    grpo    the same, with the advantage against the mean and the spread of the mistake's chains

A round measures the weights as they are (pi_old, V_old, KL to where the stage began), then takes the steps of its
epochs. A round that was finished before a kill is taken from its last checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from ..engine.errors import BadInput
from ..engine.model import Message
from . import losses, rewards, served
from .base import HubTokens, device, find_base, is_lora, keep, trained
from .libraries import Net, Tensor
from .optimise import Objective, Steps, add_value_head, enough_memory, logprobs, optimise
from .place import Place, outcome_of, place_in
from .shape import Count, Share, Size, Weight
from .stages import TRAINER, Context, FileStage
from .store import Progress, read_records
from .tokens import Encoded, Tokens, encode
from .trajectories import Rated


class Method(StrEnum):
    RISE = "rise"
    LEDEX = "ledex"
    RLOO = "rloo"
    GRPO = "grpo"


@dataclass(frozen=True, slots=True)
class Settings(Steps):
    """Section [rl]."""

    method: Method = Method.RISE
    rounds: Count = 1
    """Times that the weights are measured anew, with `epochs` of steps after each (all but rise)."""
    learning_rate: Size = field(default=5e-5, kw_only=True)
    """Smaller than that of sft: 5e-5 for a LoRA with rise, 1e-5 with the others."""
    beta: Weight = 0.05
    """What a nat of KL to the weights at the beginning costs (all but rise)."""
    clip: Share = 0.2
    """How far the ratio to pi_old counts (all but rise)."""
    value_weight: Weight = 0.1
    """LEDEX's alpha: of the value head's squared error."""
    discount: Share = 0.99
    """LEDEX's gamma, from token to token."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A rated turn in tokens."""

    rated: Rated
    record: Encoded
    explained: int
    """Tokens of the answer that are explanation."""


@enough_memory()
def make(context: Context, settings: Settings, inputs: Mapping[str, Path], folder: Path) -> Mapping[str, float]:
    """Train on from `sft`'s LoRA, from the last checkpoint in `folder`, if any."""
    start = inputs["sft"] / served.WEIGHTS
    if not is_lora(start):
        raise BadInput("[rl] trains a LoRA on; set rank in [sft] to more than 0.")
    base = find_base(str(served.of(inputs["sft"]).base))
    turns = _turns(HubTokens(base.folder), read_records(inputs["rewards"], Rated), settings)
    net = trained(base, start, settings.dtype, trainable=True).to(device())
    first = [logprobs(net, turn.record)[0] for turn in turns]  # the reference, before any step
    if settings.method is Method.LEDEX:
        add_value_head(net)
    places = _rounds(place_in(context, folder, STAGE.name), 1 if settings.method is Method.RISE else settings.rounds)
    outcomes = [_round(net, turns, first, settings, place) for place in places]
    keep(net, folder / served.WEIGHTS)  # without the value head, which served the training only
    explains = served.of(inputs["sft"]).explains or any(turn.explained for turn in turns)
    served.put(folder, base, explains=explains)
    steps = sum(each["steps"] for each in outcomes)
    return {"turns": len(turns), "steps": steps, "last_loss": outcomes[-1]["last_loss"], **_gains(net, turns, first)}


STAGE = FileStage("rl", Settings, inputs=("sft", "rewards"), make=make, libraries=TRAINER)


def _turns(tokens: Tokens, found: Sequence[Rated], settings: Settings) -> tuple[Turn, ...]:
    """The turns that this method learns from. Raises BadInput when there is none."""
    chosen = [each for each in found if _teaches(each, settings.method)]
    turns: list[Turn] = []
    for each in chosen:
        weight = each.weight if settings.method is Method.RISE else 1.0
        record = encode(tokens, [Message(turn.role, turn.content) for turn in each.messages], weight)
        explained = len(tokens.plain(each.messages[-1].content[: each.explained]))
        if len(record.tokens) <= settings.tokens_per_row:
            turns.append(Turn(each, record, explained))
    if not turns:
        raise BadInput(
            f"Of {len(found)} rated turns {len(chosen)} teach {settings.method} anything and none of these has at most "
            f"{settings.tokens_per_row} tokens; play more chains (in [rollouts]) or raise tokens_per_row."
        )
    return tuple(turns)


def _teaches(each: Rated, method: Method) -> bool:
    match method:
        case Method.RISE:
            return each.weight > 0.0
        case Method.LEDEX:
            return each.played
        case Method.RLOO | Method.GRPO:
            return each.played and _advantage(each, method) != 0.0


def _advantage(each: Rated, method: Method) -> float:
    return each.grouped if method is Method.GRPO else each.advantage


def _rounds(place: Place, rounds: int) -> list[Place]:
    """A folder of its own for each round; told are the steps of all of them, of which each takes as many."""

    def one(number: int) -> Place:
        name = f"round-{number}"

        def tell(progress: Progress) -> None:
            done = number * progress.units + progress.done
            place.tell(replace(progress, units=rounds * progress.units, done=done))

        events = place.events / name if place.events else None
        return replace(place, folder=place.folder / name, events=events, tell=tell)

    return [one(number) for number in range(rounds)]


def _round(
    net: Net, turns: Sequence[Turn], first: Sequence[Sequence[float]], settings: Settings, place: Place
) -> Mapping[str, float]:
    records = _measured(net, turns, first, settings)
    optimise(net, settings.rows(records, place.seed), _objective(settings), settings, place)
    return outcome_of(place.folder)


def _measured(net: Net, turns: Sequence[Turn], first: Sequence[Sequence[float]], settings: Settings) -> list[Encoded]:
    """The records with what their objective needs, under the weights as they are now."""
    if settings.method is Method.RISE:
        return [turn.record for turn in turns]
    found: list[Encoded] = []
    for turn, reference in zip(turns, first, strict=True):
        old, values = logprobs(net, turn.record)
        if settings.method is Method.LEDEX:
            columns = ledex_columns(turn, old, reference, values, settings)
        else:
            advantage = _advantage(turn.rated, settings.method)
            columns = {"advantage": (advantage,) * len(old), "reference": tuple(reference)}
        found.append(replace(turn.record, columns={"old": tuple(old), **columns}))
    return found


def ledex_columns(
    turn: Turn, old: Sequence[float], reference: Sequence[float], values: Sequence[float], settings: Settings
) -> dict[str, tuple[float, ...]]:
    """Advantages and returns A + V_old of one answer's tokens (papers: LEDEX 8.2, the KL penalty's sign corrected)."""
    drifted = [now - then for now, then in zip(old, reference, strict=True)]
    explanation = turn.rated.explanation_reward if turn.explained else None
    worth = rewards.token_rewards(drifted, settings.beta, turn.rated.code_reward, explanation, turn.explained)
    found = rewards.advantages(worth, values, settings.discount)
    return {"advantage": found, "return": tuple(a + v for a, v in zip(found, values, strict=True))}


def _objective(settings: Settings) -> Objective:
    def rise(found: Tensor, _: Tensor | None, columns: Mapping[str, Tensor]) -> Tensor:
        return losses.likelihood(found, columns["share"])

    def ledex(found: Tensor, values: Tensor | None, columns: Mapping[str, Tensor]) -> Tensor:
        share = columns["share"]
        policy = losses.surrogate(found, columns["old"], columns["advantage"], share, settings.clip)
        return policy + settings.value_weight * losses.value_error(values, columns["return"], share)

    def clipped(found: Tensor, _: Tensor | None, columns: Mapping[str, Tensor]) -> Tensor:
        share = columns["share"]
        policy = losses.surrogate(found, columns["old"], columns["advantage"], share, settings.clip)
        return policy + settings.beta * losses.drift(found, columns["reference"], share)

    return {Method.RISE: rise, Method.LEDEX: ledex}.get(settings.method, clipped)


def _gains(net: Net, turns: Sequence[Turn], first: Sequence[Sequence[float]]) -> dict[str, float]:
    """Mean log-probability that answers gained, in nats a token: those that passed, and those that did not."""
    found: dict[str, list[float]] = {"gain_of_right": [], "gain_of_wrong": []}
    for turn, before in zip(turns, first, strict=True):
        now = logprobs(net, turn.record)[0]
        kind = "gain_of_right" if turn.rated.passed == 1.0 else "gain_of_wrong"
        found[kind].append((sum(now) - sum(before)) / len(now))
    return {name: sum(each) / len(each) if each else 0.0 for name, each in found.items()}
