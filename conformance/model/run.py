"""The record of a run: when, with what, how long each look took, what it cost, what it left behind."""

import msgspec


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """One observation: its name, what it yields, when it began (milliseconds after the start), how long it took."""

    observation: str
    evidence: str
    began_ms: int
    took_ms: int


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about a run that is not evidence about the target; written last, as `evidence/run.json`."""

    run: str
    suite: str
    started: str  # RFC 3339, UTC
    finished: str
    profile: str
    sample: int
    seed: int
    selection: str
    require: tuple[str, ...]
    target_file: str
    interrupted: bool
    requests: int
    spent: int  # picodollars at list price, worst case
    timings: tuple[Timing, ...]
    leftovers: tuple[str, ...]  # names of keys that may still be alive
    faults: tuple[str, ...]  # what went wrong in our own code
    rescan_of: str = ""  # the run whose surfaces were searched again; all other evidence was copied from it
