# Shares whose state machines have in common, with guests that look at it: Linux
# 6.1 with our own file system modules, and 6.12 as `make guest-kernel` builds
# it, if it has been built: that takes too long for every test.
# shellcheck shell=sh disable=SC2154,SC2016

case_versions() {
	needs_root "lists of access are the host's" || return 0
	own=/srv/guest-kernel
	case $K in
	6.1) use_modules ;;
	*)
		[ -f $own/vmlinuz ] || {
			skip versions "no build/guest-kernel; make guest-kernel"
			return
		}
		KERNEL=$own/vmlinuz
		MODULES=$own
		;;
	esac
	cp /srv/tests/vm/versions.pl "$ROOT/root/"
	looks_cost_nothing
	others_changes_are_seen
	rm -rf /srv/lib "$ROOT/root/versions.pl" "$ROOT"/root/names*
}

# Only here: other cases are about what everybody has.
use_modules() {
	is versions-modules-were-built \
		"$(ls "/srv/guest-modules/$(uname_of_guest)" | tr '\n' ' ')" \
		"fuse.ko virtiofs.ko "
	mkdir -p /srv/lib/wherry
	ln -s /srv/guest-modules /srv/lib/wherry/modules
}

uname_of_guest() {
	basename "$(readlink -f "$MODULES")"
}

# requests WHAT COUNT: all that the server was asked by a guest that does so.
requests() {
	run --stats --root-options cache=shared "$ROOT" -- \
		perl /root/versions.pl "$1" "$2" /root/names
	[ "$status" = 0 ] || return 0
	grep -ao '"count":[0-9]*' err | awk -F: '{ all += $2 } END { print all }'
}

# 10000 looks at each name are no dearer than ten.
looks_cost_nothing() {
	mkdir "$ROOT/root/names"
	echo text >"$ROOT/root/names/file"
	ln -s file "$ROOT/root/names/link"
	few=$(requests look 10)
	many=$(requests look 10000)
	between versions-looks-are-counted "$few" 1 2000
	between versions-looks-cost-nothing $((many - few)) -20 20
	is versions-takes-modules "$(grep -c 'cannot' err)" 0
	# GETATTR, GETXATTR and WRITE (vmm/DESIGN.md, "Shared versions").
	few=$(requests log 10)
	many=$(requests log 1010)
	between versions-appends-cost-three $((many - few)) 2980 3020
	rm -r "$ROOT/root/names"
}

# Results of drive, before its steps.
driven="list-of-guest list-on-host list-of-host-0 list-of-host-1
open-first open-of-guest open-on-host
deaf deaf-sees
mapping-cold mapping-first mapping-other mapping-third mapping-hot
mapping-after mapping-other-way
fault-cold-0 fault-cold-1 fault-of-guest fault-of-host-0 fault-of-host-1
page-cold page-of-both
window-end window-nothing window-read window-write windowless-write window-fault
owner owner-no-more
table-seen table-used table-unchanged table-goes-on-0 table-goes-on-1"

others_changes_are_seen() {
	steps=1000
	[ -z "${FULL-}" ] || steps=100000
	mkdir "$ROOT/root/names"
	status=0
	perl /srv/tests/vm/versions.pl drive "$ROOT/root/names" \
		"$steps" "${SEED:-1}" \
		"$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" \
		--root-options cache=shared "$ROOT" -- \
		perl /root/versions.pl serve /root/names >out 2>err || status=$?
	for what in $driven; do
		is "versions-$what" "$(value "$what")" right
	done
	is versions-are-seen "$status" 0
	is versions-steps "$(value steps)" "$steps"
}
