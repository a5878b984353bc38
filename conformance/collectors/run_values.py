"""Public values of a run that stores hold in clear by necessity, such as ids of its keys: where a scan finds them, it sees."""

from collections import Counter
from collections.abc import Collection, Iterable

from conformance.model.storage import SurfaceControl

VALUE = "value "  # begins the labels of public values
_SHORT = f"{VALUE}cut "
_VALUES = 64  # as many are looked for
_BEGINNINGS = 16
_LEAST_SHORT = 2  # different ones: one run of eight characters may stand somewhere by chance
_LEAST_VALUE = 8  # shorter values could stand anywhere by chance


def public_values(expected: Iterable[str]) -> dict[str, str]:
    """Public values of the run that stores hold by necessity, by label."""
    chosen = list(dict.fromkeys(v for v in expected if len(v) >= _LEAST_VALUE and v.isascii()))
    # The first name keys, the last are identifiers of late answers: different stores hold the one or the other.
    if len(chosen) > _VALUES:
        chosen = [*chosen[: _VALUES // 2], *chosen[-_VALUES // 2 :]]
    whole = {f"{VALUE}{place}": value for place, value in enumerate(chosen, start=1)}
    return whole | {f"{_SHORT}{place}": begin for place, begin in enumerate(_beginnings(chosen), start=1)}


def _beginnings(values: Iterable[str]) -> list[str]:
    """The first eight characters of long identifiers, as many logs shorten them; what several share tells nothing."""
    counts = Counter(value[:_LEAST_VALUE] for value in values if len(value) >= 2 * _LEAST_VALUE)
    return [begin for begin, count in counts.items() if count == 1][:_BEGINNINGS]


def value_control(labels: Collection[str]) -> SurfaceControl | None:
    """What it shows that public values were found, by their labels."""
    shortened = {label for label in labels if label.startswith(_SHORT)}
    if values := {label for label in labels if label.startswith(VALUE)} - shortened:
        detail = f"{len(values)} public values of this run were found"
    elif len(shortened) >= _LEAST_SHORT:
        detail = f"the beginnings of {len(shortened)} public values of this run were found"
    else:
        return None
    return SurfaceControl(kind="value of this run", decisive=True, detail=detail)
