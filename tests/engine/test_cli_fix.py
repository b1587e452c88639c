"""`darner fix`, `undo`, `explain` and `trust` as a user runs them, on a project with one small bug."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_runner import CART, Bench

TEST = "test_cart.py::test_at_the_limit"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path).write(CART)


def test_json_holds_the_verified_repair_and_the_tree_is_untouched(bench: Bench) -> None:
    """The JSON is what editors and scripts build on; without --apply nothing may change."""
    before = bench.snapshot()

    ended = bench.fix("--json")

    assert ended.code == 0, ended.err
    answer = ended.json()
    assert (answer["version"], answer["model"], answer["applied"]) == (1, None, [])
    assert answer["sandbox"]["backend"]
    failure = ended.failures()[TEST]
    assert (failure["status"], failure["origin"], failure["question"]) == ("repaired", "mutation", None)
    verified = failure["verified"]
    assert {"target": True, "passed_before": 5, "still_passing": 5, "broken": []}.items() <= verified.items()
    assert (verified["assurance"], verified["control"]) in (("A", "held"), ("B", "held")), verified["reasons"]
    assert "+    return total >= 50" in failure["patch"]
    assert failure["explanation"]["file"] == "cart.py"
    assert bench.snapshot() == before
    assert bench.leftovers() == []


def test_a_person_sees_the_diff_and_the_evidence(bench: Bench) -> None:
    """A repair without its evidence is a claim; results go to stdout."""
    ended = bench.fix()

    assert ended.code == 0, ended.err
    assert f"✓ repaired  {TEST}" in ended.out
    assert "+    return total >= 50" in ended.out
    assert "passes test_at_the_limit; 5 of 5 others still pass" in " ".join(ended.out.split())
    assert "--apply" in ended.out


def test_a_repair_is_applied_where_the_output_cannot_hold_its_marks(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log in Latin-1 has no check mark; that is no reason to end before the files are written."""
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    ended = bench.fix("--apply")

    assert ended.code == 0, ended.err
    assert "? repaired" in ended.out
    assert b">= 50" in (bench.root / "cart.py").read_bytes()


def test_apply_writes_and_undo_restores_the_bytes(bench: Bench) -> None:
    """What Darner wrote it can take back, exactly, once."""
    (bench.root / "cart.py").chmod(0o755)
    before = bench.snapshot()

    applied = bench.fix("--apply", "--json")
    assert applied.json()["applied"] == ["cart.py"]
    changed, mode = bench.snapshot()["cart.py"]
    assert changed == before["cart.py"][0].replace(b"total > 50", b"total >= 50")
    assert mode == before["cart.py"][1]
    assert bench.fix().out.startswith("Nothing to repair: 6 tests pass.")

    assert bench.darner("undo").code == 0
    assert bench.snapshot() == before
    again = bench.darner("undo")
    assert (again.code, "Nothing to undo" in again.err) == (2, True)


def test_undo_refuses_when_the_file_changed_since(bench: Bench) -> None:
    """Undo must never throw the user's later work away."""
    bench.fix("--apply")
    with (bench.root / "cart.py").open("a") as file:
        file.write("# mine\n")
    before = bench.snapshot()

    ended = bench.darner("undo")

    assert ended.code == 2
    assert "cart.py has changed since" in ended.err
    assert bench.snapshot() == before


def test_an_unknown_node_id_offers_the_nearest(bench: Bench) -> None:
    """A typing mistake should cost one more try, not a search through files."""
    ended = bench.fix("test_cart.py::test_at_the_limits", "--json")

    assert ended.code == 2
    assert TEST in ended.err
    assert ended.json()["error"]["code"] == 2


@pytest.mark.slow
def test_node_ids_may_be_typed_from_a_sub_folder(bench: Bench) -> None:
    """pytest takes paths from where one stands; so does Darner."""
    (bench.root / "docs").mkdir()

    ended = bench.fix("../test_cart.py::test_at_the_limit", "--json", folder=bench.root / "docs")

    assert ended.code == 0, ended.err
    assert ended.failures()[TEST]["status"] == "repaired"


def test_a_passing_test_has_nothing_to_repair(bench: Bench) -> None:
    """Asking for a test that passes is not an error."""
    ended = bench.fix("test_cart.py::test_label", "--json")

    assert ended.code == 0, ended.err
    assert ended.json()["failures"] == []


