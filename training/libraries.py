"""The one door to torch and what stands on it: looked up at run time, because Darner installs without them.

Only the stages that change or measure weights come through here; the data stages run where no torch is installed.
"""

from __future__ import annotations

import importlib
import os
from typing import Any, TypeAlias

from ..engine.errors import BadEnvironment

Library: TypeAlias = Any
"""A module of the training extra; their types are not at hand where the extra is not installed."""
Tensor: TypeAlias = Any
"""A `torch.Tensor`; docstrings say its shape."""
Array: TypeAlias = Any
"""A `numpy.ndarray`, which comes with the extra."""
Net: TypeAlias = Any
"""A `torch.nn.Module`."""


def library(name: str, extra: str = "train", purpose: str = "changing weights") -> Library:
    """Import a module of an extra. Raises BadEnvironment when it is not installed."""
    # Spinning threads cost a factor of ten beside other work on the cores; must be set before the first import.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # a base is a folder or a file; nothing is fetched behind one's back
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise BadEnvironment(
            f"{name} is not installed ({error}); {purpose} needs the extra `{extra}`: pip install 'darner[{extra}]'."
        ) from error
