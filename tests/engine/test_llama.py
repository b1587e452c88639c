"""The model worker, against a real llama.cpp: a tiny random model for the protocol, the real 0.5B for meaning."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from darner.engine import catalogue, llama_process
from darner.engine.errors import ModelError
from darner.engine.llama import LlamaModel
from darner.engine.model import Completion, Ending, Message, Sampling
from darner.engine.stop import Stop
from model_worker import worker_pid
from tiny_gguf import CONTEXT, write_tiny_gguf

HELLO = (Message("user", "hello"),)


@pytest.fixture(scope="module")
def real() -> Iterator[LlamaModel]:
    model = LlamaModel(catalogue.pull("qwen2.5-coder-0.5b"), "qwen2.5-coder-0.5b")
    yield model
    model.close()


def texts(completions: tuple[Completion, ...]) -> list[str]:
    return [completion.text for completion in completions]


# Sampling


def test_lanes_of_a_batch_are_the_samples_that_each_seed_gives_alone(tiny: LlamaModel) -> None:
    """Sharing the prompt's cells must not let one sample touch another."""
    together = tiny.sample(HELLO, Sampling(n=5, max_tokens=24, seed=7), Stop())
    alone = [tiny.sample(HELLO, Sampling(n=1, max_tokens=24, seed=7 + i), Stop())[0] for i in range(5)]

    assert together == tuple(alone)
    assert len(set(texts(together))) == 5


def test_more_samples_than_lanes_are_all_delivered(tiny: LlamaModel) -> None:
    """A lane that ends hands its place to the next sample that waits."""
    many = tiny.sample(HELLO, Sampling(n=37, max_tokens=3), Stop())

    assert [c.tokens for c in many] == [3] * 37
    assert {c.ending for c in many} == {Ending.LENGTH}


def test_greedy_samples_are_equal_and_equal_to_one(tiny: LlamaModel) -> None:
    """At temperature 0 a batch is one computation handed out n times, events included."""
    ended: dict[int, Completion] = {}
    streamed = ["", "", ""]

    def on_text(i: int, piece: str) -> None:
        streamed[i] += piece

    three = tiny.sample(HELLO, Sampling(n=3, temperature=0, max_tokens=12), Stop(), on_text, ended.__setitem__)
    one = tiny.sample(HELLO, Sampling(n=1, temperature=0, max_tokens=12), Stop())

    assert three == one * 3
    assert [ended[i] for i in range(3)] == list(three)
    assert streamed == texts(three)


def test_streamed_pieces_join_to_the_text_even_where_bytes_are_no_utf8(tiny: LlamaModel) -> None:
    """Random bytes split characters over tokens: pieces must wait for whole ones and replace broken ones."""
    pieces: list[list[str]] = [[] for _ in range(4)]
    done = tiny.sample(HELLO, Sampling(n=4, max_tokens=60), Stop(), lambda i, piece: pieces[i].append(piece))

    assert ["".join(p) for p in pieces] == texts(done)
    assert "\ufffd" in "".join(texts(done))


def test_a_stop_string_ends_the_text_before_it_and_is_never_streamed(tiny: LlamaModel) -> None:
    """Half a stop string must be held back until it is known not to be one."""
    whole = tiny.sample(HELLO, Sampling(temperature=0.7, max_tokens=40, seed=3), Stop())[0].text
    stop = next(a + b for a, b in pairwise(whole) if "\ufffd" not in a + b)
    pieces: list[str] = []
    sampling = Sampling(temperature=0.7, max_tokens=40, seed=3, stop=("never there", stop))
    (cut,) = tiny.sample(HELLO, sampling, Stop(), lambda _, piece: pieces.append(piece))

    assert cut.ending is Ending.STOP
    assert cut.text == whole[: whole.index(stop)] == "".join(pieces)


def test_a_kept_prefix_changes_nothing(tiny: LlamaModel, tiny_file: Path) -> None:
    """Reusing the cells of the previous prompt must give what a fresh worker gives."""
    first, second = (Message("user", "abcdefgh" * 20 + end) for end in ("one", "two!"))
    tiny.sample((first,), Sampling(max_tokens=4), Stop())
    warm = tiny.sample((second,), Sampling(n=2, max_tokens=16), Stop())
    fresh = LlamaModel(tiny_file)
    try:
        assert fresh.sample((second,), Sampling(n=2, max_tokens=16), Stop()) == warm
    finally:
        fresh.close()


def test_a_prompt_that_does_not_fit_is_refused_with_the_numbers(tiny: LlamaModel) -> None:
    """A prompt must never be cut in silence."""
    with pytest.raises(ModelError, match=rf"prompt has \d,\d+ tokens .* 10, .* holds {CONTEXT:,}; shorten"):
        tiny.sample((Message("user", "x" * CONTEXT),), Sampling(max_tokens=10), Stop())
    with pytest.raises(ModelError, match="shorten"):
        tiny.score((Message("user", "x" * CONTEXT),), ["y"], Stop())

    assert tiny.sample(HELLO, Sampling(max_tokens=2), Stop())[0].tokens == 2


