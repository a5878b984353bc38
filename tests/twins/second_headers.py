"""Twins of the second gateway with other header fields than are promised: HSTS is missing, too short or ambiguous."""

from collections.abc import Mapping
from functools import partial

from tests.hosts.second_gateway import SecondGateway
from tests.twins import registry
from tests.twins.checks import LONG_ENOUGH, ON_EVERY_ANSWER

twin = partial(registry.twin, host="second")


class _Hsts(SecondGateway):
    """The answer's HSTS field is what `hsts` says."""

    def hsts(self, status: int) -> str | None:
        raise NotImplementedError

    def security_headers(self, status: int) -> Mapping[str, str]:
        others = dict(super().security_headers(status))
        del others["Strict-Transport-Security"]
        value = self.hsts(status)
        return others if value is None else {"Strict-Transport-Security": value, **others}


@twin("hsts-missing", fails={ON_EVERY_ANSWER})
class HstsMissing(_Hsts):
    """No HSTS anywhere."""

    def hsts(self, status: int) -> str | None:
        return None


@twin("hsts-missing-on-errors", fails={ON_EVERY_ANSWER})
class HstsMissingOnErrors(_Hsts):
    """HSTS only where all went well."""

    def hsts(self, status: int) -> str | None:
        return "max-age=31536000" if status < 400 else None


@twin("hsts-missing-on-refused-heads", fails={ON_EVERY_ANSWER})
class HstsMissingOnRefusedHeads(_Hsts):
    """HSTS on everything but what the server refuses before it is a request."""

    def hsts(self, status: int) -> str | None:
        return None if status in {400, 414, 431, 505} else "max-age=31536000"


@twin("hsts-max-age-zero", fails={ON_EVERY_ANSWER, LONG_ENOUGH})
class HstsMaxAgeZero(_Hsts):
    """HSTS that tells browsers to forget the host."""

    def hsts(self, status: int) -> str | None:
        return "max-age=0"


@twin("hsts-too-short", fails={LONG_ENOUGH})
class HstsTooShort(_Hsts):
    """HSTS for a day where a year is promised."""

    def hsts(self, status: int) -> str | None:
        return "max-age=86400"


@twin("hsts-twice", fails={ON_EVERY_ANSWER})
class HstsTwice(SecondGateway):
    """HSTS from the application and from the proxy before it."""

    def security_headers(self, status: int) -> Mapping[str, str]:
        return {**super().security_headers(status), "strict-transport-security": "max-age=31536000"}
