"""Comparing a run with an earlier one. Pure.

What is inconclusive is never known: a failure that could not be seen the last time is new, and one that cannot be
seen this time is neither persisting nor fixed, but lost from sight.
"""

from collections.abc import Mapping

from conformance.model.dispositions import Earlier
from conformance.model.exhibit import Change

_DECIDED = ("pass", "fail", "not-applicable", "attested")


def changed(earlier: Earlier, now: Mapping[str, str]) -> Change:
    """The change since an earlier run; `now` gives the verdict of each check by its id."""
    then = earlier.verdicts
    failing = sorted(check for check, verdict in now.items() if verdict == "fail")
    return Change(
        baseline=earlier.run,
        new=tuple(check for check in failing if then.get(check) not in _DECIDED),
        regressed=tuple(
            check for check in failing if then.get(check) in {"pass", "not-applicable", "attested"}
        ),
        persisting=tuple(check for check in failing if then.get(check) == "fail"),
        fixed=tuple(
            sorted(c for c, v in now.items() if then.get(c) == "fail" and v in _DECIDED and v != "fail")
        ),
        lost=tuple(sorted(c for c, v in then.items() if v in _DECIDED and now.get(c) not in _DECIDED)),
    )


def is_known(check: str, change: Change | None) -> bool:
    """Whether a failure was there in the baseline already; without a baseline everything is new."""
    return change is not None and check in change.persisting
