"""The 24 ways in which content was seen to be kept, and the rule by which each is closed here.

Every one of them was run with a canary against the software it names, and found open or, where that is said,
clean. `covers` marks the tests of a rule; `test_rows` sees to it that none is without.
"""

from collections.abc import Callable
from typing import Final, TypeVar

RULES: Final = {
    1: "json.JSONDecodeError holds the whole document: bodies are read by msgspec",
    2: "orjson.JSONDecodeError holds the whole document: the same",
    3: "msgspec's errors hold a type and a path: what it raises stays where it was raised all the same",
    4: "pydantic's errors quote what they refuse: no pydantic",
    5: "FastAPI answers 422 with the rejected input: errors are constants from a closed list",
    6: "Starlette's debug page shows the message of an exception: faults of ours are told by a constant",
    7: "uvicorn's error log prints the text of an exception: what is caught is counted and dropped",
    8: "uvicorn's access log has the query string: there is no access log, events have path templates",
    9: "uvicorn's trace log has the target: its middleware is not in the way, whatever the level",
    10: "httpx logs the URL with its query: no such client; a provider's URL is the operator's alone",
    11: "httpx's exceptions hold the request: exceptions of the provider's side have no such field",
    12: "aiohttp's exceptions hold the provider's key: the same, and headers are kept nowhere",
    13: "asyncio tells of exceptions that nobody fetched: the loops' handlers count and forget",
    14: "asyncio's debug mode logs what was slow (clean): its representations hold nothing, even so",
    15: "sentry_sdk sends bodies, locals and credentials: no such library in the process",
    16: "tracebacks with locals show bytes: content travels sealed, and its form is its size",
    17: "sentry_sdk sees bodies before they are sealed: see 15",
    18: "Starlette spools forms to unlinked files: forms are refused, and no file is opened for a body",
    19: "nginx in front buffers bodies in files: no configuration of nginx is shipped",
    20: "a core file holds memory: none can be written, whatever kills the process",
    21: "a neighbour of the same user reads memory: not dumpable; root always can, which README says",
    22: "freed memory keeps its bytes: CPython cannot promise zeroes, README says so; no object is kept",
    23: "SQLite puts sorting in files, and drivers shadow each other: in memory, read back, one driver",
    24: "vendors' SDKs bring telemetry that captures prompts: none inside the gateway",
}

COVERED: Final[set[int]] = set()

Test = TypeVar("Test", bound=Callable[..., object])


def covers(*numbers: int) -> Callable[[Test], Test]:
    """Marks a test of the rules of these numbers."""
    COVERED.update(numbers)
    return lambda test: test
