"""A model over HTTP: the same protocol from a real llama.cpp server, and clear endings from servers that misbehave."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from cli_runner import CART, Bench
from darner.engine.errors import BadInput, ModelError, PromptTooLong
from darner.engine.model import Ending, Message, Sampling
from darner.engine.remote import RemoteModel
from darner.engine.stop import Stop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rough_server import Answer, Rough, broken_off, endless, serving, silent, status, stream
from tiny_gguf import write_tiny_gguf

ASK = (Message("system", "You repair Python."), Message("user", "Say something."))
TEST = "test_cart.py::test_at_the_limit"
ONE = Sampling(n=1, temperature=0.7, max_tokens=16)


@pytest.fixture(scope="module")
def real_server(tmp_path_factory: pytest.TempPathFactory, llama_server: Callable[[Path], str]) -> str:
    """The endpoint of a llama.cpp server with a tiny model."""
    return llama_server(write_tiny_gguf(tmp_path_factory.mktemp("served") / "tiny.gguf"))


def test_a_real_llama_cpp_server_gives_every_sample_that_was_asked_for(real_server: str) -> None:
    """It ignores `n`, as several servers do: what is missing is asked for again, with other seeds."""
    model = RemoteModel(real_server)
    heard: dict[int, str] = {}

    def listen(index: int, piece: str) -> None:
        heard[index] = heard.get(index, "") + piece

    done = model.sample(ASK, Sampling(n=3, temperature=1.0, max_tokens=16), Stop(), listen)

    assert len(done) == 3
    assert all(c.ending is Ending.LENGTH and c.tokens > 0 for c in done)
    assert len({c.text for c in done}) == 3
    assert {i: c.text for i, c in enumerate(done)} == heard
    assert model.name == f"tiny at {real_server.split('/')[2]}"


def test_a_real_server_that_refuses_a_long_prompt_by_an_empty_stream_is_asked_for_the_reason(real_server: str) -> None:
    """Nothing is not an answer: the prompt is too long, which whoever asked can mend."""
    with pytest.raises(PromptTooLong, match=r'refused the request: status 400, "This model\'s maximum context length'):
        RemoteModel(real_server).sample((Message("user", "x" * 1100),), ONE, Stop())


def test_a_prompt_beyond_the_servers_context_can_be_told_from_other_refusals() -> None:
    """Whoever asked can shorten it and ask again, as on this machine; vLLM's words."""
    words = "This model's maximum context length is 1024 tokens. However, you requested 3000 tokens."
    with serving(status(400, words)) as server, pytest.raises(PromptTooLong, match="refused the request"):
        RemoteModel(server.endpoint).sample(ASK, ONE, Stop())


def test_a_real_server_scores_by_its_own_log_probabilities(real_server: str) -> None:
    """A longer continuation of a random model is less likely; the same one is equally likely twice."""
    short, long, again = RemoteModel(real_server).score(ASK, ("return x", "return x + y + z", "return x"), Stop())

    assert long < short < 0
    assert short == pytest.approx(again)


def test_a_server_without_log_probabilities_gives_no_scores_and_is_not_asked_again() -> None:
    """Scores are a help in choosing, not a condition; half a score would be a wrong one."""
    with serving(status(400, '{"error": "echo is not supported"}')) as server:
        model = RemoteModel(server.endpoint)

        assert model.score(ASK, ("a", "b"), Stop()) == ()
        assert model.score(ASK, ("a", "b"), Stop()) == ()
        assert len(server.requests) == 1


def test_the_text_before_the_beginning_that_was_asked_for_is_cut_and_stop_strings_hold() -> None:
    """Chat servers cannot continue an assistant's turn: they say a sentence, open the fence, and close it."""
    fenced = Sampling(n=2, max_tokens=64, prefill="```python\n", stop=("\n```",))
    pieces = [
        (0, "Sure!\n``"),
        (1, "def g"),
        (0, "`python\ndef f(): pass"),
        (1, "(): pass"),
        (0, "\n`"),
        (0, "``\nBye."),
    ]
    heard: list[str] = []

    with serving(stream(*pieces)) as server:
        model = RemoteModel(server.endpoint)
        done = model.sample(ASK, fenced, Stop(), lambda i, piece: heard.append(piece) if i == 0 else None)

    assert [c.text for c in done] == ["def f(): pass", "def g(): pass"]
    assert [c.ending for c in done] == [Ending.STOP, Ending.STOP]
    assert "".join(heard) == "def f(): pass"


def test_a_stop_hangs_up_so_that_the_server_computes_for_nobody() -> None:
    """Cancel reaches over the network: the connection is closed, not left to run dry."""
    with serving(endless) as server:
        stop = Stop()
        done = RemoteModel(server.endpoint).sample(ASK, ONE, stop, lambda i, piece: stop.cancel())

        assert [c.ending for c in done] == [Ending.CANCELLED]
        assert done[0].text.startswith("word ")
        assert server.gone.wait(60)


