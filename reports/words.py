"""The words of the reports: what verdicts, levels and exit codes mean, and how times are written."""

from datetime import UTC, datetime, timedelta

# No verdict is told by colour alone: each has a word and a symbol of its own shape.
SYMBOLS = {
    "pass": "✓",
    "fail": "✗",
    "inconclusive": "?",
    "not-applicable": "—",
    "attested": "✎",
    "not-assessed": "○",
}
WORDS = {name: name.replace("-", " ") for name in SYMBOLS}
VERDICTS = {
    "pass": "Observed to hold: the evidence is cited, and a control proves that the look could have failed.",
    "fail": "Observed to be broken; the finding carries the proof.",
    "inconclusive": "Could not be observed well enough. It is not a pass, and it says what would decide it.",
    "not-applicable": "There is positive evidence that the target has no such thing.",
    "attested": "A dated document of a responsible person says so. Nobody observed it.",
    "not-assessed": "Outside the gate and not decided: nothing is known about it from this run.",
}
SEVERITIES = ("critical", "high", "medium", "low", "info")
LEVELS = {
    "outside": "a URL and a key",
    "operator": "an admin key, and the auditor's own witness in place of the upstream provider",
    "inside": "storage, logs and backups can be read",
    "instrumented": "inside, and processes can be traced, restarted and reconfigured",
    "document": "a person's word, on paper",
}
EXITS = {
    0: "Every gated claim passed, is attested or does not apply, and at least one passed.",
    1: "At least one gated claim is broken.",
    2: "The command or the target file could not be used; nothing was audited.",
    3: "A gated claim stays undecided, the run was interrupted, or nothing passed. This is not a pass.",
    4: "The suite itself is at fault; its verdicts cannot be relied on until that is mended.",
}


def moment(rfc3339: str) -> str:
    """A point in time as `2026-11-24 03:26:00`, in UTC; text that is no such time is given back unchanged."""
    parsed = _parse(rfc3339)
    return parsed.strftime("%Y-%m-%d %H:%M:%S") if parsed else rfc3339 or "not recorded"


def span(started: str, finished: str) -> str:
    """The time between two points as `1 h 15 min 12 s`; empty where either is no time."""
    began, ended = _parse(started), _parse(finished)
    return duration(int((ended - began) / timedelta(milliseconds=1))) if began and ended else ""


def duration(milliseconds: int) -> str:
    """A duration as a person says it: `340 ms`, `12.4 s`, `15 min 12 s`, `1 h 0 min 3 s`."""
    if milliseconds < 1_000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1_000:.1f} s"
    minutes, seconds = divmod(milliseconds // 1_000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min {seconds} s" if hours else f"{minutes} min {seconds} s"


def evidence_name(path: str) -> str:
    """What a piece of evidence is called: `TlsVersions` for `evidence/TlsVersions.json`."""
    return path.rpartition("/")[2].removesuffix(".json")


def lower_first(text: str) -> str:
    """The text with a small first letter, unless it opens with an abbreviation such as TLS."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def _parse(rfc3339: str) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(rfc3339)
    except ValueError:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo else None
