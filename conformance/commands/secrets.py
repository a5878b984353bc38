"""`gateproof secrets`: a source tree and its history, searched for keys of the form that a run observed."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from conformance.collectors.source_tree import NoHistory, SourceTree
from conformance.evidence.folder import RunFolder
from conformance.model.declared import Declared
from conformance.model.keys import SecretSample
from conformance.scan.key_rule import KeyRule
from conformance.target_file import OperatorError

_LISTED = 100


@dataclass(frozen=True, slots=True)
class _Hit:
    """Where something of the form of a key stands; never what it is."""

    place: str
    line: int
    length: int


def run(options: argparse.Namespace) -> int:
    """Write the rules, search the paths; 1 where something was found, 3 where not everything could be read."""
    if not options.paths and options.rules is None:
        raise OperatorError("nothing to do: name files or folders to search, or `--rules` to write rules")
    rule = _rule(options.run)
    if options.rules is not None:
        _write(rule, options.rules)
    found, skipped = 0, 0
    for path in options.paths:
        if not path.exists():
            raise OperatorError(f"{path} is not there; name files or folders")
        tree = SourceTree(path.resolve())
        hits = list(_hits(rule, tree))
        found, skipped = found + len(hits), skipped + len(tree.skipped)
        for hit in hits[:_LISTED]:
            print(f"{hit.place}:{hit.line}: {rule.prefix}… ({hit.length} characters)")
        for what in tree.skipped[:_LISTED]:
            print(f"not read: {what}")
    if options.paths:
        print(_last_line(rule, found, skipped))
    return 1 if found else 3 if skipped else 0


def _last_line(rule: KeyRule, found: int, skipped: int) -> str:
    weak = "" if rule.prefix else "; keys have no prefix, so that other random text may be among it"
    gaps = f"; {skipped} files could not be read" if skipped else ""
    return f"{found} places hold what has the form of a key of {rule.name}{weak}{gaps}"


def _rule(folder: Path) -> KeyRule:
    """The form of the keys that a run created. Raises OperatorError."""
    recorded = RunFolder(folder)
    sample, declared = recorded.read(SecretSample), recorded.read(Declared)
    if not isinstance(sample, SecretSample) or not sample.rule:
        raise OperatorError(f"{folder} did not observe how keys look: audit with an admin credential")
    name = declared.name if isinstance(declared, Declared) else "the gateway"
    return KeyRule(name, sample.prefix, sample.rule, sample.checksum)


def _write(rule: KeyRule, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "gitleaks.toml").write_text(rule.gitleaks())
        (folder / "detect_secrets_plugin.py").write_text(rule.detect_secrets())
        (folder / "github_custom_pattern.txt").write_text(rule.github())
    except OSError as trouble:
        raise OperatorError(
            f"the rules cannot be written to {folder}: {trouble.strerror or trouble}"
        ) from None
    print(f"rules written; try {rule.command(str(folder / 'detect_secrets_plugin.py'))}")


def _hits(rule: KeyRule, tree: SourceTree) -> Iterator[_Hit]:
    """Hits in what lies there, then in the history; what is the same in both is told once, by its file."""
    present: set[bytes] = set()
    for name, data in tree.files():
        for at, length in rule.places(data):
            present.add(data)
            yield _Hit(name, data.count(b"\n", 0, at) + 1, length)
    try:
        for name, data in tree.history():
            places = [] if data in present else list(rule.places(data))
            kind, _, id_ = name.partition(" ")
            where = (
                (tree.where(id_) if kind == "blob" else f"{kind} {id_[:12]}, its message") if places else ""
            )
            yield from (_Hit(where, data.count(b"\n", 0, at) + 1, length) for at, length in places)
    except NoHistory as trouble:
        tree.skipped.append(str(trouble))
