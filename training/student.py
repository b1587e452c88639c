"""A small student: the first and the last blocks of a base, with its vocabulary, as a GGUF file of its own.

It knows next to nothing, but all about it is real: tokenizer, quantised tensors, the worker that loads it. So the
stages that change weights can be seen whole, in minutes, on a processor.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from platformdirs import user_cache_path

from ..engine import catalogue
from ..engine.errors import BadInput
from .gguf_file import WRITTEN_BY_WRITER, copy_metadata, finish
from .libraries import Library, library

_BLOCK = re.compile(r"blk\.(\d+)\.")


def student_of(name_or_path: str, layers: int) -> Path:
    """The file with `layers` blocks of a model: all but one from its beginning, then its last. Cut once, and cached.

    Raises ModelError when the model is not there, BadInput when it has no more blocks than that, BadEnvironment when
    the cache has no room.
    """
    gguf = catalogue.find(name_or_path)
    out = user_cache_path("darner") / "students" / f"{gguf.stem}-{layers}-{catalogue.sha256_of(gguf)[:16]}.gguf"
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        half = out.with_name(f".{out.name}.{os.getpid()}")
        try:
            _cut(gguf, layers, half)
            os.replace(half, out)
        finally:
            half.unlink(missing_ok=True)
    return out


def _cut(gguf: Path, layers: int, out: Path) -> None:
    api = library("gguf")
    reader: Library = api.GGUFReader(gguf)
    architecture = str(reader.fields["general.architecture"].contents())
    counted = f"{architecture}.block_count"
    blocks = int(reader.fields[counted].contents())
    if layers >= blocks:
        raise BadInput(f"{gguf.name} has {blocks} blocks; a student of it has fewer: set `layers` below that, or to 0.")
    kept = {old: new for new, old in enumerate((*range(layers - 1), blocks - 1))}
    writer = api.GGUFWriter(out, architecture)
    copy_metadata(reader, writer, without={*WRITTEN_BY_WRITER, counted})
    writer.add_block_count(layers)
    for tensor in reader.tensors:
        found = _BLOCK.match(tensor.name)
        if found is None or int(found[1]) in kept:
            name = f"blk.{kept[int(found[1])]}.{tensor.name[found.end() :]}" if found else tensor.name
            writer.add_tensor(name, tensor.data, raw_dtype=tensor.tensor_type)
    finish(writer, out)
