#!/usr/bin/env bash
# peers.sh PYTHON DIR REQUIREMENTS: what the bench stands beside: LiteLLM in an environment in DIR, and nginx.
set -eu
python=$1 dir=$2 requirements=$3
here=$(dirname "$0")

bash "$here/environment.sh" "$python" "$dir"
"$dir/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --no-deps -r "$requirements"

# A user's path often lacks /usr/sbin, where Debian puts it.
if PATH=$PATH:/usr/sbin command -v nginx >/dev/null; then exit 0; fi
if ! command -v apt-get >/dev/null; then
  echo "gateproof: nginx was not found and cannot be fetched without apt-get; install it for the measurements beside it" >&2; exit 0
fi
# Unpacked, not installed: the package would start a server on port 80, and nothing outside DIR need change.
echo "gateproof: fetching nginx into $dir/nginx" >&2
packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
if [ "$(id -u)" = 0 ]; then apt-get update >/dev/null; fi
(cd "$packages" && apt-get -o APT::Sandbox::User=root download nginx >/dev/null)
dpkg-deb --extract "$packages"/nginx_*.deb "$dir/nginx"
"$dir/nginx/usr/sbin/nginx" -v
