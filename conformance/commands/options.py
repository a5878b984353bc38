"""Options that several commands share."""

import argparse
from pathlib import Path


def how(command: argparse.ArgumentParser) -> None:
    """How an audit is made, what it prints, and which checks it makes."""
    size(command)
    output(command)
    choice(command)


def size(command: argparse.ArgumentParser) -> None:
    """How many calls are made."""
    command.add_argument(
        "--profile",
        choices=("quick", "standard", "thorough"),
        default="quick",
        help="calls per path: 60, 300 or 3000",
    )
    command.add_argument("--sample", type=int, metavar="N", help="calls per path, instead of a profile's")


def output(command: argparse.ArgumentParser) -> None:
    """Where a run is written, and what is printed of it."""
    command.add_argument(
        "--seed",
        type=int,
        default=None,
        metavar="N",
        help="seed of orders and pauses; printed in the results",
    )
    command.add_argument(
        "--require",
        action="append",
        default=[],
        metavar="CLAIM",
        help="claims that the gate requires, instead of the target file's",
    )
    command.add_argument(
        "--out",
        type=Path,
        default=Path("gateproof-runs"),
        metavar="DIR",
        help="where run folders are written",
    )
    command.add_argument(
        "--page", metavar="URL|FILE", help="the security page, to report sentences that no claim covers"
    )
    command.add_argument(
        "--seal", action="store_true", help="make a bundle of the run at once, signed by a key of your own"
    )
    command.add_argument("--seal-key", type=Path, metavar="PEM", help="the same, signed by this private key")
    command.add_argument("--json", action="store_true", help="print results.json instead of the summary")
    command.add_argument("--quiet", action="store_true", help="print nothing but the last line")
    decisions(command)


def decisions(command: argparse.ArgumentParser) -> None:
    """What people decided beforehand."""
    command.add_argument(
        "--waivers",
        type=Path,
        metavar="FILE.toml",
        help="failures that somebody answers for; they change the exit code, never a verdict",
    )
    command.add_argument(
        "--baseline", type=Path, metavar="RUN", help="an earlier run; what changed since is reported"
    )
    command.add_argument(
        "--fail-on",
        action="append",
        default=[],
        metavar="WHAT",
        help="only these failures count: new, severity:LEVEL (and worse), claim:ID; may be repeated",
    )


def choice(command: argparse.ArgumentParser) -> None:
    """Which checks are made."""
    command.add_argument(
        "--check",
        action="append",
        default=[],
        metavar="GLOB",
        help="only checks whose id matches (these four may be repeated)",
    )
    command.add_argument(
        "--claim", action="append", default=[], metavar="CLAIM", help="only checks of this claim"
    )
    command.add_argument(
        "--level",
        action="append",
        default=[],
        choices=("outside", "operator", "inside", "instrumented", "document"),
        help="only checks of this level",
    )
    command.add_argument(
        "--severity",
        action="append",
        default=[],
        choices=("critical", "high", "medium", "low", "info"),
        help="only checks of this severity",
    )
