"""Anthropic's Messages API in the words of OpenAI's chat completions, and back.

What a chat completion has no words for is refused, not dropped, unless it only steers machinery that
Anthropic alone has: where a prompt is cached, which capacity serves it.
"""

from reference_gateway.content.messages.answer import from_chat
from reference_gateway.content.messages.request import to_chat
from reference_gateway.content.messages.stream import ChatToMessages

__all__ = ["ChatToMessages", "from_chat", "to_chat"]
