"""`gateproof witness`: serve the witness alone, to point a gateway at it before the first audit."""

import argparse
import asyncio
from contextlib import suppress

from conformance.target_file import OperatorError


def run(options: argparse.Namespace) -> int:
    """Make certificates, or serve until interrupted."""
    from conformance.witness.alone import serve_alone
    from conformance.witness.pki import make_authority

    if options.init is not None:
        try:
            made = make_authority(options.init)
        except OSError as trouble:
            raise OperatorError(f"cannot write certificates to {options.init}: {trouble}") from None
        print(f'[witness]\nlisten = "{options.listen}"')
        print(f'certificate = "{made.certificate.resolve()}"\nprivate_key = "{made.private_key.resolve()}"')
        print(
            f"# the gateway must trust {made.root.resolve()} and send its provider calls to https://{options.listen}/v1"
        )
        return 0
    with suppress(KeyboardInterrupt):
        try:
            asyncio.run(serve_alone(options.listen, options.certificate, options.private_key, print))
        except OSError as trouble:
            raise OperatorError(f"the witness cannot listen on {options.listen}: {trouble}") from None
        except ValueError as trouble:
            raise OperatorError(f"the witness cannot start: {trouble}") from None
    return 0
