"""Event files for TensorBoard, written by transformers' own callback: the curve, once more.

They hold times and stand outside of what a stage leaves, so that this is the same bytes with and without them.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from .libraries import Library, library


def writer_library() -> Library:
    """tensorboardX: the same files without a web server. Raises BadEnvironment when it is not installed."""
    return library("tensorboardX", "tensorboard", "writing event files")


@contextmanager
def reporting(trainer: Library, folder: Path | None, step: int) -> Generator[None]:
    """Around training that goes on behind `step`: its event files in `folder`, by the first process; None: none.

    What an earlier, killed run wrote of later steps is marked as void.
    """
    if folder is None or not trainer.is_world_process_zero():
        yield
        return
    own = f".{step:08d}"  # a file's name holds the second only: a run that goes on in the same one wrote over it
    writer = writer_library().SummaryWriter(logdir=str(folder), purge_step=step + 1, filename_suffix=own)
    trainer.add_callback(library("transformers.integrations").TensorBoardCallback(tb_writer=writer))
    with closing(writer):  # also when it was stopped: its threads end, and what it holds is written
        yield
