# Programs that use files hard, in a guest: all goes as on a local file system.
# shellcheck shell=sh disable=SC2154

# results_of PREFIX FILE: each line "ok NAME", "not ok NAME: WHY" or
# "skip NAME: WHY" that a test program printed becomes a result.
results_of() {
	while IFS= read -r line; do
		why=${line#*: }
		case $line in
		"ok "*) pass "$1-${line#ok }" ;;
		"not ok "*)
			name=${line#not ok }
			fail "$1-${name%%: *}" "$why"
			;;
		"skip "*)
			name=${line#skip }
			skip "$1-${name%%: *}" "$why"
			;;
		esac
	done <"$2"
}

# What the suite says, with those lines turned round of which it is known that
# they differ (tests/posix/expected).
judge_suite() {
	awk -v kernel="$K" '
		FILENAME ~ /expected$/ {
			if ($1 == "all" || $1 == "auto" || $1 == kernel)
				known[$2] = 1
			next
		}
		{ name = $1 == "not" ? $3 : $2; sub(/:$/, "", name) }
		!(name in known) { print; next }
		/^not ok / { print "ok " name; next }
		/^ok / { print "not ok " name ": differs no more" }
	' /srv/tests/posix/expected "$1"
}

# Cases of the suite whose way through a guest is not the same as that through
# /dev/fuse (tests/posix/run); FULL runs all of them.
suite_cases='^(append|direct|unlinked|hole)-'

# Two kinds of a test in one guest: what POSIX and Linux promise, with random
# operations beside a model of a file; and an overlay whose upper layer is on
# the share.
case_load_rules() {
	dir=$ROOT/root/rules
	[ -z "$FULL" ] || suite_cases=.
	mkdir "$dir" "$dir/suite.d" "$dir/overlay"
	cp /srv/bin/suite /srv/bin/fsx "$dir"
	make_layers "$dir/overlay"
	run --workdir /root/rules "$ROOT" -- sh -c '
		./suite -m auto suite.d "$1" >suite.out 2>&1
		./fsx -s 1 -n '"${FULL:+100}"'200 file >fsx.out 2>&1
		echo "fsx-status $?"
		cd overlay && sh ./script "$2" >../overlay.out 2>&1
		echo "overlay-status $?"' - "$suite_cases" "${AS:+,userxattr}"
	is rules-status "$status" 0
	judge_suite "$dir/suite.out" >judged
	results_of suite judged
	like suite-ran-all "$dir/suite.out" '^# suite: [1-9][0-9]+ passed'
	is fsx-status "$(value fsx-status)" 0
	check_overlay
	rm -rf "$dir"
}

# An overlay keeps in attributes and device nodes what it needs to know, and
# complains in the log.
check_overlay() {
	is overlay-status "$(value overlay-status)" 0
	results_of overlay "$dir/overlay.out"
	# Linux 6.1 is not offered files without names (devices/fs/file.c).
	known=
	[ "$K" != 6.1 ] || known='overlayfs: upper fs does not support tmpfile.'
	is overlay-log "$(sed -n 's/^log //p' "$dir/overlay.out" |
		grep -vxF "$known")" ''
	upper=$dir/overlay/upper
	is overlay-whiteout-is-a-node "$(stat -c '%F %t:%T' "$upper/gone")" \
		'character special file 0:0'
	is overlay-copied-up "$(tr '\n' ' ' <"$upper/file")" 'old new '
	is overlay-copied-up-owner "$(stat -c '%u:%g %a %Y' "$upper/owned")" \
		"$copied 1000000000"
	list_tree "$dir/overlay/lower" >after
	same overlay-lower-untouched before after
}

# make_layers DIR: the list of what is in the lower one is the file "before".
make_layers() {
	lower=$1/lower
	mkdir -p "$lower/dir" "$lower/tree/deep" "$1/upper" "$1/work" \
		"$1/merged"
	for name in file gone moved owned dir/a dir/b tree/deep/leaf; do
		echo old >"$lower/$name"
	done
	chown 12:34 "$lower/owned"
	copied="12:34 2711"
	# The only owner there is; set-ID bits stay in an attribute.
	[ "$AS" != one ] || chown 0:0 "$lower/owned"
	[ "$AS" != one ] || copied="0:0 711"
	chmod 2711 "$lower/owned"
	touch -d @1000000000 "$lower/owned"
	list_tree "$lower" >before
	unpack_module fs/overlayfs/overlay "$1"
	overlay_script >"$1/script"
}

# unpack_module PATH DIR: the kernel's module as DIR/NAME.ko.
unpack_module() {
	file=$(echo "$MODULES/kernel/$1.ko"*)
	case $file in
	*.xz) busybox unxz -c "$file" >"$2/${1##*/}.ko" ;;
	*) cp "$file" "$2/" ;;
	esac
}

