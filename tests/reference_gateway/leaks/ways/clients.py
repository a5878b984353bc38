"""Ways of callers who use the official SDKs, and of one who keeps a connection."""

from collections.abc import Iterator

from tests.reference_gateway.everyway import CHAT, Campaign, Outcome
from tests.reference_gateway.leaks.ways.answered import Way
from tests.reference_gateway.raw_tls import end_of, open_connection
from tests.reference_gateway.sdk import anthropic_sdk, openai_sdk


def ways() -> Iterator[Way]:
    """Those that go well."""
    yield "OpenAI's SDK", _openai, Outcome(200)
    yield "Anthropic's SDK", _anthropic, Outcome(200)
    yield "two requests on one connection", _two, Outcome(200)


def _openai(campaign: Campaign, way: str) -> None:
    say = campaign.canaries.sayer(way)
    with openai_sdk(campaign.gateway, campaign.keys["limited"]) as client:
        answer = client.chat.completions.with_raw_response.create(
            model="well",
            messages=[{"role": "user", "content": say("user")}],
            user=say("user id"),
            extra_headers={f"x-{say('header name')}": say("header value")},
            extra_query={say("query name"): say("query value")},
        )
    campaign.arrived(way, _as_sent(answer.status_code, answer.http_response.text))


def _anthropic(campaign: Campaign, way: str) -> None:
    say = campaign.canaries.sayer(way)
    with anthropic_sdk(campaign.gateway, campaign.keys["limited"]) as client:
        answer = client.messages.with_raw_response.create(
            model="native-well",
            max_tokens=5,
            system=say("system"),
            messages=[{"role": "user", "content": say("user")}],
            metadata={"user_id": say("user id")},
            extra_headers={f"x-{say('header name')}": say("header value")},
        )
    campaign.arrived(way, _as_sent(answer.status_code, answer.http_response.text))


def _as_sent(status: int, text: str) -> bytes:
    return f"HTTP/1.1 {status} \r\n\r\n{text}".encode()


def _two(campaign: Campaign, way: str) -> None:
    kept = campaign.request(way, CHAT).replace(b"connection: close\r\n", b"")
    with open_connection(campaign.gateway) as tls:
        tls.sendall(kept + campaign.request(way, CHAT, stream=True))
        campaign.arrived(way, end_of(tls))
