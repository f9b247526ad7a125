#!/bin/sh
# Makes sure of what the browser tests need, and prints the path of a Chromium: $ANSWERABLE_CHROMIUM, the system's, or
# Debian's, which it installs. Everything else that it has to say goes to the standard error.
set -eu

find_browser() {
	for name in chromium chromium-browser google-chrome google-chrome-stable; do
		command -v "$name" && return 0
	done
	return 1
}

# Playwright brings its own Node, which needs a system library that a small Debian lacks.
driver_runs() {
	.venv/bin/python -m playwright --version >/dev/null 2>&1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Installs Debian packages; says no where it may not.
debian() {
	command -v apt-get >/dev/null 2>&1 || return 1
	[ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null || return 1
	echo "Installing for the browser tests: $*" >&2
	as_root apt-get update -qq >&2
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

fail() {
	printf '%s\n' "" "$@" >&2
	exit 1
}

if ! driver_runs; then
	debian libatomic1 || true
	driver_runs || fail "Playwright does not start; see why with: .venv/bin/python -m playwright --version" \
		"Where libatomic.so.1 is missing (on Debian): sudo apt-get install libatomic1"
fi

if [ -n "${ANSWERABLE_CHROMIUM:-}" ]; then
	[ -x "$ANSWERABLE_CHROMIUM" ] || fail "ANSWERABLE_CHROMIUM=$ANSWERABLE_CHROMIUM is not a program that can be run."
	echo "$ANSWERABLE_CHROMIUM"
	exit 0
fi

# Without a font, text has no size, and layout tests would look at empty boxes.
find_browser || { debian chromium fonts-dejavu-core && find_browser; } ||
	fail "The browser tests need Chromium or Chrome, and none was found. Either" \
		"  install one (on Debian: sudo apt-get install chromium), or" \
		"  name one: make test ANSWERABLE_CHROMIUM=/path/to/chrome"
