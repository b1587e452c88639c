"""`make profile`: where the time of a repair goes, function by function, for the search on the example project.

The processes that run tests are not in it: what they cost shows as waiting in `poll` and `read`. Any other command of
darner can be named: `make profile PROFILE="fix tests/test_order.py --no-model"`.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from darner.engine import cli

ROOT = Path(__file__).resolve().parent.parent
PROJECT, OUT = ROOT / "build" / "profile", ROOT / "build" / "profile.pstats"
COMMAND = ("fix", "tests/test_prices.py::test_a_tier_starts_at_its_own_quantity", "--no-model")


def main() -> None:
    shutil.rmtree(PROJECT, ignore_errors=True)
    PROJECT.parent.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-P", str(ROOT / "examples" / "make_history.py"), str(PROJECT)], check=True)
    os.chdir(PROJECT)
    sys.argv = ["darner", *(sys.argv[1:] or COMMAND)]
    taken = cProfile.Profile()
    with suppress(SystemExit):
        taken.runcall(cli.main)
    taken.dump_stats(OUT)
    pstats.Stats(taken).sort_stats("cumulative").print_stats("darner|engine|sandbox", 25)
    print(f"The whole profile is in {OUT.relative_to(ROOT)}; `python -m pstats` or snakeviz opens it.")


if __name__ == "__main__":
    main()
