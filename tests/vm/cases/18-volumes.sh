# Volumes, and roots that stay as they are.
# shellcheck shell=sh disable=SC2154,SC2016

# in_guest STATUS [OPTION...] ROOTFS COMMAND...
in_guest() {
	want=$1
	shift
	status=0
	"$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" "$@" \
		</dev/null >out 2>err || status=$?
	is "$case-status" "$status" "$want"
}

# said NAME KEY VALUE
said() {
	is "$case-$1" "$(value "$2")" "$3"
}

# What is to stay as it is: all but what reading changes.
record() {
	find "$1" -path "$1/var/tmp" -prune -o \
		-printf '%P %y %m %U %G %s %T@ %n %l\n' | sort
	find "$1/root/tree" -type f -exec cat {} +
}

# Nested, in the order in which nobody could mount them; in a file system of the
# guest's own the mount point is made.
case_volumes() {
	mkdir -p outer/sub "in ner" made
	echo outer >outer/f
	echo inner >"in ner/f"
	: >made/f
	set -- # as many as there can be
	for i in 4 5 6 7 8 9 10 11 12 13 14 15; do
		set -- "$@" -v "made:/run/more/$i"
	done
	in_guest 0 -v "$PWD/in ner:/mnt/sub/:ro" -v made:/run/a/b "$@" \
		--volume "$PWD/outer://mnt:cache=none" "$ROOT" -- sh -c '
		echo "outer $(cat /mnt/f)"
		echo "inner $(cat /mnt/sub/f)"
		echo new >/mnt/new
		echo new 2>/dev/null >/mnt/sub/new; echo "refused $?"
		echo new >/run/a/b/f
		echo "types $(stat -f -c %T /mnt /mnt/sub /run/a/b /run | tr "\n" " ")"
		echo "read-only $(grep -c " /mnt/sub virtiofs ro" /proc/mounts)"
		echo "all $(cat /run/more/*/f | tr "\n" " ")"'
	said outer outer outer
	said inner inner inner
	said refused refused 2
	said types types "fuseblk fuseblk fuseblk tmpfs "
	said mounted-read-only read-only 1
	said all all "new new new new new new new new new new new new "
	is volumes-written "$(cat outer/new made/f | tr '\n' ' ')" "new new "
	is volumes-read-only "$(ls "in ner")" f
}

# Nothing is written into ROOTFS: what is not there is not made there.
case_volume_nowhere() {
	mkdir here
	in_guest 125 -v here:/no/such/place "$ROOT" -- true
	like volume-nowhere-says-so err \
		"^wherry: volume '/no/such/place': no such directory in ROOTFS or the volume there; make it, or give --overlay"
	is volume-nowhere-is-not-made "$(ls -d "$ROOT/no" 2>/dev/null)" ""
	in_guest 125 -v here/nothing:/mnt "$ROOT" -- true
	like volume-missing-says-so err \
		'^wherry: --volume HOST here/nothing: No such file or directory; give a directory or a regular file'
	in_guest 125 --ro "$ROOT" -- sh -c 'echo >/root/new || exit 125'
	like ro-is-refused err 'Read-only file system'
}

# A single file, in three places: over one of ROOTFS's, in a volume, and where
# there is none yet. Its neighbours are nobody's, whatever the guest tries.
case_volume_file() {
	mkdir host volume
	echo one >host/one
	echo two >host/two
	echo secret >host/secret
	: >volume/f
	in_guest 0 -v "$PWD/host/one:/run/a/one" -v volume:/mnt -v host/two:/mnt/f \
		-v host/two:/etc/passwd:ro "$ROOT" -- sh -c '
		echo "places $(cat /run/a/one /mnt/f /etc/passwd | tr "\n" " ")"
		echo "kinds $(stat -c %F /run/a/one | tr " " -) $(ls /run/a)"
		echo new >>/run/a/one; echo "wrote $?"
		echo new 2>/dev/null >/etc/passwd; echo "read-only $?"
		mv /run/a/one /run/a/x 2>/dev/null; rm -f /run/a/one 2>/dev/null
		echo "stays $(ls /run/a)"
		mkdir /run/t && mount -t virtiofs wherry-volume-1 /run/t && cd /run/t
		echo "shown $(ls -A | tr "\n" " ")"
		touch new 2>/dev/null; echo "create $?"
		mkdir new 2>/dev/null; echo "mkdir $?"
		mv file new 2>/dev/null; echo "rename $?"
		ln file new 2>/dev/null; echo "link $?"
		rm -f file 2>/dev/null; echo "remove $?"
		chmod 777 . 2>/dev/null; echo "chmod $?"
		cat secret ./../secret ../secret file/../secret 2>/dev/null
		echo "siblings $?"
		cat file >/dev/null; echo "left $?"'
	said places places "one two two "
	said kinds kinds "regular-file one"
	said written wrote 0
	said read-only-refused read-only 2
	said stays stays one
	said shown shown "file "
	for what in create mkdir rename link remove chmod siblings; do
		said "$what-refused" "$what" 1
	done
	said left left 0
	is volume-file-written "$(cat host/one | tr '\n' ' ')" "one new "
	is volume-file-others "$(ls host | tr '\n' ' ')$(cat host/secret host/two |
		tr '\n' ' ')" "one secret two secret two "
	is volume-file-is-not-secret "$(grep -c secret out)" 0
}

