"""No rule without a test."""

import importlib
import pkgutil

from tests.reference_gateway import leaks
from tests.reference_gateway.leaks.rows import COVERED, RULES


def test_every_rule_has_a_test() -> None:
    for module in pkgutil.iter_modules(leaks.__path__, f"{leaks.__name__}."):
        importlib.import_module(module.name)

    assert set(RULES) == set(range(1, 25))
    assert set(RULES) == COVERED
