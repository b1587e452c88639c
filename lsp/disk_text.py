"""Files that nobody has open, read once while they stay as they are: reports name the same few again and again."""

from __future__ import annotations

import os
import stat
from collections import OrderedDict

from .convert import Text, decode

_KEPT = 64
_BYTES = 16 << 20
"""A larger file shows as empty: its positions are of no use to anybody."""

Mark = tuple[int, int, int]
_known: OrderedDict[str, tuple[Mark, Text]] = OrderedDict()


def disk_text(path: str) -> Text:
    """The file's text, read anew when its time, size or inode changed; empty for what is no readable source file."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _BYTES:  # a pipe would never end
            return Text("")
        mark = (status.st_mtime_ns, status.st_size, status.st_ino)
        known = _known.get(path)
        if known is not None and known[0] == mark:
            _known.move_to_end(path)
            return known[1]
        with open(path, "rb") as file:
            decoded = decode(file.read())
    except OSError:
        return Text("")
    text = Text(decoded[0] if decoded else "")
    _known[path] = (mark, text)
    while len(_known) > _KEPT:
        _known.popitem(last=False)
    return text