def test_explain_gives_facts_from_the_run(bench: Bench) -> None:
    """Facts need no model and name the place."""
    ended = bench.darner("explain", TEST, "--no-model", "--trust", "--json")

    assert ended.code == 0, ended.err
    why = ended.json()["explanation"]
    assert why["summary"]
    assert why["facts"]
    assert why["file"].endswith(".py")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fix", "--budget", "soon"), "--budget 'soon'"),
        (("fix", "--answer", "A"), "--answer"),
        (("fix", "--root", "/nowhere/at/all"), "/nowhere/at/all is not a folder"),
        (("frobnicate",), "frobnicate"),
    ],
)
def test_usage_mistakes_end_with_2_and_name_the_mistake(bench: Bench, words: tuple[str, ...], said: str) -> None:
    """Scripts tell a mistake of theirs from an unrepaired test by the exit code."""
    ended = bench.darner(*words)

    assert ended.code == 2
    assert said in " ".join(ended.err.split())


@pytest.mark.slow
def test_a_repair_that_mends_several_tests_is_searched_once(bench: Bench) -> None:
    """The second test passes with the first one's repair: the same patch, no further candidates."""
    twin = "\n\ndef test_the_limit_again():\n    assert free_shipping(50.0) is True\n"
    bench.write({"test_cart.py": (bench.root / "test_cart.py").read_bytes() + twin.encode()})

    failures = bench.fix("--json").failures()

    names = [TEST, "test_cart.py::test_the_limit_again"]
    searched, shared = sorted(names, key=lambda name: -failures[name]["candidates_tried"])
    first, second = failures[searched], failures[shared]
    assert (first["status"], second["status"]) == ("repaired", "repaired")
    assert second["patch"] == first["patch"]
    assert second["candidates_tried"] == 0
    assert searched in second["note"]


def test_a_test_that_enters_other_code_is_not_given_up_with_a_hopeless_one(bench: Bench) -> None:
    """Two methods of one class have a fault each; that one is hopeless says nothing of the other."""
    cart = {
        "cart.py": """
            class Cart:
                def __init__(self):
                    self.prices = []

                def add(self, price):
                    self.prices.append(price)

                def digest(self):
                    raise NotImplementedError

                def pieces(self):
                    return len(self.prices) - 1
            """,
        "test_cart.py": """
            from cart import Cart


            def test_digest():
                cart = Cart()
                cart.add(3)
                assert cart.digest() == "900150983cd24fb0"


            def test_pieces():
                cart = Cart()
                cart.add(3)
                assert cart.pieces() == 2
            """,
    }
    failures = bench.write(cart).fix("--json").failures()

    hard, pieces = failures["test_cart.py::test_digest"], failures["test_cart.py::test_pieces"]
    assert hard["status"] == "unrepaired"
    assert pieces["candidates_tried"] > 0


@pytest.mark.slow
def test_repairs_of_one_file_are_applied_together(bench: Bench) -> None:
    """Two repairs start from the same bytes; --apply must write both or say which it left."""
    bench.write(
        {
            "cart.py": (bench.root / "cart.py").read_bytes() + b"\n\ndef pieces(boxes):\n    return boxes + 12\n",
            "test_pieces.py": """
                from cart import pieces


                def test_pieces():
                    assert [pieces(boxes) for boxes in (0, 1, 3)] == [0, 12, 36]
                """,
        }
    )

    ended = bench.fix("--apply", "--json")

    assert ended.code == 0, ended.out
    text = (bench.root / "cart.py").read_text()
    assert "total >= 50" in text
    assert "boxes * 12" in text or "12 * boxes" in text
    assert bench.darner("undo").code == 0
    assert "total > 50" in (bench.root / "cart.py").read_text()


def test_trust_is_remembered_and_forgotten(bench: Bench) -> None:
    """Consent is per project and can be withdrawn."""
    state = bench.home / "state" / "darner" / "trust.json"

    assert bench.darner("trust").code == 0
    assert str(bench.root) in state.read_text()
    assert bench.darner("trust", "--forget").code == 0
    assert str(bench.root) not in state.read_text()
