"""The second gateway, whose suspended keys are good again after a start. Run as `-m`, with `--config FILE`."""

from tests.hosts.second_config import Config
from tests.hosts.second_gateway import SecondGateway, main


class Resurrecting(SecondGateway):
    """Who is suspended is known to the process alone."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        for key in self.store.keys.values():
            key.blocked = False


if __name__ == "__main__":
    main(gateway_class=Resurrecting)
