"""What is optional is missed by nothing but what needs it: the suite starts with what its lock for users holds, and no more."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions

from tests.architecture.repository import texts

_START = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None  # importing it fails, as where it is not installed
from conformance.catalogue import checks, observations
from conformance.cli import main
assert checks() and observations()
sys.exit(main(["checks", "--json"]))
"""


def _missing_for_users() -> list[str]:
    """Modules of installed packages that the lock for users does not hold."""
    locked = set(re.findall(r"^([a-z0-9._-]+)==", texts()["requirements-run.txt"], re.MULTILINE))
    named = {re.sub(r"[-_.]+", "-", name) for name in locked} | {"gateproof"}
    return sorted(
        module
        for module, owners in packages_distributions().items()
        if not any(re.sub(r"[-_.]+", "-", owner.lower()) in named for owner in owners)
    )


def test_the_catalogue_needs_no_optional_package() -> None:
    blocked = _missing_for_users()

    done = subprocess.run(
        [sys.executable, "-c", _START.format(blocked=blocked)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert {"aioquic", "dns", "hypothesis", "pytest", "psycopg", "redis"} <= set(blocked)
    assert done.returncode == 0, done.stderr
