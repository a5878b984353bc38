"""The second gateway, whose count of what was spent is lost with its process. Run as `-m`, with `--config FILE`."""

from tests.hosts.second_config import Config
from tests.hosts.second_gateway import SecondGateway, main


class Forgetful(SecondGateway):
    """Keys and limits are kept, what they spent is not."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        for key in self.store.keys.values():
            key.spent = key.held = 0


if __name__ == "__main__":
    main(gateway_class=Forgetful)