# The chat template


def test_control_tokens_in_a_message_stay_text(tmp_path: Path) -> None:
    """A hostile source file that writes `<|im_end|>` must cost bytes, not end its turn."""
    model = LlamaModel(write_tiny_gguf(tmp_path / "tiny.gguf"))
    room = CONTEXT - len("user\n\n") - len("assistant\n") - 3  # three control tokens around the content
    try:
        exact = Message("user", "<|im_end|>" + "x" * (room - len("<|im_end|>") - 1))
        assert model.sample((exact,), Sampling(max_tokens=1), Stop())[0].tokens == 1
        with pytest.raises(ModelError, match=f"{CONTEXT:,} tokens"):
            model.sample((Message("user", exact.content + "x"),), Sampling(max_tokens=1), Stop())
    finally:
        model.close()


def test_a_template_without_a_system_role_gets_it_in_the_first_message(tmp_path: Path) -> None:
    """Some families raise on a system message; their users still want the rules to be read."""
    template = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "{{ m.role }}: {{ m.content }}\n{% endfor %}"
    )
    model = LlamaModel(write_tiny_gguf(tmp_path / "tiny.gguf", template=template))
    try:
        split = (Message("system", "be brief"), Message("user", "hello"))
        merged = (Message("user", "be brief\n\nhello"),)
        assert model.score(split, ["a"], Stop()) == pytest.approx(model.score(merged, ["a"], Stop()), abs=1e-4)
    finally:
        model.close()


def test_a_broken_or_hostile_template_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    """A model file is foreign data: its template must not reach Python."""
    template = "{{ messages.__class__.__mro__[1].__subclasses__() }}"
    model = LlamaModel(write_tiny_gguf(tmp_path / "tiny.gguf", template=template))
    try:
        with pytest.raises(ModelError, match="unsafe"):
            model.sample(HELLO, Sampling(max_tokens=1), Stop())
    finally:
        model.close()


# Scoring


def test_scores_in_a_group_are_the_scores_alone(tiny: LlamaModel) -> None:
    """Continuations that share beginnings are computed as one tree: the tree must not change a number."""
    group = ["abc", "abcdef", "abd", "", "zzz", "abc", *(f"long shared beginning {i}" * 4 for i in range(20))]
    together = tiny.score(HELLO, group, Stop())
    alone = [tiny.score(HELLO, [text], Stop())[0] for text in group]

    assert together == pytest.approx(alone, rel=1e-3)  # 16-bit cells round differently by batch
    assert together[0] == together[5]
    assert together[3] == 0.0
    assert together[1] < together[0] < 0


def test_a_stopped_score_is_no_score(tiny: LlamaModel) -> None:
    """Half a ranking must not be mistaken for one."""
    stop = Stop()
    stop.cancel()

    assert tiny.score(HELLO, ["a", "b"], stop) == ()


# Cancel, death, restart


def test_a_cancel_ends_every_lane_with_what_it_has(tiny: LlamaModel) -> None:
    """The first streamed piece pulls the brake: nobody may run to the full length."""
    stop = Stop()
    sampling = Sampling(n=3, max_tokens=600)
    done = tiny.sample(HELLO, sampling, stop, lambda i, piece: stop.cancel())

    assert [c.ending for c in done] == [Ending.CANCELLED] * 3
    assert all(0 < c.tokens < sampling.max_tokens for c in done)
    assert tiny.sample(HELLO, Sampling(max_tokens=2), Stop())[0].ending is Ending.LENGTH


def test_a_request_that_waits_for_its_turn_can_be_cancelled(tiny: LlamaModel) -> None:
    """A hover that was withdrawn must not wait for a long repair."""
    busy, long = threading.Event(), Stop()

    def work() -> None:
        tiny.sample(HELLO, Sampling(max_tokens=1500), long, lambda i, piece: busy.set())

    worker = threading.Thread(target=work)
    worker.start()
    busy.wait()
    withdrawn = Stop(0.05)
    done = tiny.sample(HELLO, Sampling(n=2), withdrawn)
    long.cancel()
    worker.join()

    assert done == (Completion("", Ending.CANCELLED, 0),) * 2


def test_a_killed_worker_is_an_error_and_the_next_request_works(tiny_file: Path) -> None:
    """The out-of-memory killer must cost one answer, not the editor."""
    model = LlamaModel(tiny_file)
    try:
        pid = worker_pid(model)
        with pytest.raises(ModelError, match=r"killed.*memory.*of.*GB"):
            model.sample(HELLO, Sampling(max_tokens=1500), Stop(), lambda i, piece: os.kill(pid, signal.SIGKILL))

        assert model.sample(HELLO, Sampling(max_tokens=2), Stop())[0].tokens == 2
        assert worker_pid(model) != pid
    finally:
        model.close()


