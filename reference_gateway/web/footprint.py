"""How much memory one caller can make a process use. Stated here, tested in tests/reference_gateway/hostile.

All of it is what this program and its libraries keep; the kernel has buffers of its own for each connection.
"""

from typing import Final

from reference_gateway.config_file import Bounds

# TLS and a greeting of 128 KiB; a read of 256 KiB, as ciphertext and in clear, and as much again behind it while
# reading is paused; one such piece full of requests, most of which are dropped; and of what the caller does not
# take, two pieces of 64 KiB above the limit at which writing is paused.
_CONNECTION: Final = 2 * 2**20
# The same towards the provider, which is read no further than 128 KiB ahead and written to in 64 KiB.
_PROVIDER: Final = 2**20
# One event of a stream, in parts and joined.
_EVENT: Final = 2 * 2**20
# A hundred thousand lists or objects, the largest with a table of their own, and their traces in an allocator.
_CONTAINERS: Final = 48 * 2**20


def without_a_key(bounds: Bounds) -> int:
    """Bytes for one connection whose caller has no key, whatever comes on it.

    A head has at most 256 fields, each of which is kept by its name and value, and once more by who reads it.
    No more of a body is taken in than what came with the head.
    """
    return _CONNECTION + 4 * bounds.max_head


def with_a_key(bounds: Bounds) -> int:
    """Bytes for one connection whose caller has a key.

    The body is kept as it came while it comes, and as it is forwarded until the answer ends: `1e15`, with its
    comma, is forwarded in 19 bytes instead of 5. The answer is kept in pieces and joined, or event by event.
    """
    answer = max(2 * bounds.max_answer, _EVENT)
    return without_a_key(bounds) + _PROVIDER + 4 * bounds.max_body + answer


def in_passing(bounds: Bounds) -> int:
    """Bytes for a process, beside its connections: bodies and answers are understood one at a time.

    Strings of two letters, the costliest beside lists and objects, take 13 times as much as their JSON.
    """
    return _CONTAINERS + 16 * bounds.max_body
