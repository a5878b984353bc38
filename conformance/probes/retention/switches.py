"""Debug switches that a caller could reach: headers, members of the query and of the body that somewhere turn logging on.

None of them is a gateway's own secret: they are what frameworks, tracers and gateways document, and what operators invent.
"""

from collections.abc import Mapping

HEADERS: tuple[Mapping[str, str], ...] = (
    {"x-debug": "1"},
    {"x-debug": "true", "debug": "true"},
    {"x-debug-mode": "on"},
    {"x-debug-token": "1"},
    {"x-log-level": "debug", "log-level": "debug"},
    {"x-logging": "full"},
    {"x-verbose": "true"},
    {"x-trace": "1", "x-trace-debug": "1"},
    {"x-gateway-debug": "true"},
    {"x-llm-debug": "true"},
    {"x-litellm-debug": "true", "litellm-enable-message-redaction": "false"},
    {"x-litellm-num-retries": "0", "x-litellm-detailed-debug": "true"},
    {"x-portkey-debug": "true"},
    {"cf-aig-collect-log": "true"},
    {"x-record": "true", "x-store": "true"},
    {
        "x-b3-traceid": "463ac35c9f6413ad48485a3953bb6124",
        "x-b3-spanid": "a2fb4a1d1a96d312",
        "x-b3-flags": "1",
    },
    {"x-cloud-trace-context": "105445aa7843bc8bf206b12000100000/1;o=1"},
    {"x-amzn-trace-id": "Root=1-67891233-abcdef012345678912345678;Sampled=1"},
    {"sentry-trace": "771a43a4192642f0b136d5159a501700-7aabbccddeeff001-1"},
    {"x-datadog-trace-id": "1", "x-datadog-sampling-priority": "2"},
    {"jaeger-debug-id": "audit"},
)
QUERIES: tuple[Mapping[str, str], ...] = (
    {"debug": "1"},
    {"debug": "true", "verbose": "true"},
    {"log": "1", "log_level": "debug"},
    {"trace": "true"},
    {"detailed_debug": "true"},
    {"pretty": "true", "explain": "true"},
)
MEMBERS: tuple[Mapping[str, object], ...] = (
    {"debug": True},
    {"verbose": True, "log_level": "debug"},
    {"no_log": False, "log_raw_request": True},
    {"echo_upstream_body": True, "return_debug_info": True},
)
EVERY = len(HEADERS) + len(QUERIES) + len(MEMBERS)