# What cannot be, and why.
case_volume_file_nowhere() {
	: >file
	mkfifo fifo
	in_guest 125 -v file:/no/such/place "$ROOT" -- true
	like volume-file-nowhere-says-so err \
		"^wherry: volume '/no/such/place': no such file in ROOTFS or the volume there; make it, or give --overlay"
	is volume-file-is-not-made "$(ls -d "$ROOT/no" 2>/dev/null)" ""
	in_guest 125 -v file:/mnt "$ROOT" -- true
	like volume-file-on-directory err \
		"^wherry: volume '/mnt': HOST is a file, and this a directory; give the path of a file\$"
	in_guest 125 -v fifo:/mnt "$ROOT" -- true
	like volume-of-fifo err \
		'^wherry: --volume HOST fifo: Not a directory; give a directory or a regular file$'
	for host in /proc/version /proc/sys /sys/kernel/mm/ksm/run; do
		in_guest 125 -v $host:/etc/passwd "$ROOT" -- true
		like volume-of-$host err "^wherry: --volume HOST $host: an \
interface of the host's kernel \((proc|sysfs)\), which is not shared; give a copy\$"
	done
	in_guest 125 --no-sandbox -v file:/etc/passwd "$ROOT" -- true
	like volume-file-without-sandbox err \
		'^wherry: --volume HOST file: a single file, which takes the sandbox; leave --no-sandbox out, or give its directory$'
}

make_tree() {
	tree=$ROOT/root/tree
	rm -rf "$tree"
	mkdir -p "$tree/dir/below" "$tree/opaque" "$tree/full"
	echo lower >"$tree/file"
	echo lower >"$tree/dir/below/file"
	echo lower >"$tree/opaque/old"
	echo lower >"$tree/full/file"
	ln "$tree/file" "$tree/link"
	ln -s file "$tree/symlink"
	chmod 640 "$tree/file"
}

# Copy-up, whiteouts, opaque directories, a directory that is renamed.
change='
	cd /root/tree
	echo upper >>file
	rm dir/below/file
	rm -r opaque; mkdir opaque; echo new >opaque/new
	mv full moved || { cp -a full moved && rm -r full; }
	chown 1:2 symlink -h; chmod 600 link
	mkdir /made; echo new >/made/file'
look='
	cd /root/tree
	echo "file $(cat file | tr "\n" " ")"
	echo "mode $(stat -c %a file)"
	echo "below $(ls -A dir/below | wc -l)"
	echo "opaque $(ls opaque)"
	echo "moved $(cat moved/file) $(ls -d full 2>&1 | grep -c "No such")"
	echo "made $(cat /made/file)"'

# check_look NAME
check_look() {
	said "$1-copied-up" file "lower upper "
	said "$1-mode" mode 640
	said "$1-whiteout" below 0
	said "$1-opaque" opaque new
	said "$1-renamed" moved "lower 1"
	said "$1-made" made new
}

case_overlay_memory() {
	make_tree
	mkdir src
	echo source >src/file
	record "$ROOT" >before
	in_guest 0 --overlay -v src:/src/here:ro "$ROOT" -- sh -c "$change
		$look"'
		echo "source $(cat /src/here/file)"
		echo "root $(stat -f -c %T /) $(stat -c %a /)"'
	check_look overlay-memory
	said source source source
	said root root "overlayfs $(stat -c %a "$ROOT")"
	record "$ROOT" >after
	same overlay-memory-untouched before after
}

# The next machine goes on where the last one ended.
case_overlay_directory() {
	make_tree
	mkdir changes
	record "$ROOT" >before
	in_guest 0 --overlay="$PWD/changes" "$ROOT" -- sh -c "$change"
	in_guest 0 --overlay="$PWD/changes" "$ROOT" -- sh -c "$look"
	check_look overlay-directory
	record "$ROOT" >after
	same overlay-directory-untouched before after
	is overlay-directory-result "$(cat changes/upper/made/file)" new
	# Not by two at once.
	mkfifo ready go
	"$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" \
		--overlay="$PWD/changes" "$ROOT" -- \
		sh -c 'echo ready; read -r go; echo mine >/mine' \
		<go >ready 2>first &
	exec 7>go
	read -r line <ready
	is overlay-directory-first "$line" ready
	in_guest 125 --overlay=changes/../changes "$ROOT" -- true
	like overlay-directory-is-locked err \
		'^wherry: --overlay changes/../changes: another machine uses it'
	echo go >&7
	exec 7>&-
	wait $! && in_guest 0 --overlay="$PWD/changes" "$ROOT" -- cat /mine
	is overlay-directory-goes-on "$(cat out)" mine
	in_guest 125 --overlay=nowhere "$ROOT" -- true
	like overlay-missing-says-so err '^wherry: --overlay HOST nowhere: No such file'
	rm -rf "$tree"
}
