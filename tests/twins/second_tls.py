"""Twins of the second gateway whose own TLS is not what is promised, or whose clear text is more than a redirect."""

import ssl
from functools import partial

from conformance.witness.pki import make_authority
from tests.hosts.second_edge import Handler, Redirect
from tests.hosts.second_gateway import SecondGateway
from tests.twins import registry
from tests.twins.checks import CLEAR_KEY, CLEAR_SERVES

twin = partial(registry.twin, host="second")


@twin("tls12-accepted", fails={"transport.tls12-is-refused"})
class Tls12Accepted(SecondGateway):
    """TLS 1.2 for an old client."""

    def tls_context(self) -> ssl.SSLContext:
        context = super().tls_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


@twin(
    "tls10-accepted",
    fails={"transport.tls10-is-refused", "transport.tls11-is-refused", "transport.tls12-is-refused"},
)
class Tls10Accepted(SecondGateway):
    """Every version that OpenSSL still speaks."""

    def tls_context(self) -> ssl.SSLContext:
        context = super().tls_context()
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        return context


@twin("admin-speaks-tls12", fails={"transport.tls12-is-refused"}, config={"admin_port": 0})
class AdminSpeaksTls12(SecondGateway):
    """TLS 1.2 where keys are managed, TLS 1.3 where content goes."""

    def admin_tls_context(self) -> ssl.SSLContext:
        context = super().admin_tls_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


@twin("certificate-of-a-stranger", fails={"transport.certificate-is-trusted"})
class CertificateOfAStranger(SecondGateway):
    """The right address, signed by an authority that nobody trusts."""

    def tls_context(self) -> ssl.SSLContext:
        stranger = make_authority(self.state / "stranger")
        context = super().tls_context()
        context.load_cert_chain(stranger.certificate, stranger.private_key)
        return context


@twin("clear-text-served", fails={CLEAR_SERVES, CLEAR_KEY})
class ClearTextServed(SecondGateway):
    """The API on a port without TLS."""

    def cleartext_handler(self) -> type[Handler]:
        return Handler


class _Echo(Redirect):
    """A redirect that takes the caller's key along."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        self.close_connection = True
        self.send_response_only(308)
        self.send_header("Location", self.server.host.https_url(f"/?key={self._bearer()}"))
        self.send_header("Content-Length", "0")
        self.end_headers()


@twin("clear-text-key-echoed", fails={CLEAR_KEY})
class ClearTextKeyEchoed(SecondGateway):
    """The redirect from clear text repeats the key, in clear text."""

    def cleartext_handler(self) -> type[Handler]:
        return _Echo


@twin("clear-text-redirect-astray", fails={"transport.clear-text-redirects-stay-home"})
class ClearTextRedirectAstray(SecondGateway):
    """The redirect from clear text leads to another host."""

    def https_url(self, route: str) -> str:
        return f"https://gateway.example{route}"


@twin("clear-text-cookie", fails={CLEAR_SERVES})
class ClearTextCookie(SecondGateway):
    """The redirect from clear text sets a cookie."""

    def cleartext_handler(self) -> type[Handler]:
        class Cookie(Redirect):
            def send_response_only(self, code: int, message: str | None = None) -> None:
                super().send_response_only(code, message)
                self.send_header("Set-Cookie", "session=1")

        return Cookie
