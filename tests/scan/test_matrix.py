"""Of the 59 transformations, at least 55 are seen through; all, where the decoders of zstd and brotli are installed."""

from conformance.canary.mint import Mint
from conformance.model.storage import CanaryId
from conformance.scan.engine import canary_engine
from conformance.scan.inflate import brotli, here, zstd
from tests.scan.matrix import DIGESTS, MATRIX
from tests.scan.searching import KEY, scan
from tests.scan.texts import prompt

_CANARY = CanaryId(sequence=0, path="success", field="user", copy=0)
_NEEDS = {"zstd": zstd, "zstd without magic": zstd, "brotli": brotli}


def test_the_matrix_has_the_59_transformations() -> None:
    assert len(MATRIX | DIGESTS) == 59


def test_canaries_are_found_through_every_transformation_whose_decoder_is_here() -> None:
    mint = Mint(KEY)
    text = prompt(mint, 300)
    engine = canary_engine(mint, prompts=[(_CANARY, text)])
    lacking = {name for name, decoder in _NEEDS.items() if not here(decoder)}

    found = {name for name, write in (MATRIX | DIGESTS).items() if scan(engine, [write(text)])[0]}

    assert found == (MATRIX | DIGESTS).keys() - lacking
    assert len(found) >= 55


def test_what_has_no_decoder_is_no_silence() -> None:
    mint = Mint(KEY)
    prompt(mint, 300)
    stored = MATRIX["zstd"]("")

    found, coverage = scan(canary_engine(mint), [stored])

    assert bool(found) != bool(coverage.deciding_gaps())
