"""What is said in answer to a request, and which endpoint's objects say it. The call's number is the only seed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conformance.witness.answers import CREATED, completion, shreds, usage_of
from conformance.witness.asked import Asked
from conformance.witness.canaries import LOGPROBS, REASONING, REFUSAL, TEXT, TOOL, Marks
from conformance.witness.classes import HIDDEN, Classes, told
from conformance.witness.ledger import Usage

Json = dict[str, Any]

_MOST_ALTERNATIVES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The content of an answer, whatever the objects that carry it."""

    number: int  # of the call
    asked: Asked
    plain: str  # the completion's text: the canary, then words
    text: str  # the same as it is billed and recorded: for a tool, JSON that holds it
    marked: int  # characters of that up to the end of its canary
    usage: Usage
    tells_usage: bool
    refuses: bool
    reasoning: str  # empty where it was not asked for
    alternative: str  # to the first token; empty where it was not asked for
    classes: Classes = "plain"

    @property
    def model(self) -> str:
        """The model's name, as the request has it."""
        return self.asked.model or "witness-1"

    def head(self, kind: str, prefix: str) -> Json:
        """What chats, completions and responses begin with."""
        return {
            "id": f"{prefix}-{self.number}",
            "object": kind,
            "created": CREATED,
            "model": self.model,
        }

    def used(self, prompt: str, generated: str) -> Json:
        """What was used, unless the provider forgets to tell."""
        if not self.tells_usage:
            return {}
        tokens = {f"{prompt}_tokens": self.usage.prompt, f"{generated}_tokens": self.usage.completion}
        total = self.usage.prompt + self.usage.completion
        details = told(self.usage, self.classes, prompt, generated)
        return {"usage": {**tokens, "total_tokens": total, **details}}

    def tokens(self) -> Iterator[str]:
        """The text in pieces, the whole canary in the first."""
        yield self.text[: self.marked]
        yield from shreds(self.text[self.marked :])

    def alternatives(self) -> tuple[str, ...]:
        """Other tokens that the first might have been."""
        count = min(self.asked.logprobs or 0, _MOST_ALTERNATIVES)
        return (self.alternative, *(f"word {other}" for other in range(1, count)))[:count]


def said(
    number: int,
    asked: Asked,
    marks: Marks,
    *,
    tells_usage: bool,
    refuses: bool,
    classes: Classes = "plain",
) -> Said:
    """What is said in answer: where a tool must be called its arguments, else a text or a refusal of the same length.

    `tells_usage` is False for a provider that forgets to say what was used.
    """
    calls = asked.tool is not None and not refuses
    atom = marks.atom(REFUSAL if refuses else TOOL if calls else TEXT)
    plain, tokens = completion(asked, atom, hidden=classes in HIDDEN)
    text = json.dumps({"text": plain}) if calls else plain
    return Said(
        number=number,
        asked=asked,
        plain=plain,
        text=text,
        marked=text.index(atom) + len(atom),
        usage=usage_of(asked, tokens),
        tells_usage=tells_usage,
        refuses=refuses,
        reasoning=f"{marks.atom(REASONING)} is thought of before anything is said" if asked.reasoning else "",
        alternative=marks.atom(LOGPROBS) if asked.logprobs else "",
        classes=classes,
    )
