"""`gateproof gateway`: start the reference gateway, as a process of its own; suite and gateway never import each other."""

import argparse
import os
import sys


def run(options: argparse.Namespace) -> int:
    """Become the reference gateway: its own options and exit codes apply."""
    arguments = options.rest or ["--help"]
    os.execv(sys.executable, [sys.executable, "-m", "reference_gateway", *arguments])  # noqa: S606 - our own package, no shell
