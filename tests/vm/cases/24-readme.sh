# The session that README.md shows, as it is.
#
# Any kernel will do.
# shellcheck shell=sh disable=SC2154

# What the session calls wherry: that, with the kernel under test.
make_wherry() {
	cat >"$1" <<-'END'
		#!/bin/sh
		command=$1
		shift
		exec "$WHERRY" "$command" --kernel "$KERNEL" --modules "$MODULES" "$@"
	END
	chmod 755 "$1"
}

# play <SESSION: its commands once more, each with what it says.
play() {
	while IFS= read -r line; do
		case $line in
		'$ '*)
			printf '%s\n' "$line"
			PATH=$PWD/bin:$PATH sh -c "${line#??}" </dev/null 2>&1
			;;
		esac
	done
}

case_readme_session() {
	mkdir bin
	make_wherry bin/wherry
	ln -s "$ROOT" rootfs
	sed -n '/^### A session/,/^##* [^A]/s/^    //p' /srv/README.md >session
	between readme-session-is-there "$(grep -c '^\$ ' session)" 5 20
	play <session >played
	same readme-session session played
}
