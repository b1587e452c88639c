"""pytest, configured once in the server and finished in each child, with the user's own configuration.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import codecs
import os
import sys
import tokenize
from typing import Any, Iterator, List, Tuple


def observer() -> Any:
    """A plugin with what Darner asks of the user's own: no progress, one process, no coverage, tests in their order.

    Set as options and not by flags: pytest refuses the flag of a plugin that the project's settings leave out, and
    leaving out a plugin makes it refuse the flags of that plugin in the project's settings.
    """
    import pytest

    class Observer:
        @pytest.hookimpl(hookwrapper=True)
        def pytest_load_initial_conftests(self, early_config: Any) -> Iterator[None]:
            early_config.known_args_namespace.cov_source = []  # pytest-cov measures from here on, where it names any
            yield

        @pytest.hookimpl(tryfirst=True)
        def pytest_configure(self, config: Any) -> None:
            config.option.numprocesses, config.option.dist, config.option.tx = 0, "no", []
            config.option.randomly_reorganize = False
            config.option.randomly_reset_seed = any("randomly-seed" in each for each in config.getini("addopts"))

        def pytest_sessionstart(self, session: Any) -> None:
            """Progress would only fill the output; what matters travels through the probe."""
            reporter = session.config.pluginmanager.getplugin("terminalreporter")
            writer = getattr(reporter, "_tw", None)
            if writer is not None:
                writer._file = open(os.devnull, "w")  # noqa: SIM115 - as long as the process

    return Observer()


def arguments(nodeids: List[str]) -> List[str]:
    """Keep the user's configuration, but no early stop and no cache in the tree; of its plugins: `observer`."""
    cache = os.path.join(os.environ["TMPDIR"], "pytest-cache")
    arguments = ["-s", "--maxfail=0", "--continue-on-collection-errors", "--color=no", "-o", "cache_dir=" + cache]
    # What tests import is imported ahead, pytest plugins among it: no fault of a project that makes warnings errors.
    return [*arguments, "-W", "ignore::pytest.PytestAssertRewriteWarning", *nodeids]


_SELECTING = ("lfplugin", "nfplugin", "stepwiseplugin")
"""pytest's own, by name: `--lf`, `--nf` and `--sw` choose tests by earlier runs, and write files after each run. Here
the node ids choose."""


def configured_session(arguments: List[str], root: str) -> Any:
    """pytest's configuration and session by its private parts; None where they differ from what we know."""
    try:
        from _pytest import config as private
        from _pytest.main import Session

        sys.path.insert(0, root)
        config: Any = getattr(private, "_prepareconfig")(arguments, [observer()])
        getattr(config, "_do_configure")()
        for name in filter(config.pluginmanager.has_plugin, _SELECTING):
            config.pluginmanager.unregister(name=name)
        session = Session.from_config(config)
        config.hook.pytest_sessionstart(session=session)
    except Exception:  # boundary: private API; the plain pytest.main serves instead
        return None
    return session


def fail_once(session: Any) -> None:
    """Tell of a failure, to nobody: what the first one has to find out is then known in every child that is forked.

    Which file each module came from (hundreds of `lstat`), how Python is tokenised, what values differ in: 40 of a
    candidate's 60 ms.
    """
    codecs.lookup("ascii")
    try:
        from _pytest import _code as private
        from _pytest.assertion import util

        compare: Any = getattr(util, "assertrepr_compare")
        for left, right in ((1, 2), ("a", "b"), ([1], [2]), ({1: 1}, {1: 2}), (None, 1.5)) if session else ():
            list(compare(session.config, "==", left, right) or ())
        info: Any = getattr(private, "ExceptionInfo")
        try:
            assert not sys.modules, "not a failure"
        except AssertionError as error:
            str(info.from_exception(error).getrepr(style="long"))
        list(tokenize.generate_tokens(iter(("x = 'y'\n", "")).__next__))
    except Exception:  # boundary: private API; the first failure then takes its time
        return


def finish_session(session: Any, nodeids: List[str], probe: Any) -> int:
    """Collect the node ids and run what was found."""
    import pytest

    config = session.config
    config.pluginmanager.register(probe)
    collect_only = "--collect-only" in nodeids
    config.args = [n for n in nodeids if n != "--collect-only"] or config.args
    try:
        config.hook.pytest_collection(session=session)
    except pytest.UsageError as error:
        print(error, file=sys.stderr)
        return int(pytest.ExitCode.USAGE_ERROR)
    except (session.Failed, session.Interrupted, pytest.exit.Exception) as error:
        return _ended_early(session, error)
    return 0 if collect_only else run_items(session)


def repeatable(items: List[Any]) -> bool:
    """May run twice in one process: functions and methods are made for it, examples in docstrings are not."""
    import pytest

    return all(isinstance(item, pytest.Function) for item in items)


def run_items(session: Any) -> int:
    """Run the items that a session holds; the exit code, as `pytest.main` would give it."""
    code, whole = loop_over(session)
    if whole:
        session.config.hook.pytest_sessionfinish(session=session, exitstatus=session.exitstatus)
        return int(session.exitstatus)
    return code


def loop_over(session: Any) -> Tuple[int, bool]:
    """Run the items without the end of the session: the exit code, and whether none ended it early."""
    import pytest

    session.exitstatus = pytest.ExitCode.OK
    try:
        session.config.hook.pytest_runtestloop(session=session)
    except (session.Failed, session.Interrupted, pytest.exit.Exception) as error:
        return _ended_early(session, error), False
    if session.testsfailed:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    elif not session.testscollected:
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
    return int(session.exitstatus), True


def _ended_early(session: Any, error: BaseException) -> int:
    import pytest

    if isinstance(error, session.Failed):
        return int(pytest.ExitCode.TESTS_FAILED)
    return int(getattr(error, "returncode", None) or pytest.ExitCode.INTERRUPTED)
