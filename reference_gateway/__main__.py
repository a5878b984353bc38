"""`python -m reference_gateway CONFIG.toml`, and `--init DIR` to have one written."""

import argparse
import os
import sys
from pathlib import Path
from typing import Final

from reference_gateway.app import Ports, run
from reference_gateway.config import ConfigError, load
from reference_gateway.events import Event, Kind, line_of
from reference_gateway.process import HygieneError

_CLEAN: Final = 0
_USAGE_FAULT: Final = 2
_OWN_FAULT: Final = 4


def main(arguments: list[str] | None = None) -> int:
    """0 after a clean stop, 2 when the operator has something to mend, 4 when the gateway does."""
    options = _parser().parse_args(arguments)
    try:
        (_init if options.init is not None else _serve)(options)
    except ConfigError as fault:
        return _complain(f"configuration: {fault}", _USAGE_FAULT)
    except HygieneError:
        return _complain("this system does not let a process forbid core dumps; not starting", _OWN_FAULT)
    return _CLEAN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reference_gateway", description=__doc__)
    parser.add_argument("config", nargs="?", type=Path, help="the configuration to serve")
    parser.add_argument(
        "--ready-fd", type=int, metavar="N", help="also write the listening event to this descriptor"
    )
    parser.add_argument(
        "--unconfined",
        action="store_true",
        help="start although the kernel does not keep content workers from writing; /health says so",
    )
    parser.add_argument(
        "--together",
        action="store_true",
        help="run everything in one process, unconfined: for measurements",
    )
    init = parser.add_argument_group("writing a first configuration")
    init.add_argument("--init", type=Path, metavar="DIR", help="write a configuration into DIR and end")
    init.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    init.add_argument("--admin-port", type=int, default=0, help="port of the admin API; 0 takes a free one")
    init.add_argument("--provider-url", default="https://127.0.0.1:8443/v1", metavar="URL")
    init.add_argument("--provider-ca", type=Path, metavar="FILE", help="PEM of a private CA")
    init.add_argument("--provider-key-file", type=Path, metavar="FILE", help="mode 0600")
    init.add_argument("--model", action="append", metavar="NAME", help="may be repeated")
    return parser


def _init(options: argparse.Namespace) -> None:
    # Late, because what makes certificates is large, and serving has no use for it.
    from reference_gateway import first_config

    wishes = first_config.Wishes(
        folder=options.init,
        port=options.port,
        admin_port=options.admin_port,
        provider_url=options.provider_url,
        provider_ca=options.provider_ca,
        provider_key_file=options.provider_key_file,
        models=tuple(options.model or ("demo-model",)),
    )
    sys.stdout.write(f"{first_config.write(wishes)}\n")


def _serve(options: argparse.Namespace) -> None:
    if options.config is None:
        raise ConfigError("name a configuration file, or use --init DIR to have one written")
    config = load(options.config)

    def announce(ports: Ports) -> None:
        if options.ready_fd is not None:
            event = Event(event=Kind.LISTENING, port=ports.content, admin_port=ports.admin)
            os.write(options.ready_fd, line_of(event))
            os.close(options.ready_fd)

    run(config, confined=not options.unconfined, together=options.together, announce=announce)


def _complain(line: str, status: int) -> int:
    sys.stderr.write(f"reference_gateway: {line}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
