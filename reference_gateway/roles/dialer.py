"""The dialer process: it connects to the configured providers, and to nobody else."""

import asyncio
from urllib.parse import urlsplit

from reference_gateway.config import Config, Provider
from reference_gateway.control import Leash
from reference_gateway.dialer import DialerServer
from reference_gateway.fences import fence_dialer
from reference_gateway.roles.life import run, told_to_the_operator


def dial(config: Config, leash: Leash, *, confined: bool) -> None:
    """Until told to stop. `confined`: it can write no file. Raises ConfigError when it cannot be so."""
    if confined:
        with told_to_the_operator():
            fence_dialer()
    run(lambda: _dial(config, leash))


async def _dial(config: Config, leash: Leash) -> None:
    dialer = DialerServer(
        [_address(provider) for provider in config.providers], config.bounds.connect_seconds
    )
    stopped = asyncio.Event()
    leash.attach(asyncio.get_running_loop(), stopped.set, dialer.add)
    leash.ready()
    await stopped.wait()
    leash.detach()
    dialer.close()


def _address(provider: Provider) -> tuple[str, int]:
    url = urlsplit(provider.base_url)
    return url.hostname or "", url.port or 443
