#!/bin/sh
# Verifies a Gateproof bundle with nothing but a POSIX shell, coreutils and openssl (3.0 or later).
#
#     sh verify.sh BUNDLE SIGNER.pem [TSA-CA.pem]
#
# Take this script and SIGNER.pem from somewhere else than the bundle: whoever changed the bundle can have changed both.
# With TSA-CA.pem the bundle must carry a timestamp of that authority.
set -eu
LC_ALL=C
export LC_ALL
fail() { echo "TAMPERED: $1" >&2; exit 1; }

[ $# -ge 2 ] || { echo "usage: sh verify.sh BUNDLE SIGNER.pem [TSA-CA.pem]" >&2; exit 2; }
[ -d "$1" ] && [ ! -L "$1" ] || fail "$1 is not a folder"
key=$(realpath "$2"); authority=${3:+$(realpath "$3")}
cd "$1"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

# 1. Files and folders only, hidden ones too.
walk() {
    for entry in "$1"* "$1".[!.]* "$1"..?*; do
        if [ -L "$entry" ]; then fail "'$entry' is a symbolic link"
        elif [ -d "$entry" ]; then walk "$entry/"
        elif [ -f "$entry" ]; then printf '%s\n' "$entry"
        elif [ -e "$entry" ]; then fail "'$entry' is neither file nor folder"
        fi
    done
}
walk "" > "$work/all" || exit 1
: > "$work/there"
while IFS= read -r name; do
    case $name in
        SHA256SUMS|attest/statement.dsse.json|attest/signer.pem|attest/signature.tsr|attest/tsa-ca.pem) ;;
        *) printf '%s\n' "$name" >> "$work/there" ;;
    esac
done < "$work/all"

# 2. The manifest: plain relative paths, in order, once each, and exactly the files that are there.
[ -s SHA256SUMS ] || fail "there is no manifest, or it is empty"
[ -z "$(tail -c 1 SHA256SUMS)" ] || fail "the manifest was cut"
: > "$work/listed"
while IFS= read -r line; do
    digest=${line%%  *}; name=${line#*  }
    case $digest in *[!0-9a-f]*) fail "the manifest has a line that is none" ;; esac
    [ ${#digest} -eq 64 ] && [ "$digest  $name" = "$line" ] || fail "the manifest has a line that is none"
    case /$name/ in *[!A-Za-z0-9._/-]*|*//*|*/[!A-Za-z0-9]*) fail "the manifest names '$name'" ;; esac
    printf '%s\n' "$name" >> "$work/listed"
done < SHA256SUMS
sort -c -u "$work/listed" || fail "the manifest is out of order, or names a file twice"
sort "$work/there" | cmp -s - "$work/listed" || fail "files were added or removed: $(sort "$work/there" | comm -3 - "$work/listed" | head -n 1)"
sha256sum --check --strict --quiet SHA256SUMS || fail "files were changed"

# 3. The statement: one payload, one signature, in one spelling.
statement=attest/statement.dsse.json
[ -f "$statement" ] || fail "there is no statement"
field() { cut -d '"' -f "$1" "$statement"; }
printf '{"payload":"%s","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"%s","sig":"%s"}]}\n' \
    "$(field 4)" "$(field 14)" "$(field 18)" | cmp -s - "$statement" || fail "the statement is not one payload with one signature"
field 4 | base64 -d > "$work/payload" && field 18 | base64 -d > "$work/signature" || fail "the statement is not base64"

# 4. The signature is by the key that you trust, over the payload as DSSE encodes it.
[ "$(openssl pkey -pubin -in "$key" -outform DER | sha256sum | cut -d ' ' -f 1)" = "$(field 14)" ] || fail "another key signed"
{ printf 'DSSEv1 28 application/vnd.in-toto+json %s ' "$(wc -c < "$work/payload" | tr -d ' ')"; cat "$work/payload"; } > "$work/pae"
openssl dgst -sha256 -verify "$key" -signature "$work/signature" "$work/pae" > "$work/said" 2>&1 || fail "the signature does not hold"

# 5. The statement vouches for this manifest.
sums=$(sha256sum SHA256SUMS | cut -d ' ' -f 1)
case $(cat "$work/payload") in
    *'"subject":[{"name":"SHA256SUMS","digest":{"sha256":"'"$sums"'"}}'*) ;;
    *) fail "the statement vouches for another manifest" ;;
esac

# 6. The timestamp: the signature was there when the authority says, whose certificate may have expired since.
if [ -n "$authority" ]; then
    [ -f attest/signature.tsr ] || fail "there is no timestamp"
    moment=$(openssl ts -reply -in attest/signature.tsr -text 2>&1 | while IFS= read -r line; do
        case $line in "Time stamp: "*) printf '%s' "${line#Time stamp: }" ;; esac; done)
    openssl ts -verify -data "$work/signature" -in attest/signature.tsr -CAfile "$authority" \
        -attime "$(date -u -d "$moment" +%s)" > "$work/said" 2>&1 || fail "the timestamp does not hold"
    echo "timestamp: $moment"
fi
echo "verified: $(wc -l < "$work/listed" | tr -d ' ') files, signed by $(field 14)"
