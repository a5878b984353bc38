"""The ways, in collections: each way is a twin of its own, and each collection one twin that keeps in all of its ways at once."""

from collections.abc import Mapping
from functools import partial

from tests.twins.keeping import databases, moments, parts, sinks, spellings
from tests.twins.keeping.spellings import digest, written
from tests.twins.keeping.way import SURROUNDS, Way

_KIB, _MIB = 2**10, 2**20
_EMBEDDINGS = ("embeddings",)
_ROOM = {"largest_body": 16 * _MIB}  # so that what is long is read at all

_ENCODED = (
    Way(name="json-in-json-in-json", how=written("JSON in JSON in JSON")),
    Way(name="json-escapes", how=written("JSON escapes")),
    Way(name="percent-encoded", how=written("URL, everything")),
    Way(name="html-entities", how=written("HTML decimal")),
    Way(name="base64-url-safe", how=written("base64, URL-safe")),
    Way(name="base64-twice", how=written("base64 twice")),
    Way(name="base64-thrice", how=written("base64 thrice")),
    Way(name="base64-of-utf-16", how=written("base64 of UTF-16")),
    Way(name="base64-in-mail", how=written("MIME base64")),
    Way(name="hexadecimal", how=written("HEX")),
    Way(name="hexadecimal-of-utf-16", how=written("hex of UTF-16")),
    Way(name="hexdump", how=written("hexdump -C")),
    Way(name="rot13", how=written("rot13")),
    Way(name="reversed", how=written("reversed")),
    Way(name="utf-16", how=written("UTF-16 big endian")),
    Way(name="utf-32", how=written("UTF-32 little endian")),
    Way(name="ebcdic", how=written("EBCDIC")),
    Way(name="base32", how=written("base32, alignment 3")),
    Way(name="base85", how=written("base85, alignment 3")),
    Way(name="ascii85", how=written("ascii85, alignment 1")),
    Way(name="quoted-printable", how=written("quoted-printable, everything")),
    Way(name="octal-escapes", how=written("octal escapes")),
    Way(name="octal-numbers", how=written("octal list")),
    Way(name="decimal-numbers", how=written("decimal list")),
    Way(name="combined-with-one-byte", how=spellings.xored(0x5A)),
    Way(name="lines-of-16", how=spellings.wrapped(16)),
    Way(name="lines-of-80", how=spellings.wrapped(80)),
    Way(name="spelt-out", what=parts.prompt, how=spellings.parted(b"-")),
    Way(name="streamed-piece-by-piece", what=parts.prompt, how=spellings.one_by_one),
    Way(name="pickled", how=spellings.pickled),
)

_PACKED = (
    Way(name="gzip", how=written("gzip")),
    Way(name="zlib", how=written("zlib, fast")),
    Way(name="bzip2", how=written("bzip2")),
    Way(name="xz", how=written("xz")),
    Way(name="zstandard", how=spellings.zstandard),
    Way(name="lz4", how=spellings.lz4),
    Way(name="snappy", how=spellings.snappy),
    Way(name="zip-stored", how=spellings.stored_in_zip),
    Way(name="zip-deflated", how=spellings.deflated_in_zip),
    Way(name="tar-in-gzip", how=written("tar.gz")),
    Way(name="tar-in-xz", how=spellings.xz_in_tar),
    Way(name="gzip-in-zip", how=written("gzip in zip")),
    Way(name="gzip-of-base64", how=written("gzip of base64")),
    Way(name="base64-of-gzip", how=written("base64 of gzip")),
    Way(name="mail-of-gzip-in-json", how=written("MIME base64 of gzip in JSON")),
    Way(name="hexadecimal-of-zlib", how=written("hex of zlib")),
    Way(name="gzip-four-times", how=written("gzip four times")),
)

_CUT = (
    Way(name="first-40-characters", what=parts.said, how=spellings.first(40)),
    Way(name="first-20-characters", what=parts.said, how=spellings.first(20)),
    Way(name="last-40-characters", what=parts.said, how=spellings.last(40)),
    Way(name="middle-60-characters", what=parts.said, how=spellings.middle(60)),
    Way(name="both-ends", what=parts.said, how=spellings.ends(30)),
)

# Not of every prompt are the digests searched for.
_digested = partial(Way, what=parts.prompt, many=True)

_DIGESTED = (
    _digested(name="sha256", how=digest("sha256")),
    _digested(name="sha256-raw", how=digest("sha256", spellings.as_it_is)),
    _digested(name="sha256-in-base64", how=spellings.numbered(digest("sha256", spellings.in_base64))),
    _digested(name="sha256-cut", how=digest("sha256", size=16)),
    _digested(name="sha1", how=digest("sha1")),
    _digested(name="sha512", how=digest("sha512")),
    _digested(name="sha3", how=digest("sha3_256")),
    _digested(name="md5", how=digest("md5")),
    _digested(name="blake2", how=digest("blake2b")),
    _digested(name="digest-as-a-file-name", how=digest("sha256"), where=sinks.as_a_file_name),
)

