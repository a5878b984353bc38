"""The second gateway's configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tests.hosts.second_order import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Where to listen, whom to ask, what to charge. Prices in pico-dollars per token, times in seconds."""

    certificate: str
    private_key: str
    master_key_file: str
    upstream_url: str
    upstream_key: str
    state_dir: str
    models: Mapping[str, Model]
    upstream_ca: str | None = None
    upstream_timeout: float = 60.0
    host: str = "127.0.0.1"
    port: int = 0
    admin_port: int | None = None  # None: keys are managed on `port` too
    cleartext_port: int | None = None
    per_usd: int = 100
    usage_lag: float = 0.3
    largest_body: int = 4 << 20  # bytes

    @classmethod
    def from_json(cls, text: str) -> Config:
        """Read a configuration; unknown or missing names are a TypeError, a broken file a ValueError."""
        fields = json.loads(text)
        models = {name: Model(**model) for name, model in fields.pop("models").items()}
        return cls(models=models, **fields)
