"""Audits of foreign gateways: `python -m tests.foreign [--only NAME] [--sample N]`; 1 where one ends otherwise than by hand."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.foreign.gateways import GATEWAYS, Foreign
from tests.foreign.standing import standing

_GATEPROOF = Path(sys.executable).with_name("gateproof")
_MOST_SECONDS = 1800.0
_DECIDED = (0, 1, 3)


def main() -> int:
    """Audit every gateway, and print what was found otherwise than expected."""
    options = _options()
    wrong = [
        complaint
        for gateway in GATEWAYS
        if options.only in {"", gateway.name}
        for complaint in _audited(gateway, options.sample)
    ]
    for complaint in wrong:
        print(complaint)
    return 1 if wrong else 0


def _audited(gateway: Foreign, sample: int) -> list[str]:
    """What an audit of a gateway said otherwise than expected."""
    with tempfile.TemporaryDirectory(prefix="gateproof-foreign-") as name:
        folder = Path(name) / gateway.name
        with standing(gateway, folder) as target:
            verdicts = _verdicts(target, Path(name) / "runs", sample)
    for check, expected in gateway.expected.items():
        print(
            f"{gateway.name:8} {check:50} {verdicts.get(check)}{'' if verdicts.get(check) == expected else ' !'}"
        )
    return [
        f"{gateway.name}: {check} is {verdicts.get(check)}, and {expected} was read by hand"
        for check, expected in gateway.expected.items()
        if verdicts.get(check) != expected
    ]


def _verdicts(target: Path, runs: Path, sample: int) -> dict[str, str]:
    command = [str(_GATEPROOF), "audit", str(target), "--sample", str(sample), "--out", str(runs), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=_MOST_SECONDS, check=False)
    if done.returncode not in _DECIDED:
        raise RuntimeError(f"the audit of {target} ended with {done.returncode}")
    return {check["id"]: check["verdict"] for check in json.loads(done.stdout)["checks"]}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.foreign", description=__doc__)
    parser.add_argument("--only", default="", metavar="NAME", choices=["", *(g.name for g in GATEWAYS)])
    parser.add_argument("--sample", type=int, default=20, metavar="N", help="calls per path")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
