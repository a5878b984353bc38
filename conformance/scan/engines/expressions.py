"""Patterns as the expressions that Hyperscan and Vectorscan compile."""

DOTALL = 2  # HS_FLAG_DOTALL
BLOCK = 1  # HS_MODE_BLOCK


def expression(pattern: bytes) -> bytes:
    """Every byte escaped: as a "literal", a pattern would end at its first NUL without a word."""
    return b"".join(b"\\x%02x" % byte for byte in pattern)


def features(info: bytes) -> str:
    """The instruction set in what a database says of itself: `Version: 5.4.0 Features: AVX2 Mode: BLOCK`."""
    return info.decode("ascii", "replace").partition("Features:")[2].partition("Mode:")[0].strip()
