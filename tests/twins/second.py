"""The second gateway as a twin: `python -m tests.twins.second NAME CONFIG.json`."""

import sys

from tests.hosts.second_gateway import main
from tests.twins.leash import follow_parent
from tests.twins.registry import entry

if __name__ == "__main__":
    name, config = sys.argv[1:]
    follow_parent()
    main(["--config", config], entry("second", name).make)
