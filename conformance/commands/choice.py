"""Options that several commands share, read and checked."""

import argparse
from fnmatch import fnmatchcase

from conformance.claims.catalogue import claim_ids
from conformance.selection import Selection
from conformance.target_file import OperatorError


def selection(options: argparse.Namespace) -> Selection:
    """The checks that the options choose. Raises OperatorError where a name is unknown or nothing is left."""
    from conformance.catalogue import checks

    known = claim_ids()
    for claim in (*options.claim, *getattr(options, "require", ())):
        if claim not in known:
            raise OperatorError(f"there is no claim '{claim}'; known: {', '.join(known)}")
    for glob in options.check:
        if not any(fnmatchcase(check.id, glob) for check in checks()):
            raise OperatorError(f"no check matches '{glob}'; `gateproof checks` lists them")
    chosen = Selection(
        checks_like=tuple(options.check),
        claims=tuple(options.claim),
        levels=tuple(options.level),
        severities=tuple(options.severity),
        require=tuple(getattr(options, "require", ())),
    )
    if not chosen.checks(checks()):
        raise OperatorError("the selection leaves no check; `gateproof checks` lists them")
    return chosen
