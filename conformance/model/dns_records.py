"""What DNS says of a host beside its addresses. Facts only."""

from conformance.model.evidence import Evidence, Record


class ServiceBinding(Record, frozen=True, kw_only=True):
    """One HTTPS record in service mode (RFC 9460, 2.4.3); port 0 where it names none, `target` empty where it is the host."""

    priority: int
    target: str = ""
    port: int = 0
    protocols: tuple[str, ...] = ()


class HostRecords(Record, frozen=True, kw_only=True):
    """The records of one host. `authorised` are the tags and values of the CAA set that holds for it, found at `caa_at`,
    which is empty where there is none (RFC 8659, 3). `trouble` is empty where DNS answered.
    """

    host: str
    bindings: tuple[ServiceBinding, ...] = ()
    caa_at: str = ""
    authorised: tuple[tuple[str, str], ...] = ()
    trouble: str = ""


class DnsRecords(Evidence, frozen=True, kw_only=True):
    """The records of every host that DNS can know; `left_out` are names that it cannot, or that the target file pins."""

    hosts: tuple[HostRecords, ...] = ()
    left_out: tuple[str, ...] = ()

    def seen(self) -> int:
        """For how many hosts DNS answered."""
        return sum(not host.trouble for host in self.hosts)
