"""Pages that are open to all and show what passed: nothing of it lies anywhere but in memory."""

import base64
import gzip
import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.twins.keeping.exchange import Exchange
from tests.twins.keeping.parts import prompt

_LAST = 10


@dataclass(slots=True)
class Page:
    """One such page. `show` makes its body from the last calls."""

    path: str
    show: Callable[[Sequence[Exchange]], str]
    passed: list[Exchange] = field(default_factory=list)

    def tell(self, exchange: Exchange) -> None:
        """Remember a call."""
        if exchange.is_call():
            self.passed = [*self.passed[1 - _LAST :], exchange]

    def body(self) -> bytes:
        """What it shows now."""
        return self.show(self.passed).encode("utf-8", "replace")


def _prompts(passed: Sequence[Exchange]) -> list[str]:
    return [text.decode("utf-8", "replace") for exchange in passed for text in prompt(exchange)]


def _metrics(passed: Sequence[Exchange]) -> str:
    """A metric with a label too many."""
    lines = (f'gateway_calls_total{{prompt="{json.dumps(text)[1:-1]}"}} 1' for text in _prompts(passed))
    return "\n".join(["# TYPE gateway_calls_total counter", *lines, ""])


def _traces(passed: Sequence[Exchange]) -> str:
    """Spans, whose attributes are encoded."""
    spans = [
        {"name": "chat", "attributes": {"input.value": base64.b64encode(text.encode()).decode()}}
        for text in _prompts(passed)
    ]
    return json.dumps({"resourceSpans": spans})


def _variables(passed: Sequence[Exchange]) -> str:
    """Variables, one of them packed."""
    packed = gzip.compress("\n".join(_prompts(passed)).encode())
    return json.dumps({"goroutines": 7, "last": base64.b64encode(packed).decode()})


def _history(passed: Sequence[Exchange]) -> str:
    """A table for people."""
    rows = "".join(f"<tr><td>{html.escape(text)}</td></tr>" for text in _prompts(passed))
    return f"<!doctype html><table>{rows}</table>"


def _exchanges(passed: Sequence[Exchange]) -> str:
    """Answers, as a framework's actuator lists them."""
    return json.dumps([{"status": e.status, "answer": e.answer.decode("utf-8", "replace")} for e in passed])


def _counters(passed: Sequence[Exchange]) -> str:
    return json.dumps({"calls": len(passed), "bytes": sum(len(e.request) for e in passed)})


def pages() -> Mapping[str, Page]:
    """The pages that show content, new each time, by name."""
    return {
        "prompts-as-labels-of-metrics": Page("/metrics", _metrics),
        "prompts-in-open-traces": Page("/v1/traces", _traces),
        "prompts-packed-in-variables": Page("/debug/vars", _variables),
        "history-open-to-all": Page("/history", _history),
        "answers-in-an-open-list": Page("/actuator/httpexchanges", _exchanges),
    }


def counters() -> Page:
    """A page that shows counts only."""
    return Page("/debug/vars", _counters)