# Runs in the guest.
overlay_script() {
	cat <<-'END'
		check() {
			name=$1
			shift
			if why=$("$@" 2>&1); then
				echo "ok $name"
			else
				echo "not ok $name: $why"
			fi
		}
		is() {
			if [ "$2" = "$3" ]; then
				echo "ok $1"
			else
				echo "not ok $1: got '$2', wanted '$3'"
			fi
		}
		names() {
			ls "$1" | tr "\n" " "
		}
		mount_overlay() {
			mount -t overlay overlay merged -o \
				lowerdir=lower,upperdir=upper,workdir=work$1
		}

		check module busybox insmod overlay.ko
		check mounts mount_overlay "$1"
		cd merged
		echo new >>file
		is copy-up "$(cat file)" "$(printf 'old\nnew')"
		check removes rm gone
		touch -a -d @1000000001 owned
		check removes-a-directory rm -r dir
		check makes-it-again mkdir dir
		is opaque-directory "$(names dir)" ""
		check renames mv moved dir/there
		check renames-a-lower-directory mv tree dir/tree
		check makes-a-link ln dir/there linked
		check exchanges sh -c 'echo x >x && mv x linked'
		is names "$(names .)$(names dir)" \
			"dir file linked owned there tree "
		cd ..
		check unmounts umount merged
		check mounts-again mount_overlay "$1"
		is names-again "$(names merged)$(names merged/dir)" \
			"dir file linked owned there tree "
		is text-again "$(cat merged/file merged/dir/tree/deep/leaf |
			tr '\n' ' ')" "old new old "
		check removes-all sh -c 'rm -r merged/*'
		is nothing-left "$(names merged)" ""
		umount merged
		# All is done again without the last step, for the host to see.
		rm -rf upper work && mkdir upper work
		mount_overlay "$1"
		echo new >>merged/file && rm merged/gone
		chmod 2711 merged/owned
		umount merged
		dmesg | sed -n 's/.*\(overlayfs: .*\)/log \1/p'
	END
}

# The file-system stressors of stress-ng for which the way through a guest is
# not the same as that through /dev/fuse, each until it has done a little; FULL
# takes the others, too (tests/posix/run). lockf and lockofd are not among them:
# they signal a child that may be waiting for a lock of their own, and wait for
# its end, which may never come (README, limits). Nor are those that were not
# done after 50 s here: link and symlink, which make 8192 names, fpunch and
# inode-flags.
stressors="flock:100 locka:20 fcntl:20 rename:50 chmod:5 utime:20 access:5
fstat:20 dir:20 getdent:5 copy-file:5 iomix:20 hdd:20 xattr:3"
stressors_full="chattr:5 chdir:64 chown:20 dentry:64 dirdeep:50 dirmany:20
dnotify:3 dup:20 fallocate:3 fanotify:3 file-ioctl:3 filename:20 fsize:5
handle:10 inotify:1 lease:20 mknod:5 open:50 sync-file:1 touch:50"

stress_options="--seed 1 --verify --dentries 64 --chdir-dirs 64 \
--fallocate-bytes 4M --hdd-bytes 1M --iomix-bytes 4M --sync-file-bytes 2M \
--dirdeep-inodes 64"

# One after the other, and each is seen to end well.
case_load_stress() {
	dir=$ROOT/root/stress
	mkdir "$dir"
	count=0
	for stressor in $stressors ${FULL:+$stressors_full}; do
		echo "stress-ng $stress_options --temp-path /root/stress" \
			"--${stressor%:*} 1 --${stressor%:*}-ops ${stressor#*:}"
		count=$((count + 1))
	done >"$dir/script"
	run "$ROOT" -- sh -c 'ulimit -n 256
		sh -e /root/stress/script 2>&1'
	is stress-status "$status" 0
	is stress-completed "$(grep -c 'successful run completed' out)" "$count"
	is stress-complaints "$(grep -Ei 'fail|error|abort|skip|warn' out)" ''
	rm -rf "$dir"
}

# A parallel build, on two processors, makes byte for byte what it makes on the
# host. FULL takes a compiler that needs seconds for a file here.
case_load_build() {
	dir=$ROOT/root/project
	mkdir "$dir"
	make_project 30 "$dir"
	cp -r "$dir" host
	compiler=CC=tcc
	[ -z "$FULL" ] || compiler=CC=gcc
	run --cpus 2 --workdir /root/project "$ROOT" -- sh -c "
		make -s -j2 $compiler && ./program"
	is build-status "$status" 0
	check_project
	rm -rf "$dir"
}

check_project() {
	is build-runs "$(head -n 1 out)" 435
	(cd host && make -s -j2 "$compiler")
	is build-objects "$(find "$dir" -name '*.o' | wc -l)" 31
	is build-equal "$(cd host && sha256sum -- *)" \
		"$(cd "$dir" && sha256sum -- *)"
}

# make_project COUNT DIR: so many files of C, and one that calls them all.
make_project() {
	cat >"$2/Makefile" <<-'END'
		OBJ := $(patsubst %.c,%.o,$(sort $(wildcard *.c)))
		program: $(OBJ); $(CC) -o $@ $^
		$(OBJ): %.o: %.c all.h; $(CC) -O1 -c -o $@ $<
	END
	{
		echo '#include "all.h"'
		echo 'int printf(const char *format, ...);'
		echo 'int main(void) { int sum = 0;'
	} >"$2/main.c"
	n=0
	while [ "$n" -lt "$1" ]; do
		echo "int f$n(void);" >>"$2/all.h"
		printf '#include "all.h"\nint f%s(void) { return %s; }\n' \
			"$n" "$n" >"$2/f$n.c"
		echo "sum += f$n();" >>"$2/main.c"
		n=$((n + 1))
	done
	printf '%s\n' 'printf("%d\n", sum); return 0; }' >>"$2/main.c"
}
