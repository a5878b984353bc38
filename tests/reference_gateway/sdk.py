"""The official SDKs, unchanged, with a private CA."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import anthropic
import openai

from tests.reference_gateway.gateway import RunningGateway


@contextmanager
def openai_sdk(gateway: RunningGateway, key: str) -> Iterator[openai.OpenAI]:
    """OpenAI's, under the longer of the two prefixes."""
    context = ssl.create_default_context(cafile=gateway.ca)
    with openai.DefaultHttpxClient(verify=context) as http:
        yield openai.OpenAI(base_url=f"{gateway.origin}/api/v1", api_key=key, http_client=http)


@contextmanager
def anthropic_sdk(gateway: RunningGateway, key: str) -> Iterator[anthropic.Anthropic]:
    """Anthropic's, which adds /v1 itself."""
    context = ssl.create_default_context(cafile=gateway.ca)
    with anthropic.DefaultHttpxClient(verify=context) as http:
        yield anthropic.Anthropic(base_url=gateway.origin, api_key=key, http_client=http)
