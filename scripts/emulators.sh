#!/bin/sh
# Makes .emulators with what scripts/emulators/package-lock.json names, unless it is there and fresh.
# Usage: scripts/emulators.sh     NPM chooses the package manager (default: npm)
set -eu
cd "$(dirname "$0")/.."

npm=${NPM:-npm}
folder=.emulators
lock=package-lock.json
stamp=$folder/.installed.json

if cmp -s "scripts/emulators/$lock" "$stamp" && [ -f "$folder/node_modules/kinesis-local/main.js" ]; then
    exit 0
fi

fail() {
    echo "error: $1" >&2
    exit 1
}

command -v node >/dev/null 2>&1 || fail "there is no node here: install Node 18 or later"
node -e 'process.exit(process.versions.node.split(".")[0] < 18 ? 1 : 0)' \
    || fail "Node $(node --version) is too old: install Node 18 or later"
command -v "$npm" >/dev/null 2>&1 || fail "there is no $npm here: install it (it comes with Node), or name it with NPM=…"

echo "Making $folder from scripts/emulators/$lock (some seconds, the first time only)"
mkdir -p "$folder"
rm -f "$stamp"
cp scripts/emulators/package.json "scripts/emulators/$lock" "$folder"
# The lock file has the packages' checksums, but names no registry: each machine uses its own.
log=$folder/install.log
"$npm" ci --prefix "$folder" --no-audit --no-fund --ignore-scripts >"$log" 2>&1 || {
    cat "$log" >&2
    fail "$npm could not install $lock: see above; it needs a registry of packages (the network, or npm's setting 'registry')"
}
cp "scripts/emulators/$lock" "$stamp"
