"""Snippets: for checks that exist, in the syntax of what they are for."""

import ast
from fnmatch import fnmatchcase

import pytest
import yaml

from conformance.catalogue import checks
from reports.fixes import fixes, snippets

_IDS = tuple(check.id for check in checks())
_SERVERS = {"nginx", "Caddy", "Envoy", "Starlette"}


def all_of(product: str) -> list[str]:
    return [text for check in _IDS for name, text in snippets(check) if name == product]


@pytest.mark.parametrize("pattern", sorted({pattern for fix in fixes() for pattern in fix.checks}))
def test_every_pattern_is_of_a_check_that_exists(pattern: str) -> None:
    assert any(fnmatchcase(id_, pattern) for id_ in _IDS)


@pytest.mark.parametrize("family", ["transport.tls12-is-refused", "transport.hsts-on-every-answer"])
def test_transport_can_be_mended_in_every_server(family: str) -> None:
    assert {name for name, _ in snippets(family)} == _SERVERS


def test_a_check_has_each_product_once() -> None:
    for id_ in _IDS:
        products = [name for name, _ in snippets(id_)]
        assert len(products) == len(set(products))


def test_a_check_without_a_snippet_has_none() -> None:
    assert snippets("no.such-check") == ()


@pytest.mark.parametrize("product", ["Starlette", "Python"])
def test_python_is_python(product: str) -> None:
    texts = all_of(product)

    assert texts
    for text in texts:
        compile(text, product, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_envoys_snippets_are_yaml() -> None:
    texts = all_of("Envoy")

    assert texts
    assert all(isinstance(yaml.safe_load(text), dict | list) for text in texts)


@pytest.mark.parametrize("product", ["nginx", "Caddy"])
def test_blocks_are_closed_and_directives_ended(product: str) -> None:
    for text in all_of(product):
        lines = [
            line.split(" #")[0].rstrip() for line in text.splitlines() if not line.lstrip().startswith("#")
        ]
        assert text.count("{") == text.count("}")
        assert product != "nginx" or all(line.endswith((";", "{", "}")) for line in lines)
