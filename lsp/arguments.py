"""What a command was given: one object, read key by key, and the project that it means; or why it is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from pygls.exceptions import JsonRpcException

from .session import HOW_TO_TRUST, OUTSIDE, Session
from .snapshot import real_path

_REQUEST_FAILED = -32803
INVALID_PARAMS = -32602

Arguments = Mapping[str, object]


class Refused(JsonRpcException):
    """A command that cannot run now, with what to do about it. Expected: it is answered, not logged."""

    CODE = _REQUEST_FAILED


def read(arguments: tuple[object, ...], key: str = "nodeid") -> Arguments:
    """One object, or one string that stands for its main key; anything else is refused."""
    if not arguments:
        return {}
    if len(arguments) == 1 and isinstance(arguments[0], str):
        return {key: arguments[0]}
    if len(arguments) == 1 and isinstance(arguments[0], Mapping):
        return cast("Arguments", arguments[0])
    raise Refused(f'Darner\'s commands take one object, as in {{"{key}": "…"}}.', INVALID_PARAMS)


def text_of(given: Arguments, key: str) -> str:
    value = given.get(key, "")
    if not isinstance(value, str):
        raise Refused(f"{key} must be a string.", INVALID_PARAMS)
    return value


def texts_of(given: Arguments, key: str) -> tuple[str, ...]:
    value = given.get(key, ())
    if isinstance(value, Sequence) and not isinstance(value, str):
        texts = cast("Sequence[object]", value)
        if all(isinstance(each, str) for each in texts):
            return tuple(cast("Sequence[str]", texts))
    raise Refused(f"{key} must be a list of strings.", INVALID_PARAMS)


def nodeid_of(given: Arguments) -> str:
    nodeid = text_of(given, "nodeid")
    if not nodeid:
        raise Refused("Say which test: nodeid is missing.", INVALID_PARAMS)
    return nodeid


def root_of(session: Session, given: Arguments) -> Path:
    """The named project, else the document's, else the one where this test fails, else the only one."""
    if root := text_of(given, "root"):
        if not Path(root).is_absolute() or not Path(root).is_dir():
            raise Refused(f"{root} is not a folder; root must be a project's absolute path.", INVALID_PARAMS)
        return session.board(Path(root)).root
    if uri := text_of(given, "uri"):
        path = real_path(uri)
        if not path:
            raise Refused(f"{uri} is not a file on this machine; Darner works on saved files only.")
        return session.board(session.root_of(Path(path))).root
    nodeid = text_of(given, "nodeid")
    failing = [root for root, board in session.snapshot.boards.items() if board.cases.meant(nodeid) in board.cases]
    roots = failing or session.our_boards() or [session.board(folder).root for folder in session.snapshot.folders]
    if len(roots) != 1:
        what = "several projects are open" if roots else "no project is open"
        raise Refused(f"Say which project: {what}, and neither uri nor root was given.", INVALID_PARAMS)
    return roots[0]


def trusted_root_of(session: Session, given: Arguments) -> Path:
    if session.shutting_down:
        raise Refused("Darner is shutting down.")
    root = root_of(session, given)
    if not session.trusted(root):
        if session.trusts_workspace(root):  # it is another one
            raise Refused(OUTSIDE)
        raise Refused(HOW_TO_TRUST, data={"untrusted": True})
    board = session.refreshed(root)
    if not board.settings.enable:
        raise Refused("Darner is switched off for this project; its setting enable is false.")
    return board.root
