"""An exchange as a host overheard it: what was asked, what was answered, what the provider said. Of no host."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_CALLS = ("/chat/completions", "/completions", "/embeddings", "/responses", "/messages")


@dataclass(slots=True)
class Exchange:
    """A request and its answer as they went by. Header names are in lower case.

    `id` is the one that its answer shows, `key` what may be told of the caller's key. `received`: the request came to its end;
    `whole`: the answer did; `left`: the caller went before that. `provider_status` is 0 where no provider answered.
    """

    path: str
    headers: Mapping[str, str]
    id: str = ""
    key: str = ""
    query: str = ""
    request: bytes = b""
    received: bool = False
    status: int = 0
    answer: bytes = b""
    whole: bool = False
    left: bool = False
    provider_status: int = 0
    provider_media: str = ""
    provider_answer: bytes = b""

    def is_call(self) -> bool:
        """Whether inference was asked for, well or badly."""
        return self.path.endswith(_CALLS) and bool(self.request)

    def asked(self) -> dict[str, Any]:
        """The request's JSON object; empty where it is none."""
        return _object(self.request)

    def told(self) -> Iterator[dict[str, Any]]:
        """The answer's JSON object, or those of its events."""
        if whole := _object(self.answer):
            yield whole
        for line in self.answer.splitlines():
            if line.startswith(b"data:") and (event := _object(line[5:])):
                yield event


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