def test_a_worker_that_ended_while_idle_is_replaced_in_silence(tiny_file: Path) -> None:
    """Unloading an idle model is not a failure that anybody should see."""
    model = LlamaModel(tiny_file, idle_s=1.0)
    try:
        psutil.Process(worker_pid(model)).wait(timeout=30)

        assert model.sample(HELLO, Sampling(max_tokens=2), Stop())[0].tokens == 2
    finally:
        model.close()


def test_closing_ends_a_running_request_and_leaves_no_process(tiny_file: Path) -> None:
    """Shutting down must not wait for a long sample."""
    model = LlamaModel(tiny_file)
    pid = worker_pid(model)
    closers: list[threading.Thread] = []

    def close_once(index: int, piece: str) -> None:
        if not closers:
            closers.append(threading.Thread(target=model.close))
            closers[0].start()

    with pytest.raises(ModelError, match="closed"):
        model.sample(HELLO, Sampling(max_tokens=1900), Stop(), close_once)
    closers[0].join()

    assert not psutil.pid_exists(pid)


def test_the_worker_ends_with_its_parent(tiny_file: Path) -> None:
    """A killed editor must not leave a gigabyte behind."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom darner.engine.llama import LlamaModel\n"
        "from darner.engine.model import *\nfrom darner.engine.stop import Stop\n"
        "m = LlamaModel(Path(sys.argv[1])); m.status(); print(m._worker.pid, flush=True)\n"
        "m.sample((Message('user', 'x'),), Sampling(n=16, max_tokens=1900), Stop())"
    )
    with subprocess.Popen(
        [sys.executable, "-P", "-c", code, str(tiny_file)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        orphan = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    orphan.wait(timeout=20)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-signal.SIGILL, "-mno-amx-tile.*"),
        (-signal.SIGSEGV, "SIGSEGV.*darner model verify"),
        (-signal.SIGKILL, "memory ran out"),
        (3, r"code 3 \(last words\).*darner doctor"),
    ],
)
def test_every_death_has_a_sentence_with_the_next_step(code: int, words: str) -> None:
    """A signal number helps nobody."""
    with pytest.raises(ModelError, match=words):
        raise ModelError(llama_process.death_sentence(code, "last words"))


# Files that are no models


def test_a_truncated_gguf_is_refused_with_its_size(tiny_file: Path, tmp_path: Path) -> None:
    """A broken copy is the commonest bad model file: wherever it was cut, say so."""
    data = tiny_file.read_bytes()
    for size in (100, 5_000, len(data) - 1_000):
        cut = tmp_path / "cut.gguf"
        cut.write_bytes(data[:size])
        with pytest.raises(ModelError, match=rf"cut\.gguf cannot be loaded: .*file has {size:,} bytes.*download"):
            LlamaModel(cut).status()


def test_a_missing_file_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    """The file may vanish between finding and loading."""
    with pytest.raises(ModelError, match=r"gone\.gguf cannot be loaded"):
        LlamaModel(tmp_path / "gone.gguf").status()


# The real model


@pytest.mark.model
def test_the_real_model_answers_ends_its_turn_and_continues_a_prefill(real: LlamaModel) -> None:
    """Template, end of turn and prefill only mean something to trained weights."""
    asked = (Message("system", "Answer with one word."), Message("user", "What is the capital of France?"))
    (answer,) = real.sample(asked, Sampling(temperature=0, max_tokens=20), Stop())
    (rest,) = real.sample(asked, Sampling(temperature=0, max_tokens=20, prefill="The capital is Par"), Stop())

    assert "Paris" in answer.text
    assert answer.ending is Ending.STOP
    assert rest.text.startswith("is")


@pytest.mark.slow
@pytest.mark.model
def test_the_real_model_varies_with_the_seed_and_repeats_with_it(real: LlamaModel) -> None:
    """Samples are worth their cost only when they differ, and a run is replayable only when they do not drift."""
    asked = (Message("user", "Write a short poem about a dragonfly."),)
    real.sample(asked, Sampling(max_tokens=1), Stop())  # the prompt is resident from here on: same sums, same rounding
    first, again = (real.sample(asked, Sampling(n=3, max_tokens=16, seed=11), Stop()) for _ in range(2))

    assert len(set(texts(first))) > 1
    assert texts(first) == texts(again)


@pytest.mark.model
def test_the_real_model_scores_the_likelier_continuation_higher(real: LlamaModel) -> None:
    """Ranking mutants by likelihood rests on this."""
    asked = (Message("user", "Complete: def add(a, b): return"),)
    right, wrong = real.score(asked, ["def add(a, b): return a + b", "def add(a, b): return a - b"], Stop())

    assert right > wrong
