#!/usr/bin/env bash
# Makes the virtual environment with exactly the pinned requirements. Usage: bootstrap.sh PYTHON VENV LOCKFILE
set -euo pipefail
python=$1 venv=$2 lock=$3

"$python" - <<'P' || { echo "histotwin needs Python 3.11, 3.12 or 3.13; $($python --version 2>&1) was found. Try: make PYTHON=python3.12 …" >&2; exit 1; }
import sys
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
P

if ! [ -x "$venv/bin/pip" ]; then
  rm -rf "$venv"
  if ! "$python" -m venv "$venv" >/dev/null 2>&1; then
    # Debian and Ubuntu keep venv in a package of its own
    [ "$(id -u)" = 0 ] || { echo "python3-venv is missing. Run: sudo apt-get install python3-venv" >&2; exit 1; }
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
    "$python" -m venv "$venv"
  fi
fi
echo "Installing $lock into $venv …"
"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$lock"
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
