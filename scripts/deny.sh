#!/bin/sh
# The dependency check: bans, licences and sources always; security advisories where their database can be fetched.
# Uses the cargo-deny on the PATH if it is recent, or builds one into target/tools (a minute of one core, the first time only).
set -eu
cd "$(dirname "$0")/.."

version=0.20.2
tools=${CARGO_TARGET_DIR:-target}/tools
deny=$tools/bin/cargo-deny

case "$(cargo-deny --version 2>/dev/null || true)" in
    'cargo-deny 0.2'[0-9].*) installed=yes ;;
    *) installed=no ;;
esac
if [ "$installed" = yes ]; then
    deny=cargo-deny
elif [ ! -x "$deny" ] || [ "$("$deny" --version)" != "cargo-deny $version" ]; then
    echo "Building cargo-deny $version into $tools (the first time only)"
    # Unoptimised: the check takes two seconds even so, and the build is several times shorter.
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR=$tools/build \
        cargo install --quiet --locked --debug --root "$tools" --version "$version" cargo-deny
    rm -rf "$tools/build"
fi

"$deny" --locked check --hide-inclusion-graph bans licenses sources

# A network without a way to the database must not hang the check.
export GIT_TERMINAL_PROMPT=0 GIT_HTTP_LOW_SPEED_LIMIT=1000 GIT_HTTP_LOW_SPEED_TIME=30
bound=''
if command -v timeout >/dev/null 2>&1; then bound='timeout 120'; fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if $bound "$deny" --locked fetch db 2>"$log"; then
    "$deny" --locked --offline check --hide-inclusion-graph advisories
else
    grep -i 'fatal:' "$log" >&2 || cat "$log" >&2
    echo "LEFT OUT: advisories were not checked, for their database could not be fetched (bans, licences and sources were)" >&2
fi
