"""The reference gateway as a twin: `python -m tests.twins.reference NAME CONFIG.toml`."""

import sys
from pathlib import Path

from reference_gateway.app import run
from reference_gateway.config import load
from tests.twins.leash import follow_parent
from tests.twins.registry import entry

if __name__ == "__main__":
    name, config = sys.argv[1:]
    follow_parent()
    # In one process, so that a flaw can reach from one plane into the other; nothing of it could be confined.
    run(load(Path(config)), change=entry("reference", name).make, together=True)
