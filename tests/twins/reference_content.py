"""Twins of the reference gateway that keep what was said."""

import base64
import os
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from reference_gateway.ledger.storage.sqlite import SqliteStorage, open_sqlite
from reference_gateway.parts import Parts
from tests.twins import registry
from tests.twins.around import Exchange, overheard
from tests.twins.checks import NO_CONTENT
from tests.twins.reference_ledger import write

twin = partial(registry.twin, host="reference")


def _print(text: bytes) -> None:
    """To the log: standard output goes there."""
    os.write(1, text + b"\n")


def _told(parts: Parts, tell: Callable[[Exchange], None]) -> Parts:
    return replace(parts, app=overheard(tell))


def _is_prompt(exchange: Exchange) -> bool:
    return exchange.path.endswith("/chat/completions")


@twin("logs-prompts", fails={NO_CONTENT})
def logs_prompts(parts: Parts) -> Parts:
    """Debug logging that was never switched off."""
    return _told(parts, lambda e: _print(b"DEBUG body=" + e.request) if _is_prompt(e) else None)


@twin("logs-completions", fails={NO_CONTENT})
def logs_completions(parts: Parts) -> Parts:
    """Answers in the log."""
    return _told(parts, lambda e: _print(b"DEBUG answer=" + e.answer) if _is_prompt(e) else None)


@twin("logs-prompts-base64", fails={NO_CONTENT})
def logs_prompts_base64(parts: Parts) -> Parts:
    """Prompts in the log, encoded."""
    return _told(parts, lambda e: _print(b"blob=" + base64.b64encode(e.request)) if _is_prompt(e) else None)


@twin("logs-prompts-on-provider-error", fails={NO_CONTENT})
def logs_prompts_on_provider_error(parts: Parts) -> Parts:
    """The request is logged where the provider failed, to find out why."""
    return _told(
        parts, lambda e: _print(b"ERROR upstream, request=" + e.request) if e.status == 502 else None
    )


@twin("logs-one-prompt-in-five", fails={NO_CONTENT})
def logs_one_prompt_in_five(parts: Parts) -> Parts:
    """A sample for quality control."""

    def tell(exchange: Exchange) -> None:
        if _is_prompt(exchange) and random.random() < 0.2:
            _print(b"SAMPLE " + exchange.request)

    return _told(parts, tell)


@twin("logs-refused-bodies", fails={NO_CONTENT})
def logs_refused_bodies(parts: Parts) -> Parts:
    """Requests that are over their limit are kept for the sales desk."""
    return _told(parts, lambda e: _print(b"UPSELL " + e.request) if e.status == 402 else None)


def _in_a_table(parts: Parts, after: str = "") -> Parts:
    """Prompts in a table beside the ledger's own; `after` is run behind each of them."""
    ledger: list[Path] = []

    def storage(path: Path) -> SqliteStorage:
        ledger.append(path)
        opened = open_sqlite(path)
        write(path, "CREATE TABLE IF NOT EXISTS history (body TEXT)")
        return opened

    def tell(exchange: Exchange) -> None:
        if _is_prompt(exchange):
            write(ledger[0], "INSERT INTO history VALUES (?)", (exchange.request.decode("utf-8", "replace"),))
            if after:
                write(ledger[0], after)

    return replace(_told(parts, tell), storage=storage)


@twin("prompts-in-the-database", fails={NO_CONTENT})
def prompts_in_the_database(parts: Parts) -> Parts:
    """A table of conversations."""
    return _in_a_table(parts)


@twin("prompts-kept-then-deleted", fails={NO_CONTENT})
def prompts_kept_then_deleted(parts: Parts) -> Parts:
    """A table of conversations that is always empty: what was deleted lies in free pages."""
    return _in_a_table(parts, after="DELETE FROM history")
