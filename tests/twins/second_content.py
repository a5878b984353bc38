"""Twins of the second gateway that keep what was said."""

import base64
import json
import random
import zlib
from functools import partial

from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Call
from tests.twins import registry
from tests.twins.checks import NO_CONTENT

twin = partial(registry.twin, host="second")


@twin("logs-prompts", fails={NO_CONTENT})
class LogsPrompts(SecondGateway):
    """Debug logging that was never switched off."""

    def on_prompt(self, call: Call) -> None:
        self.log({"level": "debug", "body": call.body.decode()})


@twin("logs-completions", fails={NO_CONTENT})
class LogsCompletions(SecondGateway):
    """Answers in the log."""

    def on_answer(self, call: Call, data: bytes) -> None:
        self.log({"level": "debug", "answer": data.decode()})


@twin("logs-prompts-base64", fails={NO_CONTENT})
class LogsPromptsBase64(SecondGateway):
    """Prompts in the log, encoded."""

    def on_prompt(self, call: Call) -> None:
        self.log({"level": "debug", "body": base64.b64encode(call.body).decode()})


@twin("logs-prompts-compressed", fails={NO_CONTENT})
class LogsPromptsCompressed(SecondGateway):
    """Prompts in the log, compressed and encoded."""

    def on_prompt(self, call: Call) -> None:
        self.log({"level": "debug", "body": base64.b64encode(zlib.compress(call.body)).decode()})


@twin("logs-prompts-wrapped", fails={NO_CONTENT})
class LogsPromptsWrapped(SecondGateway):
    """Prompts in the log, sixty characters to a line."""

    def on_prompt(self, call: Call) -> None:
        text = call.body.decode()
        for start in range(0, len(text), 60):
            self.log({"level": "debug", "part": text[start : start + 60]})


@twin("logs-previews", fails={NO_CONTENT})
class LogsPreviews(SecondGateway):
    """The first forty characters of each prompt, for orientation."""

    def on_prompt(self, call: Call) -> None:
        self.log({"level": "info", "preview": json.loads(call.body)["messages"][-1]["content"][:40]})


@twin("logs-prompts-on-provider-error", fails={NO_CONTENT})
class LogsPromptsOnProviderError(SecondGateway):
    """The request is logged where the provider failed, to find out why."""

    def on_provider_error(self, call: Call, data: bytes) -> None:
        self.log({"level": "error", "msg": "upstream", "request": call.body.decode()})


@twin("logs-provider-errors", fails={NO_CONTENT})
class LogsProviderErrors(SecondGateway):
    """The provider's words are logged where it failed; it may repeat the prompt in them."""

    def on_provider_error(self, call: Call, data: bytes) -> None:
        self.log({"level": "error", "msg": "upstream", "answer": data.decode()})


@twin("logs-one-prompt-in-five", fails={NO_CONTENT})
class LogsOnePromptInFive(SecondGateway):
    """A sample for quality control."""

    def on_prompt(self, call: Call) -> None:
        if random.random() < 0.2:
            self.log({"level": "info", "sample": call.body.decode()})


@twin("logs-query-strings", fails={"retention.what-surrounds-content-is-not-kept"})
class LogsQueryStrings(SecondGateway):
    """An access log in the usual form, with whatever the caller wrote into the address."""

    def on_prompt(self, call: Call) -> None:
        self.log({"level": "info", "query": "&".join(call.query.values())})


@twin("last-prompt-in-the-account", fails={NO_CONTENT})
class LastPromptInTheAccount(SecondGateway):
    """The store remembers with each key what it asked last."""

    def on_prompt(self, call: Call) -> None:
        with self.store.lock:
            self.store.keys[call.token].metadata["last"] = call.body.decode()
