#!/usr/bin/env bash
# environment.sh PYTHON DIR: a fresh virtual environment, or one clear sentence why there is none.
set -eu
python=$1 dir=$2

command -v "$python" >/dev/null || { echo "gateproof: '$python' was not found; install Python 3.11 or newer, or say make PYTHON=/path/to/python3" >&2; exit 2; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "gateproof: $("$python" --version) is too old; Python 3.11 or newer is needed (make PYTHON=…)" >&2; exit 2; }

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  # Debian ships venv and ensurepip in a package of their own.
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "gateproof: installing python3-venv" >&2
    { apt-get update && apt-get install --yes --no-install-recommends python3-venv; } >/dev/null
  else
    echo "gateproof: '$python' has no venv module; on Debian: apt-get install python3-venv" >&2; exit 2
  fi
fi
echo "gateproof: setting up $dir from the locked requirements" >&2
"$python" -m venv --clear "$dir"
