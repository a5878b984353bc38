"""What the operator declared, as evidence: checks read promises from here and nowhere else."""

from conformance.model.evidence import Evidence, Record
from conformance.target import Promises


class DeclaredSurface(Record, frozen=True, kw_only=True):
    """A surface as declared, without its credentials."""

    kind: str
    locator: str
    role: str
    encryption: str
    exclude: tuple[str, ...] = ()


class Declared(Evidence, frozen=True, kw_only=True):
    """The target file without credentials, and the access that follows from it."""

    name: str
    environment: str
    base_urls: tuple[str, ...]
    admin_url: str = ""  # empty: the key API is where the first base URL is
    models: tuple[str, ...]
    endpoints: tuple[str, ...]
    dialect: str
    access: tuple[str, ...]
    levels: tuple[str, ...]
    promises: Promises
    surfaces: tuple[DeclaredSurface, ...]
    authorised: str = ""  # who permitted looks that may disturb, where that is written, and its last day

    def seen(self) -> int:
        """Declarations are read, not observed: they support no pass by themselves."""
        return 0