def test_a_busy_server_is_asked_again() -> None:
    """A team's server restarts and sheds load; one refusal is no failure."""
    with serving(status(503, "loading"), status(429), stream((0, "hello"))) as server:
        assert RemoteModel(server.endpoint).sample(ASK, ONE, Stop())[0].text == "hello"
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (status(503, "loading the model"), 'status 503, "loading the model", 3 times'),
        (status(401), "set DARNER_API_KEY"),
        (status(404), "most endpoints end in /v1"),
        (status(400, "max_tokens is too large"), "max_tokens is too large"),
        (status(200, ""), "it answers with what is not a JSON object"),
        (status(200, ": ping\n\n"), "it answers with what is not a JSON object"),
        (status(200, "<html>Welcome to nginx</html>"), "it does not stream"),
        (status(200, '{"choices": [{"message": {"content": "all at once"}}]}'), "it does not stream"),
        (status(200, 'data: {"choices": 7}\n\n'), "not what an OpenAI-compatible server answers"),
        (status(200, "data: {]\n\n"), "not a JSON object"),
        (status(200, 'data: {"error": {"message": "out of memory"}}\n\n'), "out of memory"),
        (broken_off, "the connection broke in the middle of an answer"),
    ],
)
def test_a_server_that_misbehaves_ends_in_one_sentence(
    answer: Answer, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong, where, and what to do; never a traceback and never an empty repair."""
    monkeypatch.setattr("darner.engine.remote_http.PAUSE_S", 0.01)
    with serving(answer) as server, pytest.raises(ModelError) as error:
        RemoteModel(server.endpoint).sample(ASK, ONE, Stop())

    assert said in str(error.value)
    assert server.endpoint in str(error.value)
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def rough() -> Iterator[Rough]:
    with serving(status(200)) as server:
        yield server


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(
    rubbish=st.one_of(
        st.text(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(("choices", "delta", "content", "index", "data", "id")), inner)
            ),
            max_leaves=8,
        ).map(lambda value: f"data: {json.dumps(value)}\n\n"),
    )
)
def test_whatever_a_server_streams_ends_in_completions_or_a_sentence(rough: Rough, rubbish: str) -> None:
    """The other side is not ours: no shape of its answer may become a traceback."""
    rough.answers = [status(200, rubbish)]
    try:
        ended = str(len(RemoteModel(rough.endpoint, "m").sample(ASK, ONE, Stop())))
    except ModelError as error:
        ended = str(error)
    assert ended == "1" or (rough.endpoint in ended and "\n" not in ended)


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """An overloaded server accepts and is silent; a repair must end with a sentence."""
    monkeypatch.setattr("darner.engine.remote_http._PATIENCE", httpx2.Timeout(0.5))
    with serving(silent) as server, pytest.raises(ModelError, match="did not answer in time"):
        RemoteModel(server.endpoint).sample(ASK, ONE, Stop())


def test_nobody_at_the_address_and_no_address_at_all_are_told_apart() -> None:
    """The first is for the person who runs the server, the second a typing mistake."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        with pytest.raises(ModelError, match="Start it or correct the endpoint"):
            RemoteModel(endpoint).sample(ASK, ONE, Stop())
    with pytest.raises(BadInput, match="write it like http://127"):
        RemoteModel("localhost:8000")


def test_the_key_goes_out_as_a_bearer_token_and_several_models_must_be_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A shared server asks for both."""
    monkeypatch.setenv("DARNER_API_KEY", "s3cret")
    with serving(stream((0, "x"))) as server:
        server.names = ["coder", "chatter"]
        with pytest.raises(ModelError, match=r"coder, chatter.*--model"):
            RemoteModel(server.endpoint).sample(ASK, ONE, Stop())
        RemoteModel(server.endpoint, "coder").sample(ASK, ONE, Stop())

        path, headers, body = server.requests[-1]
        assert path == "/v1/chat/completions"
        assert headers["Authorization"] == "Bearer s3cret"
        assert (body["model"], body["n"], body["seed"]) == ("coder", 1, 0)


def test_the_command_line_repairs_with_an_endpoint_and_says_whose_model_it_was(tmp_path: Path) -> None:
    """Off by default; when on, it is in the output, because source leaves the machine."""
    bench = Bench(tmp_path).write(CART)
    with serving(stream((0, "```python\ndef free_shipping(total):\n    return total >= 50\n```"))) as server:
        ended = bench.darner(
            *("fix", "--json", "--trust", "--endpoint", server.endpoint, "--budget", "90", "--python", sys.executable)
        )

    assert ended.code == 0, ended.err
    assert ended.json()["model"] == f"rough at 127.0.0.1:{server.server_address[1]}"
    assert ended.failures()[TEST]["status"] == "repaired"
    assert "DARNER_API_KEY" not in os.environ
