#!/usr/bin/env bash
# packages.sh PACKAGE[:PROOF]…: Debian packages that the tests need, installed where they are missing. A package is there when
# its proof is: a command, or a glob of paths; without one, the command of the package's name.
set -eu
missing=()
for wanted in "$@"; do
  package=${wanted%%:*} proof=${wanted#*:}
  command -v "$proof" >/dev/null || compgen -G "$proof" >/dev/null || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "gateproof: the tests need ${missing[*]}; on Debian: apt-get install ${missing[*]}" >&2; exit 2
fi
echo "gateproof: installing ${missing[*]}" >&2
# Tests start servers of their own: the packages' must not run beside them (invoke-rc.d asks this file before it starts any).
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
{ apt-get update && apt-get install --yes --no-install-recommends "${missing[@]}"; } >/dev/null
