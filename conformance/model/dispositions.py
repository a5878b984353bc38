"""What people decided about findings before a run was assessed: it moves the exit code, and never a verdict."""

from typing import Literal

from conformance.model.evidence import Evidence, Record

WaiverKind = Literal["accepted-risk", "incorrect-result", "expected-failure"]


class Waiver(Record, frozen=True, kw_only=True):
    """Somebody answers for the failure of one check until a moment (RFC 3339 with its zone).

    `accepted-risk`: the finding is right, and lived with. `incorrect-result`: the finding is wrong, and the suite to be
    mended. `expected-failure`: it must fail, as of a twin or of what is being mended; that it passes is a failure.
    """

    check: str
    kind: WaiverKind
    owner: str
    reason: str
    ticket: str
    expires: str


class Earlier(Record, frozen=True, kw_only=True):
    """The run that this one is compared with: its id, and what each of its checks said."""

    run: str
    verdicts: dict[str, str]


class Dispositions(Evidence, frozen=True, kw_only=True):
    """Waivers (None: no file was given), the baseline, and which failures count. Recorded, so that `judge` sees the same."""

    waivers: tuple[Waiver, ...] | None = None
    baseline: Earlier | None = None
    fail_on: tuple[str, ...] = ()  # "new", "severity:high", "claim:T1"; empty: every failure of a gated claim

    def seen(self) -> int:
        """What was decided."""
        return len(self.waivers or ()) + (self.baseline is not None)