_AT_MOMENTS = (
    Way(name="only-when-all-went-well", when=moments.answered),
    Way(name="only-when-the-caller-left", when=moments.left),
    Way(
        name="only-when-the-caller-left-while-sending", what=parts.whole_body, when=moments.left_while_sending
    ),
    Way(name="only-when-the-caller-left-while-waiting", when=moments.left_while_waiting),
    Way(name="only-when-the-provider-failed", when=moments.provider_failed),
    Way(name="only-when-the-provider-failed-in-html", when=moments.provider_failed_in_html),
    Way(name="only-when-the-provider-was-busy", when=moments.provider_limited),
    Way(name="only-when-the-provider-was-cut", when=moments.cut_by_provider),
    Way(name="only-when-malformed", when=moments.malformed),
    Way(name="only-unknown-models", when=moments.unknown_model),
    Way(name="only-over-budget", when=moments.over_budget),
    Way(name="only-unauthenticated", when=moments.unauthenticated),
    Way(name="only-when-debugging", when=moments.debugging),
    Way(name="only-with-an-idempotency-key", when=moments.carries("idempotency-key")),
    Way(name="only-the-second-copy-of-a-retry", when=moments.seen_before()),
    Way(name="only-when-storage-was-asked-for", when=moments.stored),
    Way(name="only-streams", when=moments.streamed),
    Way(name="only-over-32-kilobytes", what=parts.whole_body, when=moments.longer_than(32 * _KIB)),
    Way(name="only-over-a-megabyte", what=parts.whole_body, when=moments.longer_than(_MIB), config=_ROOM),
    Way(name="only-embeddings", when=moments.embedding, inference=_EMBEDDINGS),
    Way(name="two-seconds-later", where=sinks.later(sinks.in_a_file, 2.0)),
)

_part = partial(Way, many=True)  # some of them few requests have

_PARTS = (
    _part(name="system-prompts", what=parts.by_role("system", "developer")),
    _part(name="what-assistants-said", what=parts.by_role("assistant")),
    _part(name="last-questions", what=parts.prompt),
    _part(name="answers", what=parts.told("content")),
    _part(name="events", what=parts.answer, when=moments.streamed),
    _part(name="events-by-turns", what=parts.answer, when=moments.streamed, where=sinks.by_turns),
    _part(name="providers-refusals", what=parts.refused_by_provider, when=moments.provider_failed),
    _part(name="tool-definitions", what=parts.within("tools")),
    _part(name="tool-arguments", what=parts.named("arguments")),
    _part(name="tool-results", what=parts.by_role("tool")),
    _part(name="schemas", what=parts.within("response_format")),
    _part(name="predictions", what=parts.within("prediction")),
    _part(name="reasoning", what=parts.named("reasoning_content")),
    _part(name="stop-sequences", what=parts.within("stop")),
    _part(name="names-of-speakers", what=parts.named("name")),
    _part(name="names-of-attachments", what=parts.named("filename")),
    _part(name="pictures", what=parts.attached("url")),
    _part(name="sounds", what=parts.attached("data")),
    _part(name="documents", what=parts.attached("file_data")),
    _part(name="input-of-embeddings", what=parts.said, when=moments.embedding, inference=_EMBEDDINGS),
    _part(name="vectors", what=parts.vectors, when=moments.embedding, inference=_EMBEDDINGS),
)

_surrounding = partial(Way, labelled=True, many=True, fails=SURROUNDS)

_SURROUNDING = (
    _surrounding(name="headers", what=parts.header()),
    _surrounding(name="query-strings", what=parts.query),
    _surrounding(name="user-ids", what=parts.named("user")),
    _surrounding(name="metadata", what=parts.within("metadata")),
    _surrounding(name="safety-ids", what=parts.within("safety_identifier")),
    _surrounding(name="idempotency-keys", what=parts.header("idempotency-key")),
    _surrounding(name="baggage", what=parts.header("baggage")),
    _surrounding(name="unknown-models-by-name", what=parts.named("model"), when=moments.unknown_model),
)

_last = partial(Way, many=True)  # of which only the last ones stay: they must be calls with content

_IN_PLACES = (
    Way(name="rotated-archive", where=sinks.in_a_rotated_archive),
    Way(name="hidden-files", where=sinks.in_a_file_each),
    Way(name="tar-that-grows", where=sinks.in_a_tar),
    Way(name="zip-that-grows", where=sinks.in_a_zip),
    Way(name="names-of-files", what=parts.prompt, where=sinks.as_a_file_name),
    _last(name="attributes-of-files", where=sinks.as_an_attribute),
    Way(name="sparse-file", where=sinks.in_a_sparse_file),
    _last(name="ring-of-slots", where=sinks.in_a_ring),
    _last(name="dump-of-memory", where=sinks.in_a_dump_of_memory),
    Way(name="key-value-store", where=sinks.in_a_key_value_store),
)

_stored = partial(Way, kind="sqlite", file=databases.FILE)

_IN_DATABASES = (
    _stored(name="rows", where=databases.row),
    _stored(name="rows-compressed", where=databases.compressed),
    _stored(name="column-with-an-innocent-name", where=databases.innocent_column),
    _stored(name="json-in-a-column", where=databases.json_column),
    _stored(name="database-in-utf-16", where=databases.utf16),
    _stored(name="small-pages", where=databases.small_pages),
    _stored(name="full-text-index", where=databases.full_text),
    _stored(name="index-without-a-table", where=databases.index_only),
    _stored(name="rows-deleted", where=databases.deleted),
    _stored(name="tables-dropped", where=databases.dropped),
    _stored(name="values-replaced", many=True, where=databases.replaced),
    _stored(name="write-ahead-log-only", where=databases.write_ahead_log),
    _stored(name="old-pages-in-the-journal", many=True, where=databases.old_pages_in_the_journal),
)

# Too seldom for a small sample.
_RARE = (
    Way(name="one-call-in-twenty", when=moments.every(20), rare=True),
    Way(name="one-call-in-fifty", when=moments.every(50), rare=True),
)

COLLECTIONS: Mapping[str, tuple[Way, ...]] = {
    "spellings": (*_ENCODED, *_PACKED, *_CUT, *_DIGESTED),
    "moments-and-places": (*_AT_MOMENTS, *_PARTS, *_IN_PLACES, *_IN_DATABASES),
    "surroundings": _SURROUNDING,
}
WAYS: tuple[Way, ...] = (*(way for ways in COLLECTIONS.values() for way in ways), *_RARE)
