"""The line of stages, in the order of the data: a recipe runs those of them that it has a section for."""

from __future__ import annotations

from . import mistakes, seeds
from .stages import Stage

ALL: tuple[Stage, ...] = (seeds.STAGE, mistakes.STAGE)
