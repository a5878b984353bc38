"""The foreign gateways as data: how each is started, its target file, and the verdicts that were checked by hand.

What is expected was read in the gateways' own source, logs and databases, on the versions that requirements-foreign.txt locks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Template

PROVIDER_KEY = "provider-key-of-the-witness"

_ANY_LLM_SETTINGS = """\
host: 127.0.0.1
port: $port
database_url: "sqlite:///$folder/gateway.db"
providers:
  openai: { api_key: "$provider_key", api_base: "https://localhost:$witness/v1" }
pricing:
  "openai:witness-model": { input_price_per_million: 1, output_price_per_million: 2 }
"""
_ANY_LLM_TARGET = """\
[credentials]
admin = { file = "admin.key" }

[dialect]
use = "any-llm"

[models."openai:witness-model"]
prompt_price = "1"
completion_price = "2"

[[surfaces]]
kind = "sqlite"
locator = "gateway.db"
role = "account"

# On SQLite this gateway stops answering when it is asked many things at once. It compares what was spent with the limit before
# a call, so that the last call exceeds it.
[limits]
connections = 1
rate = 20
seconds = 1800

[claims]
usage_lag = 3
soft_limit = "0.0002"
"""
_MLFLOW_SETTINGS = """\
endpoints:
  - name: witness-model
    endpoint_type: llm/v1/chat
    model:
      provider: openai
      name: witness-model
      config: { openai_api_key: $provider_key, openai_api_base: "https://localhost:$witness/v1" }
"""
_MLFLOW_TARGET = """\
# It asks nobody for a key.
[credentials]
key = { file = "admin.key" }

[[inference]]
kind = "chat"
path = "/v1/chat/completions"

[models.witness-model]
prompt_price = "1"
completion_price = "2"
"""
_EVERY_TARGET = """\
name = "$name"
environment = "test"

[gateway]
base_urls = ["https://localhost:$front"]
ca_file = "front/ca.pem"
cleartext_ports = []

[witness]
listen = "127.0.0.1:$witness"
url = "https://localhost:$witness/v1"
certificate = "witness/server.pem"
private_key = "witness/server.key"
api_key = { file = "provider.key" }

[[surfaces]]
kind = "files"
locator = "gateway.log"

[[surfaces]]
kind = "files"
locator = "front/*.log"

[processes]
ports = [$port]
peers = ["127.0.0.1:$port"]

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A gateway: its command and settings, in which `$port` and the like stand for what is known once it is started."""

    name: str
    command: tuple[str, ...]
    settings: str
    target: str
    expected: Mapping[str, str]  # verdicts by check
    environment: Mapping[str, str]

    def target_file(self, values: Mapping[str, object]) -> str:
        """The whole target file."""
        return Template(_EVERY_TARGET + self.target).substitute(values, name=self.name)


_EVERYWHERE = {
    "transport.tls12-is-refused": "pass",
    "transport.hsts-on-every-answer": "pass",
    "transport.provider-certificate-is-verified": "pass",
    "transport.provider-gets-no-old-tls": "pass",
    "forwarding.content-arrives-unchanged": "pass",
    "forwarding.every-peer-is-declared": "pass",
    "forwarding.gateway-key-stays-behind": "pass",
    "forwarding.nothing-in-a-prompt-is-followed": "pass",
    "retention.every-place-written-to-is-declared": "pass",
    "retention.places-in-use-hold-no-content": "pass",
}

GATEWAYS = (
    Foreign(
        name="any-llm",
        command=("any-llm-gateway", "serve", "--config", "settings.yaml"),
        settings=_ANY_LLM_SETTINGS,
        target=_ANY_LLM_TARGET,
        environment={"GATEWAY_MASTER_KEY": "$admin_key"},
        expected=_EVERYWHERE
        | {
            # What a provider says of a failed call is logged and recorded with its usage, prompts that it repeats included.
            "retention.surfaces-hold-no-content": "fail",
            "keys.secret-is-shown-once": "pass",
            "keys.secret-is-not-stored-recoverably": "pass",
            "keys.stored-form-is-salted-and-strong": "fail",  # SHA-256 of the key alone
            "keys.revocation-takes-effect": "pass",
            "keys.refusals-look-alike": "fail",  # "inactive" and "invalid"
            "forwarding.requests-arrive-whole": "fail",  # `n`, `seed`, `stop`, `store` and others are dropped
            "transport.provider-gets-no-clear-text": "fail",  # its HTTP client follows redirects
            "spend.worst-case-is-set-aside": "fail",
            "spend.usage-equals-the-bill": "fail",  # streams without usage are free
            "spend.callers-cannot-spend-as-others": "fail",  # whoever `user` names pays
        },
    ),
    Foreign(
        name="mlflow",
        command=("mlflow", "gateway", "start", "--config-path", "settings.yaml", "--port", "$port", "--workers", "1"),
        settings=_MLFLOW_SETTINGS,
        target=_MLFLOW_TARGET,
        environment={"MLFLOW_DISABLE_TELEMETRY": "true"},
        expected=_EVERYWHERE
        | {
            "retention.surfaces-hold-no-content": "pass",
            "forwarding.requests-arrive-whole": "fail",  # tools lose what its schema of them does not know
            "forwarding.answers-return-whole": "pass",
            "transport.provider-gets-no-clear-text": "pass",
        },
    ),
)  # fmt: skip
