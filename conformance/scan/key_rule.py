"""What a secret scanner must know of a gateway's keys: in the forms that common scanners read, and applied to a text. Pure."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.randomness.shape import checksum_of

_EDGE = "0-9A-Za-z"
_ENTROPY = 2.5  # bits per character, Shannon's: more than placeholders have, less than any secret of 64 bits
_HEURISTIC = "detect_secrets.filters.heuristic"
# What detect-secrets passes over unless told otherwise: a key handed to a function, and one that holds a UUID.
_FILTERS = ("is_indirect_reference", "is_potential_uuid")


@dataclass(frozen=True, slots=True)
class KeyRule:
    """The form of one gateway's keys. `prefix` may be empty: then other random text of that form matches, too."""

    name: str
    prefix: str
    expression: str
    checksum: str = ""  # which ends every key; empty: none that is known

    def places(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Where keys stand in bytes: (offset, length). What ends with a wrong checksum is none."""
        whole = re.compile(rf"(?<![{_EDGE}])(?:{self.expression})(?![{_EDGE}])".encode())
        for match in whole.finditer(data):
            if not self.checksum or checksum_of([match[0].decode("ascii")]) == self.checksum:
                yield match.start(), len(match[0])

    def gitleaks(self) -> str:
        """A rule for gitleaks 8, whose expressions are RE2's."""
        lines = [
            "[[rules]]",
            f"id = {json.dumps(self._slug())}",
            f"description = {json.dumps(self._title(), ensure_ascii=False)}",
            f"regex = '''(?:^|[^{_EDGE}])({self.expression})(?:[^{_EDGE}]|$)'''",
            "secretGroup = 1",
            f"entropy = {_ENTROPY}",
        ]
        if self.prefix:
            lines.append(f"keywords = [{json.dumps(self.prefix.lower())}]")
        return "\n".join([*lines, ""])

    def detect_secrets(self) -> str:
        """A plugin for detect-secrets 1.5, to be named by `--plugin`; its first lines say how."""
        title = "".join(word.capitalize() for word in self._slug().split("-"))
        title = title if title[0].isalpha() else f"Key{title}"
        return (
            f'"""Finds each {self._title()}.\n\n{self.command("THIS FILE")}\n"""\n\n'
            "import re\n\n"
            "from detect_secrets.plugins.base import RegexBasedDetector\n\n\n"
            f"class {title}Detector(RegexBasedDetector):\n"
            f'    """{self._title()}."""\n\n'
            f"    secret_type = {json.dumps(self._title(), ensure_ascii=False)}\n"
            f"    denylist = [re.compile({f'(?<![{_EDGE}])({self.expression})(?![{_EDGE}])'!r})]\n"
        )

    def command(self, plugin: str) -> str:
        """How detect-secrets is run with the plugin, so that nothing of the form is passed over."""
        filters = " ".join(f"--disable-filter {_HEURISTIC}.{name}" for name in _FILTERS)
        return f"detect-secrets scan --all-files --plugin {plugin} {filters}"

    def github(self) -> str:
        """The three fields of a custom pattern of GitHub secret scanning, which Hyperscan reads."""
        fields = {
            "Secret format": self.expression,
            "Before secret": rf"\A|[^{_EDGE}]",
            "After secret": rf"\z|[^{_EDGE}]",
        }
        return "".join(f"{name}: {value}\n" for name, value in fields.items())

    def _slug(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", f"{self.name} key".lower()).strip("-")

    def _title(self) -> str:
        """What is found, without anything that a quoted text could not hold."""
        return "API key of " + re.sub(r"[^\w .-]", "", self.name)
