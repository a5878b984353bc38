"""What a person can get wrong in a target file is told in one sentence, with its line."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.dialects.shipped import shipped
from conformance.model.scale import Level
from conformance.target import Authorisation, Secret, Target
from conformance.target_file import OperatorError, as_document, dialect_of, load, secret

LEAST = """\
name = "staging"
environment = "staging"

[gateway]
base_urls = ["https://gateway.example"]
"""


def _load(folder: Path, text: str) -> Target:
    path = folder / "target.toml"
    path.write_text(text)
    return load(path)


def _said(folder: Path, text: str) -> str:
    """What is said of a file, without its path."""
    with pytest.raises(OperatorError) as caught:
        _load(folder, text)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(str(folder / "target.toml"))


def test_the_least_target_declares_nothing_but_what_it_says(tmp_path: Path) -> None:
    target = _load(tmp_path, LEAST)
    assert target.access() == frozenset()
    assert target.levels() == {Level.OUTSIDE}
    assert dialect_of(target) is None
    assert target.host_ports() == (("gateway.example", 443),)


OWN = """\
[dialect.own]
name = "ours"
[[dialect.own.create.calls]]
method = "POST"
path = "/keys"
capture = { secret = "/key", id = "/id" }
[[dialect.own.revoke.calls]]
method = "DELETE"
path = "/keys/{id}"
"""


SURFACES = """\
[[surfaces]]
kind = "files"
locator = "a"
[[surfaces]]
kind = "files"
locator = "b"
role = "logs"
[[surfaces]]
kind = "files"
locator = "c"
role = "log"
"""


# What stands after LEAST (whose last line is the fifth), the line it is told on, and a part of what is said.
@pytest.mark.parametrize(
    ("more", "line", "said"),
    [
        ("resolv = {}\n", 6, "unknown key 'gateway.resolv'; TARGET.md lists every key"),
        ("[limit]\n", 6, "unknown key 'limit'"),
        ('admin_url = "admin.example"\n', 6, "'gateway.admin_url': 'admin.example' is not an origin"),
        ('admin_url = "https://me@admin.example"\n', 6, "is not an origin"),
        ('admin_url = "http://admin.example"\n', 6, "'gateway.admin_url': the admin credential travels there: https only"),
        ("tls_ports = [0]\n", 6, "'gateway.tls_ports': 0 is not a port"),
        ("cleartext_ports = [80, 65536]\n", 6, "65536 is not a port"),
        ("cleartext_ports = [-1]\n", 6, "-1 is not a port"),
        ('resolve = { "a.example" = ["10.0.0.256"] }\n', 6, "'10.0.0.256' is not an IP address"),
        ('\n[gateway.auth]\nheader = "X Key"\n', 8, "'gateway.auth.header': 'X Key' is not the name of a header"),
        ('\n[gateway.auth]\nvalue = "Bearer"\n', 8, "'gateway.auth.value': the value must hold {key}"),
        ('\n[gateway.auth]\nvalue = "Bearer\\n{key}"\n', 8, "printable ASCII"),
        ("[other_account]\nadmin = {}\n", 7, "'other_account.admin': give either `env` or `file`"),
        ("[other_account]\n", 6, "the required key 'other_account.admin' is missing"),
        ("[credentials]\nadmin = {}\n", 7, "'credentials.admin': give either `env` or `file`"),
        ('[credentials]\nkey = { env = "A", file = "b" }\n', 7, "'credentials.key': give either `env` or `file`"),
        ("[witness]\napi_key = {}\n", 7, "'witness.api_key': give either `env` or `file`"),
        ('[witness]\nlisten = "9443"\n', 7, "'9443' is not address:port"),
        ('[witness]\nlisten = "127.0.0.1:99999"\n', 7, "is not address:port"),
        ('[witness]\ncertificate = "c.pem"\n', 6, "give both `certificate` and `private_key`"),
        ('[limits]\nmoney = "5,00"\n', 7, "'limits.money': '5,00' is not a decimal amount"),
        ('[limits]\nmoney = "-5"\n', 7, "not an amount of money"),
        ('[limits]\nmoney = "1e999999999"\n', 7, "not an amount of money"),
        ("[limits]\nmoney = 5.0\n", 7, "'limits.money': Expected `str`, got `float`"),
        ("[limits]\nrequests = 0\n", 7, "'limits.requests': Expected `int` >= 1"),
        ("[limits]\nrate = inf\n", 7, "'limits.rate': a limit is a finite number"),
        ("[limits]\nrate = nan\n", 7, "'limits.rate'"),
        ("[limits]\nseconds = inf\n", 7, "'limits.seconds': a limit is a finite number"),
        ("[limits]\nconnections = 257\n", 7, "'limits.connections': Expected `int` <= 256"),
        ('[claims]\nmade = ["T9"]\n', 7, "there is no claim 'T9'; known: T1, "),
        ('[claims]\nsoft_limit = "NaN"\n', 7, "not an amount of money"),
        ("[claims]\nusage_lag = 601\n", 7, "'claims.usage_lag': Expected `float` <= 600"),
        ('[claims]\ntls_floor = "1.1"\n', 7, "'claims.tls_floor': Invalid enum value '1.1'"),
        ('[gate]\nrequire = ["S1", "X"]\n', 7, "'gate.require': there is no claim 'X'"),
        ('[dialect]\nuse = "nobody"\n', 7, "there is no dialect 'nobody'; shipped: any-llm, litellm, openrouter"),
        ("[dialect]\n", 6, "'dialect': give either `use` or `own`"),
        ('[dialect]\nuse = "openrouter"\n' + OWN, 6, "give either `use` or `own`"),
        (
            '[dialect]\nuse = "openrouter"\nurl = "https://admin.example"\n', 8,
            "unknown key 'dialect.url'; it is 'gateway.admin_url' now",
        ),
        ('[dialect]\nuse = "openrouter"\nper_usd = -1\n', 8, "is not negative"),
        (OWN.replace('"/key"', '"key"'), 8, "'dialect.own.create': 'key' is not a JSON pointer"),
        (OWN.replace("secret =", "token ="), 8, "'dialect.own.create': its calls must capture secret"),
        (OWN + 'body = 5\n', 15, "'dialect.own.revoke.calls.0.body'"),
        ('[[inference]]\nkind = "chat"\npath = "v1/chat"\n', 8, "the path 'v1/chat' does not begin with '/'"),
        ('[[inference]]\nkind = "talk"\npath = "/v1"\n', 7, "'inference.0.kind': Invalid enum value 'talk'"),
        ('[[inference]]\nkind = "chat"\n', 6, "the required key 'inference.0.path' is missing"),
        ('[models.m]\nprompt_price = "1"\n', 6, "'models.m': give both prices or none"),
        ('[models.m]\nprompt_price = "x"\ncompletion_price = "1"\n', 7, "'x' is not a decimal amount"),
        ('[models.m]\nprompt_price = "0.0000005"\ncompletion_price = "1"\n', 7, "not a whole number of picodollars"),
        ('[models."v4.1"]\nprompt_price = "x"\ncompletion_price = "1"\n', 7, "'models.v4.1.prompt_price': 'x'"),
        ("[models.a]\n[models.b]\nmax_output = 0\n", 8, "'models.*.max_output': Expected `int` >= 1"),
        ("[models.a]\nmax_outputs = 5\n", 7, "unknown key 'models.*.max_outputs'"),
        ('[[surfaces]]\nkind = "files"\nlocator = "a"\n[[surfaces]]\nkind = "tape"\nlocator = "b"\n', 10, "'surfaces.1.kind'"),
        ('[[surfaces]]\nkind = "files"\nlocator = "a"\n[[surfaces]]\nlocator = "b"\nkind = 5\n', 11, "'surfaces.1.kind'"),
        (
            SURFACES,
            12, "'surfaces.1.role'",
        ),
        ('[[documents]]\nclaim = "P9"\npath = "a.pdf"\n', 7, "there is no claim 'P9'"),
        ('[authorisation]\nreference = "R"\nby = "me"\nuntil = "soon"\n', 9, "'soon' is not a day such as 2027-01-31"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(tmp_path: Path, more: str, line: int, said: str) -> None:
    message = _said(tmp_path, LEAST + more)
    assert message.startswith(f":{line}: "), message
    assert said in message


@pytest.mark.parametrize(
    "url",
    [
        "gateway.example", "ftp://gateway.example", "https://", "https:///v1", "https://me@gateway.example",
        "https://:pw@gateway.example", "https://gateway.example?x=1", "https://gateway.example#x", "https://[::1",
        "https://gateway.example:99999", "https://gateway.example:port", "https://gateway.example:0", "",
        "https://gatew\u00e4y.example", "https://gateway.example/\\n",
    ],
)  # fmt: skip
def test_what_is_no_origin_is_refused(tmp_path: Path, url: str) -> None:
    message = _said(tmp_path, LEAST.replace("https://gateway.example", url))
    assert message.startswith(":5: 'gateway.base_urls': ")
    assert "is not an origin such as https://gateway.example:8443" in message


@pytest.mark.parametrize(
    "url",
    ["https://gateway.example:8443", "http://127.0.0.1:1", "https://[::1]:8443", "https://h.example/base"],
)
def test_an_origin_is_taken(tmp_path: Path, url: str) -> None:
    assert _load(tmp_path, LEAST.replace("https://gateway.example", url)).origin() == url


@pytest.mark.parametrize(
    ("more", "key_api", "urls", "places"),
    [
        ("", "https://gateway.example", ("https://gateway.example",), (("gateway.example", 443),)),
        (
            'admin_url = "https://gateway.example/"\n',
            "https://gateway.example", ("https://gateway.example",), (("gateway.example", 443),),
        ),
        (
            'admin_url = "https://gateway.example:8444/"\n',
            "https://gateway.example:8444", ("https://gateway.example", "https://gateway.example:8444"),
            (("gateway.example", 443), ("gateway.example", 8444)),
        ),
        (
            'tls_ports = [8443]\nadmin_url = "https://admin.example"\n',
            "https://admin.example", ("https://gateway.example", "https://admin.example"),
            (("gateway.example", 443), ("gateway.example", 8443), ("admin.example", 443), ("admin.example", 8443)),
        ),
    ],
)  # fmt: skip
def test_the_key_api_is_looked_at_wherever_it_is(
    tmp_path: Path, more: str, key_api: str, urls: tuple[str, ...], places: tuple[tuple[str, int], ...]
) -> None:
    target = _load(tmp_path, LEAST + more)

    assert (target.origin(), target.key_api_url()) == ("https://gateway.example", key_api)
    assert target.key_api_apart() is (len(urls) > 1)
    assert target.urls() == urls
    assert target.host_ports() == places


def test_a_key_api_among_the_base_urls_is_looked_at_as_the_key_api_alone(tmp_path: Path) -> None:
    listed = LEAST.replace('"]', '", "https://admin.example/"]') + 'admin_url = "https://admin.example"\n'

    target = _load(tmp_path, listed)

    assert target.content_urls() == ("https://gateway.example",)
    assert target.urls() == ("https://gateway.example", "https://admin.example")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "not valid TOML"),
        ("name = 1\nname = 2", "not valid TOML"),
        ("a = " + "[" * 5000, "nested too deep"),
        ("a = " + "1" * 5000, "a number too long"),
        ("", "the required key 'name' is missing"),
        ("name = 5", ":1: 'name': Expected `str`, got `int`"),
        ("name = 1979-05-27", ":1: 'name'"),
        ('name = ""', ":1: 'name': Expected `str` of length >= 1"),
        ("gateway = 5\nname = 'a'\nenvironment = 'test'", ":1: 'gateway': Expected `object`, got `int`"),
        ("name = 'a'\nenvironment = 'prod'", ":2: 'environment': Invalid enum value 'prod'"),
        (
            "name = 'a'\nenvironment = 'test'\n[gateway]",
            ":3: the required key 'gateway.base_urls' is missing",
        ),
        ("name = 'a'\nenvironment = 'test'\n[gateway]\nbase_urls = []", ":4: 'gateway.base_urls'"),
        ("name = 'a'\nenvironment = 'test'\n[gateway]\nbase_urls = [5]", ":4: 'gateway.base_urls.0'"),
    ],
)
def test_broken_files_are_told_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    assert said in _said(tmp_path, text)


@settings(deadline=None)
@given(st.text(alphabet="[]{}=.\"'#\n\\ abc19_-é\x00\ufeff", max_size=60))
def test_no_text_brings_more_than_a_sentence(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text, newline="")
    with pytest.raises(OperatorError):
        load(path)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"name = '\xff'"])
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "target.toml"
    path.write_bytes(content)
    with pytest.raises(OperatorError, match="cannot be read"):
        load(path)


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="there is no target file"):
        load(tmp_path / "none.toml")
    with pytest.raises(OperatorError, match="cannot be read"):
        load(tmp_path)


def test_a_credential_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEPROOF_TEST_KEY", "  the-key\n")
    assert secret(Secret(env="GATEPROOF_TEST_KEY"), tmp_path) == "the-key"


@pytest.mark.parametrize("value", ["", "  \n"])
def test_an_empty_credential_of_the_environment_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("GATEPROOF_TEST_KEY", value)
    with pytest.raises(OperatorError, match="GATEPROOF_TEST_KEY is not set"):
        secret(Secret(env="GATEPROOF_TEST_KEY"), tmp_path)


def test_a_credential_comes_from_a_file_beside_the_target_file(tmp_path: Path) -> None:
    (tmp_path / "admin.key").write_text("the-key\n")
    assert secret(Secret(file="admin.key"), tmp_path) == "the-key"
    assert secret(Secret(file=str(tmp_path / "admin.key")), Path("/nowhere")) == "the-key"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "cannot be read"),
        (b"one\ntwo", "holds more than a credential"),
        (b"key\x00", "holds more than a credential"),
        ("schlüssel".encode(), "holds more than a credential"),
    ],
)
def test_a_file_without_a_credential_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "admin.key").write_bytes(content)
    with pytest.raises(OperatorError, match=said) as caught:
        secret(Secret(file="admin.key"), tmp_path)
    assert "one" not in str(caught.value).replace(str(tmp_path), ""), "a credential is never printed"


@pytest.mark.parametrize("name", ["none", "", "a\0b"])
def test_a_credential_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OperatorError, match="cannot be read"):
        secret(Secret(file=name), tmp_path)


def test_what_is_recorded_of_a_target_names_credentials_and_holds_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEPROOF_TEST_KEY", "the-key")
    text = LEAST + '[credentials]\nadmin = { env = "GATEPROOF_TEST_KEY" }\n[dialect]\nuse = "openrouter"\n'
    document = str(as_document(_load(tmp_path, text)))
    assert "GATEPROOF_TEST_KEY" in document
    assert "the-key" not in document


def test_a_target_speaks_a_shipped_dialect_or_its_own(tmp_path: Path) -> None:
    assert dialect_of(_load(tmp_path, LEAST + '[dialect]\nuse = "litellm"\n')) == shipped()["litellm"]
    own = dialect_of(_load(tmp_path, LEAST + OWN))
    assert own is not None
    assert own.name == "ours"


@pytest.mark.parametrize(
    ("more", "access", "levels"),
    [
        ('[credentials]\nadmin = { env = "A" }\n', set(), {"outside"}),
        ('[dialect]\nuse = "openrouter"\n', set(), {"outside"}),
        ('[credentials]\nkey = { env = "A" }\n', {"key"}, {"outside"}),
        (
            '[credentials]\nadmin = { env = "A" }\n[dialect]\nuse = "openrouter"\n',
            {"admin", "key"}, {"outside", "operator"},
        ),
        ("[witness]\n", set(), {"outside"}),
        ("[witness]\n[models.m]\nwitness = false\n", set(), {"outside"}),
        ("[witness]\n[models.m]\n", {"witness"}, {"outside", "operator"}),
        ('[[surfaces]]\nkind = "files"\nlocator = "a"\n', {"surfaces"}, {"outside", "inside"}),
        (
            '[[surfaces]]\nkind = "files"\nlocator = "a"\nrole = "account"\n',
            {"surfaces", "account-surface"}, {"outside", "inside"},
        ),
    ],
)  # fmt: skip
def test_access_follows_from_what_is_declared(
    tmp_path: Path, more: str, access: set[str], levels: set[str]
) -> None:
    target = _load(tmp_path, LEAST + more)
    assert target.access() == access
    assert {level.value for level in target.levels()} == levels


@pytest.mark.parametrize(
    ("today", "good"), [("2026-11-24", True), ("2026-12-31", True), ("2027-01-01", False)]
)
def test_an_authorisation_ends_with_its_last_day(tmp_path: Path, today: str, good: bool) -> None:
    text = LEAST + '[authorisation]\nreference = "R"\nby = "me"\nuntil = "2026-12-31"\n'
    target = _load(tmp_path, text)
    assert target.authorisation == Authorisation(reference="R", by="me", until="2026-12-31")
    assert target.authorised(date.fromisoformat(today)) is good


def test_without_an_authorisation_nothing_intrusive_is_permitted(tmp_path: Path) -> None:
    assert not _load(tmp_path, LEAST).authorised(date(2026, 1, 1))
