#!/bin/sh
# Checks that every script of the project parses.
set -eu
cd "$(dirname "$0")/.."

for script in scripts/*.sh; do sh -n "$script"; done
for script in scripts/emulators/*.js; do node --check "$script"; done
if command -v bash >/dev/null 2>&1; then bash -n .ci/run; fi
"${PYTHON:-python3}" - <<'PYTHON'
import ast, pathlib

for folder in ("scripts", "demo", "tests/clients"):
    for script in pathlib.Path(folder).rglob("*.py"):
        ast.parse(script.read_text(encoding="utf-8"), str(script))
PYTHON
