"""Every check as a pytest item: `pytest --gateproof-target TARGET.toml --pyargs conformance`.

All items of a run share one audit, also those of several xdist workers, and it looks only for what was not
deselected. A failed check is a failure; one that could not be decided is an error with its reason, unless
`--gateproof-allow-inconclusive` makes it a skip that shows it; one that does not apply is a skip.
"""

import fcntl
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if (
    TYPE_CHECKING
):  # the suite is imported only where a target is given: the plugin is there in every run of pytest
    from conformance.model.results import CheckResult, Results

_CATALOGUE = Path(__file__).with_name("catalogue.py")
_AUDIT = pytest.StashKey["Audit"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of `gateproof audit` that make sense here."""
    group = parser.getgroup("gateproof", "checks of an LLM API gateway")
    group.addoption("--gateproof-target", type=Path, metavar="TARGET.toml", help="audit this target")
    group.addoption(
        "--gateproof-profile",
        choices=("quick", "standard", "thorough"),
        default="quick",
        help="calls per path: 60, 300 or 3000",
    )
    group.addoption(
        "--gateproof-sample", type=int, metavar="N", help="calls per path, instead of a profile's"
    )
    group.addoption("--gateproof-seed", type=int, metavar="N", help="seed of orders and pauses")
    group.addoption(
        "--gateproof-out",
        type=Path,
        default=Path("gateproof-runs"),
        metavar="DIR",
        help="where the run is written",
    )
    group.addoption(
        "--gateproof-allow-inconclusive",
        action="store_true",
        help="skip checks that could not be decided, with their reason, instead of counting them as errors",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known: one for each claim and each severity, and `gateproof` with both."""
    if config.getoption("gateproof_target") is None:
        return
    from conformance.catalogue import checks

    config.addinivalue_line("markers", "gateproof(claim, severity, level): a check of a gateway's promise")
    for name in sorted({name for check in checks() for name in (check.claim, check.severity.value)}):
        config.addinivalue_line("markers", f"{name}: checks of this claim or severity")
    config.stash[_AUDIT] = Audit(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "Catalogue | None":
    """The catalogue of checks stands for all of them."""
    if file_path != _CATALOGUE or parent.config.getoption("gateproof_target") is None:
        return None
    return Catalogue.from_parent(parent, path=file_path)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """What is left after -k, -m and the like is what the audit looks for."""
    if (audit := session.config.stash.get(_AUDIT, None)) is not None:
        audit.ids = tuple(item.name for item in session.items if isinstance(item, CheckItem))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Where the report is, and the sentence of the gate."""
    audit = config.stash.get(_AUDIT, None)
    for line in audit.summary() if audit is not None else ():
        terminalreporter.write_line(f"gateproof: {line}")


class Catalogue(pytest.File):
    """The catalogue as pytest collects it."""

    def collect(self) -> Iterator["CheckItem"]:
        """One item for each check, by its id."""
        from conformance.catalogue import checks

        for check in checks():
            item: CheckItem = CheckItem.from_parent(self, name=check.id)
            claim, severity = check.claim, check.severity.value
            item.add_marker(pytest.mark.gateproof(claim=claim, severity=severity, level=check.level.value))
            item.add_marker(claim)
            item.add_marker(severity)
            item.user_properties += [("claim", claim), ("severity", severity), ("title", check.title)]
            yield item


class CheckItem(pytest.Item):
    """One check on the target."""

    def setup(self) -> None:
        """See that there is a verdict: undecided is an error of this phase, not-applicable a skip."""
        result = self._result()
        if result.verdict == "not-applicable":
            pytest.skip(result.because)
        if result.verdict == "inconclusive":
            reason = f"{result.because}\nto decide it: {result.decide}"
            if self.config.getoption("gateproof_allow_inconclusive"):
                pytest.skip(f"inconclusive: {reason}")
            pytest.fail(reason, pytrace=False)

    def runtest(self) -> None:
        """Fail where the check did."""
        result = self._result()
        if result.verdict == "fail":
            pytest.fail(_told(result), pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        """The check by its id."""
        return self.path, None, self.name

    def _result(self) -> "CheckResult":
        results = self.config.stash[_AUDIT].results()
        return next(result for result in results.checks if result.id == self.name)


def _told(result: "CheckResult") -> str:
    parts = {
        "": result.because,
        "expected": result.expected,
        "observed": result.observed,
        "to reproduce": result.reproduction,
        "to mend it": result.fix,
    }
    return "\n".join(f"{name}: {text}" if name else text for name, text in parts.items() if text)


class Audit:
    """The one audit that all items share, made when the first of them asks."""

    def __init__(self, config: pytest.Config) -> None:
        """The audit of the target that the options name."""
        self._config = config
        self._results: Results | None = None
        self._folder: Path | None = None
        self.ids: tuple[str, ...] = ()

    def results(self) -> "Results":
        """The results; fails the item where the operator must mend something first."""
        if self._results is None:
            folder = Path(self._shared(self._made))
            self._results = _read(folder)
            self._folder = folder
        return self._results

    def summary(self) -> tuple[str, ...]:
        """What to print at the end; nothing where no item asked in this process."""
        if self._results is None or self._folder is None:
            return ()
        return (f"report: {self._folder / 'report.html'}", self._results.gate.sentence)

    def _shared(self, make: Callable[[], str]) -> str:
        """What `make` says, said once: the first xdist worker to come makes it, the others wait and read."""
        worker: dict[str, Any] | None = getattr(self._config, "workerinput", None)
        if worker is None:
            return _checked(_said(make))
        out: Path = self._config.getoption("gateproof_out")
        out.mkdir(parents=True, exist_ok=True)
        with (out / f".pytest-{worker['testrunuid']}").open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            text = file.read()
            if not text:
                text = json.dumps(_said(make))
                file.write(text)
                file.flush()
        return _checked(json.loads(text))

    def _made(self) -> str:
        """Audit the target and write the report: the run folder."""
        from conformance.cli import parsed
        from conformance.commands.audit import audited
        from conformance.target_file import load
        from reports.html import render

        target_file: Path = self._config.getoption("gateproof_target")
        options = parsed(["audit", str(target_file), *self._arguments()])
        results, folder = audited(options, load(target_file), target_file)
        folder.write_text("report.html", render(results))
        return str(folder.path)

    def _arguments(self) -> list[str]:
        option = self._config.getoption
        found = ["--quiet", "--profile", option("gateproof_profile"), "--out", str(option("gateproof_out"))]
        for name in ("sample", "seed"):
            value = option(f"gateproof_{name}")
            found += [] if value is None else [f"--{name}", str(value)]
        return [*found, *(part for id_ in self.ids for part in ("--check", id_))]


def _said(make: Callable[[], str]) -> dict[str, str]:
    """What was made, or what the operator must mend."""
    from conformance.target_file import OperatorError

    try:
        return {"folder": make()}
    except OperatorError as trouble:
        return {"trouble": str(trouble)}


def _checked(said: dict[str, str]) -> str:
    if trouble := said.get("trouble"):
        pytest.fail(f"gateproof: {trouble}", pytrace=False)
    return said["folder"]


def _read(folder: Path) -> "Results":
    import msgspec

    from conformance.model.results import Results

    return msgspec.json.decode((folder / "results.json").read_bytes(), type=Results)
