"""Reading single fields of a decoded body. What is refused is named by this program, never by the caller."""

from collections.abc import Mapping
from typing import Any, Final

from reference_gateway.config import Model
from reference_gateway.web.faults import Fault, RefusalError

_MAX_CHOICES: Final = 128

Fields = Mapping[str, Any]


def flag(body: Fields, name: str) -> bool:
    """A boolean; absent and null are false."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise RefusalError(Fault.BAD_VALUE, param=name)
    return bool(value)


def count(
    body: Fields, name: str, most: int, *, least: int = 1, too_many: Fault = Fault.BAD_VALUE
) -> int | None:
    """An integer within bounds, or None; a boolean, which Python takes for an integer, is not one."""
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int or value < least:
        raise RefusalError(Fault.BAD_VALUE, param=name)
    if value > most:
        raise RefusalError(too_many, param=name)
    return value


def choices(body: Fields, name: str) -> int:
    """How many answers are made of one prompt."""
    return count(body, name, _MAX_CHOICES) or 1


def tokens(body: Fields, name: str, model: Model, *, least: int = 1) -> int | None:
    """A bound on completion tokens that the model can keep."""
    return count(body, name, model.max_output_tokens, least=least, too_many=Fault.TOO_MANY_TOKENS)


def objects(body: Fields, name: str) -> list[dict[str, Any]]:
    """A list of objects; absent and null are empty."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise RefusalError(Fault.BAD_VALUE, param=name)
    return value


def parts(holder: Fields, name: str, within: str) -> list[dict[str, Any]]:
    """The parts of a content that is text, nothing or a list of typed objects; text has none.

    `within` is the field of the body that is named in a refusal.
    """
    content = holder.get(name)
    if content is None or isinstance(content, str):
        return []
    if not isinstance(content, list):
        raise RefusalError(Fault.BAD_VALUE, param=within)
    if not all(isinstance(part, dict) and isinstance(part.get("type"), str) for part in content):
        raise RefusalError(Fault.BAD_VALUE, param=within)
    return content


def refuse_storing(body: dict[str, Any]) -> None:
    """Refuses `store`, and says no to it where the caller brought it up: null would mean the default.

    Where the caller did not, nothing is added: there are providers that refuse fields they do not know,
    and the older shapes are spoken by many.
    """
    store = body.get("store")
    if store is not None and store is not False:
        raise RefusalError(Fault.STORED, param="store")
    if "store" in body:
        body["store"] = False
