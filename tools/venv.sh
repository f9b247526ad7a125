#!/bin/sh
# Makes .venv with a Python of at least 3.11, and says what to do where that is not possible.
# Use: PYTHON=python3.12 tools/venv.sh
set -eu

python=${PYTHON:-python3}

fail() {
	printf '%s\n' "" "$@" >&2
	exit 1
}

# True where this script may install Debian packages without asking anybody.
may_install() {
	command -v apt-get >/dev/null 2>&1 && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

command -v "$python" >/dev/null 2>&1 ||
	fail "'$python' was not found. Install Python 3.11 or later (on Debian: apt-get install python3 python3-venv)" \
		"or name the one to use: make site PYTHON=/path/to/python3.12"

version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
	fail "'$python' is Python $version, and Answerable needs 3.11 or later." \
		"Name a newer one: make site PYTHON=/path/to/python3.12"

# Debian keeps ensurepip, which venv needs, in a package of its own.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
	if may_install; then
		echo "Python $version has no venv module: installing python$version-venv" >&2
		as_root apt-get update -qq
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			"python$version-venv" >/dev/null
	else
		fail "Python $version has no venv module. On Debian or Ubuntu: sudo apt-get install python$version-venv"
	fi
fi

exec "$python" -m venv --clear .venv
