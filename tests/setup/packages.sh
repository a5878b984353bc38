#!/usr/bin/env bash
# packages.sh COMMAND…: Debian packages (each named as its command) that the tests need, installed where they are missing.
set -eu
missing=()
for name in "$@"; do
  command -v "$name" >/dev/null || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "gateproof: installing ${missing[*]}" >&2
  { apt-get update && apt-get install --yes --no-install-recommends "${missing[@]}"; } >/dev/null
else
  echo "gateproof: the tests need ${missing[*]}; on Debian: apt-get install ${missing[*]}" >&2; exit 2
fi
