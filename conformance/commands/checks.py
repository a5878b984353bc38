"""`gateproof checks`: the catalogue, printed."""

import argparse

import msgspec

from conformance.commands.choice import selection


def run(options: argparse.Namespace) -> int:
    """List checks or dialects."""
    if options.dialects:
        return _dialects()
    from conformance.catalogue import checks

    chosen = selection(options).checks(checks())
    if options.json:
        rows = [
            {
                "id": c.id,
                "claim": c.claim,
                "level": c.level.value,
                "severity": c.severity.value,
                "deciding": c.deciding,
                "title": c.title,
                "why": c.why,
                "fix": c.fix,
            }
            for c in chosen
        ]
        print(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return 0
    width = max(len(c.id) for c in chosen)
    for c in chosen:
        print(f"{c.claim:4} {c.id:{width}}  {c.level.value:12} {c.severity.value:8}  {c.title}")
    return 0


def _dialects() -> int:
    from conformance.dialects.shipped import shipped

    for name, dialect in sorted(shipped().items()):
        print(f"{name:14} {dialect.about}")
    return 0
