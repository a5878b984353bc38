"""The command line: a table of commands and their options. What they do is in `conformance.commands`."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance.evidence.writing import CannotRecord
from conformance.target_file import OperatorError

_EXITS = """exit codes:
  0  every gated claim is decided and none is broken
  1  a gated claim is broken
  2  usage or target file
  3  a gated claim could not be decided, or nothing was gated
  4  a fault of the suite itself"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the value is the exit code."""
    options = _parser().parse_args(arguments)
    command = importlib.import_module(f"conformance.commands.{options.module}")
    try:
        code: int = command.run(options)
    except OperatorError as trouble:
        print(f"gateproof: {trouble}", file=sys.stderr)
        return 2
    except CannotRecord as trouble:
        print(f"gateproof: {trouble}; make room there", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output left, as `head` does
        sys.stderr.close()
        return 2
    except KeyboardInterrupt:
        print("gateproof: interrupted", file=sys.stderr)
        return 3
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gateproof",
        description="Verifies, on a running deployment, what an LLM API gateway's security page promises.",
        epilog=_EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _audits(commands)
    _runs(commands)
    _servers(commands)
    return parser


def _audits(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    demo = commands.add_parser("demo", help="start the reference gateway and audit it")
    demo.add_argument(
        "--keep-target",
        type=Path,
        metavar="DIR",
        help="write the demo's target file and state there, and keep them",
    )
    _how(demo)
    demo.set_defaults(module="demo")
    audit = commands.add_parser("audit", help="audit the target that a file describes")
    audit.add_argument("target", type=Path, metavar="TARGET.toml")
    audit.add_argument("--resume", type=Path, metavar="RUN", help="go on with an interrupted run")
    _how(audit)
    audit.set_defaults(module="audit")
    plan = commands.add_parser(
        "plan", help="say what an audit would send where, and what it could not decide"
    )
    plan.add_argument("target", type=Path, metavar="TARGET.toml")
    _size(plan)
    _choice(plan)
    plan.set_defaults(module="plan")
    checks = commands.add_parser("checks", help="list the checks, or the shipped dialects")
    checks.add_argument("--dialects", action="store_true", help="list the shipped dialects")
    _choice(checks)
    checks.add_argument("--json", action="store_true", help="as JSON")
    checks.set_defaults(module="checks")


def _runs(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    for name, what in (
        ("judge", "judge recorded evidence again, offline"),
        ("report", "render the report of a run"),
        ("cleanup", "revoke what an interrupted run left on its target"),
        ("forget", "destroy the private half of a run"),
    ):
        command = commands.add_parser(name, help=what)
        command.add_argument("folder", type=Path, metavar="RUN")
        if name == "judge":
            command.add_argument("--json", action="store_true", help="print results.json")
        if name == "cleanup":
            command.add_argument(
                "--target", type=Path, metavar="TARGET.toml", help="the target file, where it has moved"
            )
        command.set_defaults(module=name)
    _scan(commands)


def _scan(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    scan = commands.add_parser(
        "scan",
        help="search archived surfaces for the canaries of a run",
        description="Searches files and folders for the canaries of a run; what an interrupted scan has finished is not scanned "
        "again. Exit codes: 0 nothing found and everything looked at, 1 content found, 2 usage, 3 undecided, 4 our fault.",
    )
    scan.add_argument("paths", type=Path, nargs="+", metavar="PATH")
    scan.add_argument("--run", type=Path, required=True, metavar="RUN", help="the run, with its private half")
    scan.add_argument("--threads", type=int, choices=range(1, 17), default=2, metavar="N", help="1 to 16")
    scan.add_argument(
        "--quick", action="store_true", help="search bytes as they lie and decode nothing; decides no absence"
    )
    scan.add_argument("--json", action="store_true", help="print everything as JSON")
    scan.add_argument("--quiet", action="store_true", help="print nothing but the last line")
    scan.set_defaults(module="scan")


def _servers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    # No option is this command's own, not even --help: without a prefix character all go on as they are.
    gateway = commands.add_parser(
        "gateway", help="start the reference gateway", add_help=False, prefix_chars="\0"
    )
    gateway.add_argument("rest", nargs=argparse.REMAINDER, metavar="CONFIG.toml | --init DIR …")
    gateway.set_defaults(module="gateway")
    witness = commands.add_parser(
        "witness", help="serve the witness alone, to configure a gateway against it"
    )
    witness.add_argument("--listen", default="127.0.0.1:9443", metavar="ADDRESS:PORT")
    witness.add_argument("--certificate", type=Path, metavar="PEM")
    witness.add_argument("--private-key", type=Path, metavar="PEM")
    witness.add_argument(
        "--init",
        type=Path,
        metavar="DIR",
        help="make a private CA and a certificate for localhost there, and stop",
    )
    witness.set_defaults(module="witness")


def _how(command: argparse.ArgumentParser) -> None:
    _size(command)
    _output(command)
    _choice(command)


def _size(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--profile",
        choices=("quick", "standard", "thorough"),
        default="quick",
        help="calls per path: 60, 300 or 3000",
    )
    command.add_argument("--sample", type=int, metavar="N", help="calls per path, instead of a profile's")


def _output(command: argparse.ArgumentParser) -> None:
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
    command.add_argument("--json", action="store_true", help="print results.json instead of the summary")
    command.add_argument("--quiet", action="store_true", help="print nothing but the last line")


def _choice(command: argparse.ArgumentParser) -> None:
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


def _version() -> str:
    from importlib.metadata import version

    return f"gateproof {version('gateproof')}"


if __name__ == "__main__":
    sys.exit(main())
