"""Many workers for a data stage: the records are those of one worker, whoever dies in the middle."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import psutil
import pytest
from darner.engine.errors import BadEnvironment
from darner.engine.stop import Stop
from darner.training.job import Job
from darner.training.shares import Cut, cut, file_of, put_together, shares_of, work_through
from darner.training.store import run_job
from darner.training.types import Dropped, Seed
from training_runs import run

FUNCTION = '''
def times_{number}(value):
    """The product of a value and {number}.

    >>> times_{number}(3)
    {product}
    """
    return {expression}
'''
RECIPE = """
[seeds]
folder = {folder}
licence = "MIT"
examples = true
similar = 1.0
[tasks]
from_instructions = false
[mistakes]
planted = 2
tries = 6
samples = 0
"""


SBATCH = """#!/bin/bash
script="${@: -1}"
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' "$script")
for number in $(seq 0 "${last:-0}"); do
    SLURM_ARRAY_TASK_ID=$number SLURM_NODELIST=here bash "$script"
done >"$0.log" 2>&1
echo "Submitted batch job 7"
"""
"""Stands in for a cluster: the jobs of an array, one after the other."""
SRUN = '#!/bin/bash\nexec "${@:4}"\n'
SCONTROL = "#!/bin/bash\necho here\n"


def seed(number: int) -> Seed:
    return Seed(f"{number:016x}", "f", "def f(a):\n    'é'\n    return a\n", "é", 0, "m.py", number, "MIT")


def work(number: int, index: int) -> list[Seed | Dropped]:
    return [seed(number), *([Dropped("odd")] if number % 2 else [])]


def job(tmp_path: Path) -> Job:
    return Job("seeds", {"in": "0" * 64}, {}, tmp_path / "out.jsonl")


def told(folder: Path) -> dict[str, Any]:
    """Every record stage by name: bytes, and its manifest without the seconds."""
    manifests = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.manifest.json")]
    return {
        each["stage"]: ((folder / each["output"]).read_bytes(), {k: v for k, v in each.items() if k != "seconds"})
        for each in manifests
    }


def recipe(tmp_path: Path, spread: str = "") -> Path:
    corpus = tmp_path / "corpus"
    corpus.mkdir(exist_ok=True)
    expressions = ("value * {n}", "{n} * value", "value + value * ({n} - 1)", "sum([value] * {n})")
    text = "".join(
        FUNCTION.format(number=n, product=3 * n, expression=expressions[n % 4].format(n=n)) for n in range(2, 10)
    )
    (corpus / "module.py").write_text(text, encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(RECIPE.format(folder=json.dumps(str(corpus))) + spread, encoding="utf-8")
    return path


@pytest.mark.parametrize("done", [0, 3])
@pytest.mark.parametrize("number", [1, 3, 40])
def test_shares_one_behind_the_other_are_what_one_worker_writes(tmp_path: Path, done: int, number: int) -> None:
    """Whatever was done before, and however the rest is cut."""
    (tmp_path / "one").mkdir()
    whole = run_job(job(tmp_path / "one"), range(10), work, Stop())
    stop = Stop()

    def interrupted(unit: int, index: int) -> list[Seed | Dropped]:
        if index == done:
            stop.cancel()
        return work(unit, index)

    with pytest.raises(KeyboardInterrupt):
        run_job(job(tmp_path), range(10), interrupted, stop)
    parts = cut(job(tmp_path), 10, number)
    assert parts is not None
    for share in reversed(range(parts.shares)):
        work_through(shares_of(job(tmp_path).output), share, range(10), work, Stop(), 1)
    put_together(job(tmp_path), parts)
    manifest = run_job(job(tmp_path), range(10), work, Stop())

    assert (parts.first, parts.shares) == (done, min(number, 10 - done))
    assert (manifest.units, manifest.kept, manifest.dropped) == (whole.units, whole.kept, whole.dropped)
    assert manifest.output_sha256 == whole.output_sha256
    assert not shares_of(job(tmp_path).output).exists()


def test_a_share_goes_on_behind_its_last_whole_line(tmp_path: Path) -> None:
    """A killed worker leaves a torn line; its units are neither lost nor doubled."""
    parts = cut(job(tmp_path), 6, 2)
    folder = shares_of(job(tmp_path).output)
    assert parts is not None
    for share in range(2):
        work_through(folder, share, range(6), work, Stop(), 1)
    whole = file_of(folder, 1).read_bytes()
    file_of(folder, 1).write_bytes(whole[: whole.rindex(b"records") + 3])
    with pytest.raises(BadEnvironment, match="1 units of share 1 of seeds were not done"):
        put_together(job(tmp_path), parts)
    seen = list[int]()

    def once(unit: int, index: int) -> list[Seed | Dropped]:
        seen.append(index)
        return work(unit, index)

    assert cut(job(tmp_path), 6, 2) == parts
    work_through(folder, 1, range(6), once, Stop(), 1)
    put_together(job(tmp_path), parts)

    assert seen == [5]
    assert run_job(job(tmp_path), range(6), work, Stop()).kept == 6


def worked_on(run_folder: Path) -> Path | None:
    """A share that holds a line and is not complete, of whatever stage."""
    with contextlib.suppress(OSError, ValueError):  # put together meanwhile, or not begun
        for path in run_folder.glob("*.shares/*.jsonl"):
            head, *found = path.read_bytes().split(b"\n")[:-1]
            if 0 < len(found) < len(Cut(**json.loads(head)["cut"]).span(int(path.stem))):
                return path
    return None


def when_worked_on(run_folder: Path, kill: Callable[[Path], bool]) -> list[Path]:
    """Call `kill` with such a share until it has killed; the share then stands in the list that is returned."""
    killed = list[Path]()

    def look() -> None:
        while not killed:
            time.sleep(0.02)
            if (found := worked_on(run_folder)) and kill(found):
                killed.append(found)

    threading.Thread(target=look, daemon=True).start()
    return killed


def kill_worker(share: Path) -> bool:
    arguments = [str(share.parent), str(int(share.stem))]
    found = [each for each in psutil.Process().children(recursive=True) if each.is_running()]
    return any(kill(each) for each in found if command_of(each)[-2:] == arguments)


def kill(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        process.kill()
        return True
    return False


def command_of(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


@pytest.mark.slow
def test_processes_of_this_machine_make_the_same_records_also_when_one_is_killed(tmp_path: Path) -> None:
    """The out-of-memory killer takes a worker, and the night goes on."""
    pytest.importorskip("datatrove")
    run(recipe(tmp_path), tmp_path / "one")
    killed = when_worked_on(tmp_path / "many", kill_worker)
    run(recipe(tmp_path, '[spread]\nby = "local"\nshares = 3\nworkers = 2\n'), tmp_path / "many")

    assert killed
    assert told(tmp_path / "many") == told(tmp_path / "one")
    assert sorted(path.name for path in (tmp_path / "many").glob("*.*")) == sorted(
        path.name for path in (tmp_path / "one").glob("*.*")
    )


@contextlib.contextmanager
def ray_cluster() -> Generator[Any]:
    """A head that does no work, and two nodes with a processor each: raylets of their own on this machine."""
    cluster_utils: Any = pytest.importorskip("ray.cluster_utils")
    node = {"num_cpus": 1, "memory": 2 << 30, "object_store_memory": 100 << 20}
    cluster = cluster_utils.Cluster(
        initialize_head=True, head_node_args={**node, "num_cpus": 0, "include_dashboard": False}
    )
    try:
        for _ in range(2):
            cluster.add_node(**node)
        cluster.wait_for_nodes()
        yield cluster
    finally:
        cluster.shutdown()


def by_ray(cluster: Any, shares: int) -> str:  # noqa: ANN401 - ray has no types
    return f'[spread]\nby = "ray"\nshares = {shares}\nworkers = 2\nmemory_gb = 1\naddress = "{cluster.address}"\n'


def lose_node(share: Path, cluster: Any) -> bool:  # noqa: ANN401 - ray has no types
    """As a machine loses its power: the raylet that works on the share ends, and all that it started."""
    raylets = [psutil.Process(node.all_processes["raylet"][0].process.pid) for node in cluster.worker_nodes]
    for raylet in raylets:
        below = raylet.children(recursive=True)
        if any(command_of(each)[-2:] == [str(share.parent), str(int(share.stem))] for each in below):
            killed = [kill(each) for each in (raylet, *below)]
            return killed[0]
    return False


@pytest.mark.slow
def test_a_ray_cluster_of_two_nodes_makes_the_same_records(tmp_path: Path) -> None:
    """Who works on a share, and in which order shares end, is not to be seen in what comes of them."""
    pytest.importorskip("datatrove")
    with ray_cluster() as cluster:
        run(recipe(tmp_path), tmp_path / "one")
        run(recipe(tmp_path, by_ray(cluster, shares=4)), tmp_path / "many")

    assert told(tmp_path / "many") == told(tmp_path / "one")


@pytest.mark.slow
def test_a_ray_node_that_is_lost_in_the_middle_costs_no_record_and_doubles_none(tmp_path: Path) -> None:
    """A machine of the cluster dies with a share half done; the other one finishes it behind its last whole line."""
    pytest.importorskip("datatrove")
    with ray_cluster() as cluster:
        run(recipe(tmp_path), tmp_path / "one")
        lost = when_worked_on(tmp_path / "many", lambda share: lose_node(share, cluster))
        run(recipe(tmp_path, by_ray(cluster, shares=2)), tmp_path / "many")  # of two units each
        alive = [node.all_processes["raylet"][0].process.poll() is None for node in cluster.worker_nodes]

    assert lost
    assert sorted(alive) == [False, True]
    assert told(tmp_path / "many") == told(tmp_path / "one")


@pytest.mark.slow
def test_an_array_of_slurm_jobs_makes_the_same_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script that datatrove writes is run as Slurm would run it, a job a share."""
    pytest.importorskip("datatrove")
    run(recipe(tmp_path), tmp_path / "one")
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, text in (("sbatch", SBATCH), ("srun", SRUN), ("scontrol", SCONTROL)):
        (commands / name).write_text(text, encoding="utf-8")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    run(recipe(tmp_path, '[spread]\nby = "slurm"\nshares = 3\npartition = "cpu"\n'), tmp_path / "many")

    assert told(tmp_path / "many") == told(tmp_path / "one")


@pytest.mark.slow
def test_workers_that_cannot_begin_say_why(tmp_path: Path) -> None:
    """A cluster that is not there, as a sentence; what was done stands."""
    pytest.importorskip("datatrove")
    pytest.importorskip("ray")
    with pytest.raises(BadEnvironment, match=r"no Ray cluster at 127.0.0.1:1 .*ray start --head"):
        run(recipe(tmp_path, '[spread]\nby = "ray"\naddress = "127.0.0.1:1"\n'), tmp_path / "run")
    run(recipe(tmp_path), tmp_path / "run")

    assert not list((tmp_path / "run").glob("*.shares"))
