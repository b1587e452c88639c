"""The line of stages, in the order of the data: a recipe runs those of them that it has a section for."""

from __future__ import annotations

from . import (
    concepts,
    debug_data,
    documented,
    evaluate,
    export,
    instructions,
    mistakes,
    rating,
    repairs,
    responses,
    rl,
    rollouts,
    seeds,
    sft,
    sft_data,
    tasks,
    traces,
    validate,
)
from .stages import Stage

ALL: tuple[Stage, ...] = (
    seeds.STAGE,
    documented.STAGE,
    concepts.STAGE,
    instructions.STAGE,
    responses.STAGE,
    validate.STAGE,
    sft_data.STAGE,
    tasks.STAGE,
    mistakes.STAGE,
    repairs.STAGE,
    debug_data.STAGE,
    traces.STAGE,
    sft.STAGE,
    rollouts.STAGE,
    rating.STAGE,
    rl.STAGE,
    export.STAGE,
    evaluate.STAGE,
)
