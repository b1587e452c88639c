"""Answers through datatrove's InferenceRunner, from a real llama.cpp server: those that it gives."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from darner.engine.errors import ModelError
from darner.engine.model import Ending, Message, Sampling
from darner.engine.stop import Stop
from tiny_net import write_tiny_net

pytest.importorskip("datatrove")
pytestmark = pytest.mark.slow  # importing datatrove, and a server that has to start

from darner.training.runner_model import RunnerModel  # noqa: E402

ASK = (Message("user", "Say something."),)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory, llama_server: Callable[[Path], str]) -> str:
    return llama_server(write_tiny_net(tmp_path_factory.mktemp("served") / "tiny.gguf"))


def plainly(endpoint: str, text: str) -> str:
    body = {"messages": [{"role": "user", "content": text}], "temperature": 0.0, "max_tokens": 24}
    answer = httpx2.post(f"{endpoint}/chat/completions", json=body, timeout=60).json()
    return answer["choices"][0]["message"]["content"]


@pytest.fixture
def runner(endpoint: str) -> Iterator[RunnerModel]:
    with closing(RunnerModel(endpoint, "tiny", 4)) as model:
        yield model


def test_greedy_answers_are_those_of_one_request_after_the_other(endpoint: str, runner: RunnerModel) -> None:
    """Who carries a request to the server is not to be seen in the records."""
    greedy = Sampling(temperature=0.0, max_tokens=24)
    asked = [(Message("user", f"repair f{number}"),) for number in range(6)]
    with ThreadPoolExecutor(6) as threads:
        done = [threads.submit(runner.sample, messages, greedy, Stop()) for messages in asked]
    found = [each.result()[0] for each in done]
    expected = [plainly(endpoint, message.content) for (message,) in asked]

    assert [each.text for each in found] == expected
    assert all(each.text for each in found)


def test_every_sample_comes_with_a_seed_of_its_own_and_the_same_again(runner: RunnerModel) -> None:
    """Ten equal answers would be one; and a run that goes on must get what it got."""
    warm = Sampling(n=3, temperature=1.0, max_tokens=16, seed=5)
    first, again = runner.sample(ASK, warm, Stop()), runner.sample(ASK, warm, Stop())

    assert [each.text for each in first] == [each.text for each in again]
    assert len({each.text for each in first}) == 3


def test_a_stop_ends_the_wait(runner: RunnerModel) -> None:
    """Ctrl-C while a server works through its queue."""
    stop = Stop()
    stop.cancel()

    assert [each.ending for each in runner.sample(ASK, Sampling(n=2), stop)] == [Ending.CANCELLED] * 2


def test_a_request_that_the_server_refuses_is_an_error_and_the_next_one_is_answered(runner: RunnerModel) -> None:
    """One prompt that is too long must not end the night."""
    with pytest.raises(ModelError, match="gave no answer"):
        runner.sample((Message("user", "word " * 4_000),), Sampling(max_tokens=4), Stop())

    assert runner.sample(ASK, Sampling(max_tokens=4), Stop())[0].text


def test_a_server_that_is_not_there_is_named() -> None:
    """After the runner's last try, and not at the end of time."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{probe.getsockname()[1]}/v1"
    with closing(RunnerModel(nowhere, "tiny", 4)) as model, pytest.raises(ModelError, match="Failed to start"):
        model.sample(ASK, Sampling(max_tokens=4), Stop())
