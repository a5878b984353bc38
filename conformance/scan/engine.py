"""The engine: bytes in, sightings out. Any length, in bounded memory, decoded as deep as it goes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from conformance.canary.forms import forms, plain, xored
from conformance.canary.mint import LENGTH, Mint
from conformance.model.coverage import Artefact, ScanEngine
from conformance.scan.engines import interface
from conformance.scan.fingerprints import Prompts, fingerprints
from conformance.scan.job import Found, Job, Limits, Read, Sink
from conformance.scan.layer import Layer
from conformance.scan.other_forms import other_forms
from conformance.scan.repeats import Library, Repeats
from conformance.scan.search import Needle, Prints, Search
from conformance.scan.tally import Ledger, Tally
from conformance.scan.windows import CHUNK, Source, windows

__all__ = ["CHUNK", "Engine", "Found", "Limits", "Sink", "canary_engine", "compiled", "secret_engine"]


_COARSE = 1 << 20  # bytes of which a sample tells whether they are opaque, where only a quick look is wanted


@dataclass(frozen=True, slots=True)
class Engine:
    """Needles compiled once, used for any number of items."""

    search: Search
    marker: str = ""
    read: Read | None = None
    limits: Limits = field(default_factory=Limits)
    deep: bool = True  # whether streams are decoded and clues followed
    threads: int = 1
    library: Library = field(default_factory=Library, repr=False)

    def scan(self, chunks: Source | Iterable[bytes], sink: Sink, tally: Tally, item: str = "") -> Artefact:
        """Scan one item's bytes, given in order in pieces of any size; the classes its bytes fall into.

        What a source raises is let through, after what was read before has been entered in the ledger.
        """
        job = self._job(sink, tally, item)
        layer = Layer(job, (), _same)
        try:
            for window in windows(chunks, partial(self.search.look, clues=self.deep), self.threads):
                job.read_more(len(window.data) - window.fresh)
                layer.look(window.data, window.at, window.seen, last=window.last)
            layer.finish()
            job.repeats.settle()
            tally.items += 1
        finally:
            artefact = job.ledger.artefact()
            tally.enter(artefact)
        return artefact

    def record(self) -> ScanEngine:
        """What searches, for the evidence."""
        chosen = self.search.full if self.deep else self.search.plain
        return ScanEngine(
            name=chosen.engine,
            version=chosen.version,
            patterns=chosen.patterns,
            turned_down=chosen.turned_down,
        )

    def _job(self, sink: Sink, tally: Tally, item: str) -> Job:
        return Job(
            search=self.search,
            marker=self.marker,
            read=self.read,
            sink=sink,
            tally=tally,
            limits=self.limits,
            repeats=Repeats(self.library),
            ledger=Ledger(item) if self.deep else Ledger(item, block=_COARSE),
            deep=self.deep,
        )


def canary_engine(
    mint: Mint,
    values: Mapping[str, str] | None = None,
    prompts: Prompts | Prints = (),
    engines: Sequence[interface.Engine] | None = None,
) -> Engine:
    """An engine that finds every canary of a run, known or yet to be issued, and the digests of exact prompts.

    It also finds values (label → text) as they are, to serve as controls: what a store holds in clear by
    necessity, the scan must find there. Only some `engines` may be allowed to search.
    """
    needles = [Needle(form=form) for form in forms(mint.marker, LENGTH)]
    needles += [Needle(form=form, bare=True, deep=True) for form in xored(mint.marker, LENGTH)]
    needles += other_forms(mint)
    needles += [Needle(form=plain(value), label=label, bare=True) for label, value in (values or {}).items()]
    prints = prompts if isinstance(prompts, Prints) else Prints(fingerprints(prompts), engines)
    return Engine(Search(needles, prints, engines), mint.marker, mint.read)


def compiled(prompts: Prompts) -> Prints:
    """The digests of exact prompts for an engine that is made later: they need no value that is not known yet, and seconds."""
    prints = Prints(fingerprints(prompts))
    _ = prints.chosen
    return prints


def secret_engine(secrets: Mapping[str, str], further: Iterable[Needle] = ()) -> Engine:
    """An engine that finds given secrets (label → ASCII text) in the same forms, and further needles."""
    needles = [
        Needle(form=form, label=label)
        for label, secret in secrets.items()
        for form in forms(secret, len(secret))
    ]
    return Engine(Search([*needles, *further]))


def _same(position: int) -> int:
    return position
