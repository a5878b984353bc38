"""What may be one text or many, each as a string or as token ids."""

from reference_gateway.web.faults import Fault, RefusalError


def number_of_texts(value: object, param: str) -> int:
    """How many texts there are in a string, a list of strings, a list of ids or a list of lists of ids.

    Each id is billed as one token and takes at least two bytes, so the body's length bounds them too.
    """
    if isinstance(value, str):
        return 1
    if not isinstance(value, list) or not value:
        raise RefusalError(Fault.BAD_VALUE, param=param)
    if _ids(value):
        return 1
    if all(isinstance(text, str) for text in value) or all(_ids(text) for text in value):
        return len(value)
    raise RefusalError(Fault.BAD_VALUE, param=param)


def _ids(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(type(item) is int and item >= 0 for item in value)
