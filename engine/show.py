"""What a person sees: progress on stderr, results on stdout. Everything that a test printed is shown as plain text."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Generator
from contextlib import contextmanager
from string import ascii_uppercase

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.status import Status
from rich.text import Text

from ..sandbox.types import Guarantees, Outcome, TestResult
from .events import Event, Found, Located, Phase, Prose, Seen, Tried
from .patch import unified_diff
from .reply import outcome
from .types import Explanation, FailureReport, FixStatus, Origin, Question, Repair, Standing, Suspect, Verdict

PROSE_IS = "its names, values and lines occur in the evidence; what it makes of them is not checked"
_MOST_NAMES = 3
_STATUS = {
    FixStatus.REPAIRED: ("✓ repaired", "bold green"),
    FixStatus.AMBIGUOUS: ("? ambiguous", "bold yellow"),
    FixStatus.UNREPAIRED: ("✗ not repaired", "bold red"),
    FixStatus.FLAKY: ("~ flaky", "bold yellow"),
}


def printable(text: str) -> str:
    """The text without terminal escapes, control characters and direction marks (they can hide what is there)."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))


class Live:
    """What is happening now: one changing line on a terminal, a line for each new phase in a log."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = Status("", console=console)
        self._ran = 0
        self._phase = ""

    def phase(self, text: str) -> None:
        self._phase = text
        self.say(text)
        if not self._console.is_terminal:
            self._console.print(Text(f"darner: {printable(text)}"), soft_wrap=True)

    def say(self, text: str) -> None:
        line = " ".join(printable(text).split())
        self._status.update(Text(line, no_wrap=True, overflow="ellipsis"))

    def test(self, result: TestResult) -> None:
        self._ran += 1
        failed = "" if result.outcome is not Outcome.FAILED else " (failed)"
        self.say(f"running the tests: {self._ran} done, last {result.nodeid}{failed}")

    def event(self, event: Event) -> None:
        match event:
            case Phase():
                self.phase(f"{event.nodeid}: {event.text}")
            case Seen() | Located():
                self.say(f"{event.nodeid}: {event.explanation.summary}")
            case Tried():
                self.say(f"{self._phase} ({event.count} tried, {event.plausible} pass the test)")
            case Prose():
                self._status.update(Text(printable(event.text)))
            case Found():
                self.say(f"{event.nodeid}: verified {event.repair.candidate.description}")
            case _:
                pass

    @contextmanager
    def shown(self) -> Generator[Live]:
        with self._status:
            yield self

    @contextmanager
    def paused(self) -> Generator[None]:
        """While something else is printed: stdout and stderr are often the same terminal."""
        self._status.stop()
        yield
        self._status.start()


@contextmanager
def download(console: Console, name: str) -> Generator[Callable[[int, int], None]]:
    """A progress bar on stderr; the caller reports (bytes so far, bytes in all)."""
    from rich.progress import (  # here: nothing else shows one
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def sandbox(guarantees: Guarantees) -> Text:
    """What holds while candidates run, said plainly."""
    line = Text.assemble(("sandbox: ", "dim"), f"{guarantees.backend} (", "; ".join(guarantees.holds) or "nothing held")
    if guarantees.gaps:
        line.append("; NOT held: ", "yellow").append("; ".join(guarantees.gaps))
    return line.append(")")


def report(report: FailureReport) -> RenderableType:
    """One failing test: verdict, why it failed, the repair as a diff, and the evidence for it."""
    word, style = _STATUS[report.status]
    parts: list[RenderableType] = [Text.assemble((word, style), "  ", printable(report.nodeid))]
    parts.append(explanation(report.explanation))
    if report.question is not None:
        parts.append(question(report.question, report.repairs))
    elif report.repairs:
        best = report.repairs[0]
        parts += [diff(best), Text(evidence(report, best), "green"), assurance(best)]
        if more := len(report.repairs) - 1:
            parts.append(Text(f"{more} more verified; see --json.", "dim"))
    else:
        parts.append(Text(f"{report.candidates_tried} candidates tried in {report.seconds:.1f} s.", "dim"))
        parts += [suspects(report.suspects)] if report.suspects else []
    if report.note:
        parts.append(Text(printable(report.note), "yellow"))
    return Group(
        *(part if i == 0 else Padding(part, (0, 0, 0, 2), expand=False) for i, part in enumerate(parts)), Text("")
    )


def suspects(ranked: tuple[Suspect, ...], most: int = 5) -> Text:
    """The first suspects, each with its place and the reasons for it."""
    text = Text("Suspects:" if ranked else "", "bold")
    for number, one in enumerate(ranked[:most], 1):
        span = str(one.line) if one.line == one.end_line else f"{one.line}-{one.end_line}"
        text.append(f"\n{number}. {printable(one.path)}:{span} ", "not bold")
        text.append(printable("; ".join(one.reasons)), "not bold dim")
    return text


def explanation(why: Explanation) -> RenderableType:
    body = Text(printable(why.summary), "bold")
    for fact in why.facts:
        body.append(f"\n• {printable(fact)}", "not bold")
    if why.prose:
        hypothesis = why.standing is Standing.HYPOTHESIS
        label = "Hypothesis, in the model's words" if hypothesis else "In the model's words"
        body.append(f"\n{label} ({PROSE_IS}): {printable(why.prose).strip()}", "not bold italic")
    place = f"{why.file}:{why.line}" if why.file else ""
    return Panel(body, title=Text(place) if place else None, title_align="left", border_style="dim")


def diff(repair: Repair) -> Text:
    return diff_text(unified_diff(repair.candidate.patch))


def diff_text(diff: str) -> Text:
    """Coloured by line; a diff is source text, so escapes in it are dropped, not obeyed."""
    text = Text()
    for line in printable(diff).splitlines():
        heading = line.startswith(("+++", "---"))
        style = "bold" if heading else {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        text.append(f"{line}\n", style)
    text.rstrip()
    return text


def evidence(report: FailureReport, repair: Repair) -> str:
    """`passes test_total; 41 of 41 others still pass; 3.2 s; mutation `<` → `<=` at cart.py:14`."""
    verdict = repair.verdict
    test = _test_name(report.nodeid)
    others = f"{verdict.still_passing} of {verdict.passed_before} others still pass"
    colon = ":" if repair.candidate.origin is Origin.REVERT else ""
    where = f"{repair.candidate.origin.value}{colon} {repair.candidate.description}"
    return printable(f"passes {test}; {others}{still_failing(verdict)}; {report.seconds:.1f} s; {where}")


def still_failing(verdict: Verdict) -> str:
    """`; still failing: test_b, test_c`: of the tests that fail in the same code, those that are not cured."""
    names = [_test_name(nodeid) for nodeid in verdict.uncured]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"; still failing: {', '.join(names[:_MOST_NAMES])}{more}" if names else ""


def assurance(repair: Repair) -> Text:
    """`assurance B: its values cannot be handed from one process to another`; yellow below what is applied unasked."""
    proof = repair.verdict.proof
    reasons = "; ".join(proof.reasons)
    line = f"assurance {proof.assurance}: {reasons}" if reasons else f"assurance {proof.assurance}"
    run = repair.verdict.run
    places = list(dict.fromkeys(place for place in (run.backend, proof.second) if place))
    line += f"; confirmed in {' and '.join(places)}" if places and not run.note else ""
    line += f"; {run.note}" if run.note else ""
    return Text(printable(line), "green" if proof.believed else "yellow")


def _test_name(nodeid: str) -> str:
    """Without its file and class; parameters may hold `::` themselves."""
    item, bracket, parameters = nodeid.partition("[")
    return item.rsplit("::", 1)[-1] + bracket + parameters


def question(
    asked: Question, repairs: tuple[Repair, ...], two: str = "repairs cure this test and break none"
) -> RenderableType:
    """The input on which the repairs differ, what each gives, and its diff."""
    parts: list[RenderableType] = [Text(f"Two {two}. Which is right for {printable(asked.input)} ?")]
    for letter, answer in zip(ascii_uppercase, asked.answers, strict=False):
        repair = repairs[answer.candidate]
        gives = Text.assemble((f"{letter}: ", "bold yellow"), printable(outcome(answer.output)))
        told = f"{repair.candidate.origin.value} {repair.candidate.description}{still_failing(repair.verdict)}"
        gives.append(f"   ({printable(told)})", "dim")
        parts += [gives, Padding(diff(repair), (0, 0, 0, 3), expand=False)]
    own = "or what is right, as in --answer '[5, 6]' or --answer 'raises ValueError'"
    parts.append(Text(f"Nothing is changed. Say --answer A, --answer B, --answer neither, {own}.", "dim"))
    return Group(*parts)


def summary(reports: tuple[FailureReport, ...]) -> Text:
    counts = {status: sum(r.status is status for r in reports) for status in FixStatus}
    words = [f"{n} {status.value}" for status, n in counts.items() if n]
    return Text(f"{len(reports)} failing: {', '.join(words)}.", "bold")
