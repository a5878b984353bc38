"""The command line: a table of commands and their options. What they do is in `conformance.commands`."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance.commands import options
from conformance.evidence.writing import CannotRecord
from conformance.interrupts import interrupts_kept
from conformance.target_file import OperatorError

_EXITS = """exit codes:
  0  every gated claim is decided and none is broken
  1  a gated claim is broken
  2  usage or target file
  3  a gated claim could not be decided, or nothing was gated
  4  a fault of the suite itself"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the value is the exit code."""
    chosen = parsed(arguments)
    command = importlib.import_module(f"conformance.commands.{chosen.module}")
    try:
        with interrupts_kept():
            code: int = command.run(chosen)
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


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of a command as it would be typed; for those who run it in their own process."""
    return _parser().parse_args(arguments)


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
    options.how(demo)
    demo.set_defaults(module="demo")
    audit = commands.add_parser("audit", help="audit the target that a file describes")
    audit.add_argument("target", type=Path, metavar="TARGET.toml")
    audit.add_argument("--resume", type=Path, metavar="RUN", help="go on with an interrupted run")
    options.how(audit)
    audit.set_defaults(module="audit")
    plan = commands.add_parser(
        "plan", help="say what an audit would send where, and what it could not decide"
    )
    plan.add_argument("target", type=Path, metavar="TARGET.toml")
    options.size(plan)
    options.choice(plan)
    plan.set_defaults(module="plan")
    checks = commands.add_parser("checks", help="list the checks, or the shipped dialects")
    checks.add_argument("--dialects", action="store_true", help="list the shipped dialects")
    options.choice(checks)
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
            options.decisions(command)
        if name == "report":
            command.add_argument(
                "--format",
                action="append",
                choices=(
                    "html",
                    "junit",
                    "sarif",
                    "csv",
                    "controls",
                    "markdown",
                    "annotations",
                    "badge",
                    "all",
                ),
                help="what to write into the run folder; html where none is given (may be repeated)",
            )
        if name == "cleanup":
            command.add_argument(
                "--target", type=Path, metavar="TARGET.toml", help="the target file, where it has moved"
            )
        command.set_defaults(module=name)
    _rescan(commands)
    page = commands.add_parser(
        "page", help="compare the security page as it is published with what is covered"
    )
    page.add_argument("page", metavar="URL|FILE")
    page.set_defaults(module="page")
    diff = commands.add_parser("diff", help="say what changed between two runs")
    diff.add_argument("before", type=Path, metavar="RUN")
    diff.add_argument("after", type=Path, metavar="RUN")
    diff.add_argument("--json", action="store_true", help="as JSON")
    diff.set_defaults(module="diff")
    _scan(commands)
    _secrets(commands)
    _bundles(commands)


def _bundles(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    seal = commands.add_parser(
        "seal",
        help="make of a run the bundle that an auditor can verify",
        description="Signs with ECDSA on P-256: by a key of your own that is made on first use, unless another is named. "
        "Before anything is written, everything is searched for every key and canary of the run.",
    )
    seal.add_argument("folder", type=Path, metavar="RUN")
    seal.add_argument("--out", type=Path, metavar="DIR", help="where the bundle is written; beside the run")
    by = seal.add_mutually_exclusive_group()
    by.add_argument("--key", type=Path, metavar="PEM", help="sign with this private key")
    by.add_argument(
        "--key-env", metavar="NAME", help="sign with the private key in this environment variable"
    )
    by.add_argument(
        "--sign-command",
        metavar="COMMAND",
        help="sign with a command that reads a message and prints its signature in DER (PKCS#11, KMS)",
    )
    seal.add_argument(
        "--public-key", type=Path, metavar="PEM", help="the key that the sign command signs with"
    )
    seal.add_argument("--timestamp", metavar="URL", help="have the signature timestamped there (RFC 3161)")
    seal.add_argument("--tsa-ca", type=Path, metavar="PEM", help="the timestamp authority's certificates")
    seal.set_defaults(module="seal")
    verify = commands.add_parser("verify", help="verify a bundle")
    verify.add_argument("folder", type=Path, metavar="BUNDLE")
    verify.add_argument("--key", type=Path, metavar="PEM", help="the signer's public key, from elsewhere")
    verify.add_argument("--tsa-ca", type=Path, metavar="PEM", help="the timestamp authority's certificates")
    verify.set_defaults(module="verify")


def _rescan(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    rescan = commands.add_parser(
        "rescan",
        help="look again, hours or weeks later, whether a run's canaries were kept",
        description="Searches every declared surface of a run again, and judges that together with what else the run observed. "
        "The earlier run is left as it is.",
    )
    rescan.add_argument("folder", type=Path, metavar="RUN", help="the run, with its private half")
    rescan.add_argument(
        "--target", type=Path, metavar="TARGET.toml", help="the target file, where it has moved"
    )
    rescan.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where the new run folder is written; without it, beside the run",
    )
    rescan.add_argument("--json", action="store_true", help="print results.json instead of the summary")
    rescan.add_argument("--quiet", action="store_true", help="print nothing but the last line")
    rescan.set_defaults(module="rescan")


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


def _secrets(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    secrets = commands.add_parser(
        "secrets",
        help="search a source tree and its git history for keys of the form that a run observed",
        description="Exit codes: 0 nothing found and everything read, 1 something found, 2 usage, 3 not everything read.",
    )
    secrets.add_argument("paths", type=Path, nargs="*", metavar="PATH")
    secrets.add_argument("--run", type=Path, required=True, metavar="RUN", help="a run that created keys")
    secrets.add_argument(
        "--rules", type=Path, metavar="DIR", help="write rules there for gitleaks, detect-secrets and GitHub"
    )
    secrets.set_defaults(module="secrets")


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


def _version() -> str:
    from importlib.metadata import version

    return f"gateproof {version('gateproof')}"


if __name__ == "__main__":
    sys.exit(main())
