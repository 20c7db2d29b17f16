#!/bin/sh
# Makes .venv with what scripts/requirements.txt names, unless it is there and fresh.
# Usage: scripts/venv.sh     PYTHON chooses the interpreter (default: python3)
set -eu
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
wanted=scripts/requirements.txt
stamp=.venv/.requirements.txt

if cmp -s "$wanted" "$stamp" && .venv/bin/python -c '' 2>/dev/null; then
    exit 0
fi

fail() {
    echo "error: $1" >&2
    exit 1
}

command -v "$python" >/dev/null 2>&1 || fail "there is no $python here: install Python 3.10 or later, or name it with PYTHON=…"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
    || fail "$("$python" --version) is too old: install Python 3.10 or later, or name it with PYTHON=…"
"$python" -c 'import venv, ensurepip' 2>/dev/null \
    || fail "$python lacks the venv module: install it (Debian, Ubuntu: apt install python3-venv)"

echo "Making .venv from $wanted (some ten seconds, the first time only)"
# Created again: an environment that is incomplete, or was moved, is not worth fixing.
"$python" -m venv --clear .venv || fail "$python -m venv failed: see above"
PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip install --quiet --no-input --requirement "$wanted" \
    || fail "pip could not install $wanted: see above; it needs a Python package index (the network, or PIP_INDEX_URL)"
cp "$wanted" "$stamp"
