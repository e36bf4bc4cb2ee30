# What a command finds around it, and that nothing is left in its root.
# shellcheck shell=sh disable=SC2154,SC2016

case_environment() {
	list_tree "$ROOT" >before
	run --env A=b --env 'C=x  y=z' --workdir /usr/share "$ROOT" -- sh -c '
		echo "A $A"
		echo "C $C"
		echo "pwd $(pwd)"
		echo "hostname $(hostname)"
		echo "user $(id -u):$(id -g)"
		echo "root $(stat -f -c %T /)"
		echo "lo $(($(cat /sys/class/net/lo/flags) & 1))"
		echo "cmdline $(tr "\0" " " </proc/self/cmdline | wc -w)"
		while read -r _ dir type _; do
			echo "mount-$dir $type"
		done </proc/mounts
		echo a >/run/file && echo b >/dev/shm/file
		echo "written $(cat /run/file /dev/shm/file | tr -d "\n")"'
	list_tree "$ROOT" >after
	check_environment
	same environment-root-untouched before after
}

check_environment() {
	is environment-status "$status" 0
	is environment-variable "$(value A)" b
	is environment-blanks "$(value C)" 'x  y=z'
	is environment-workdir "$(value pwd)" /usr/share
	like environment-hostname out '^hostname [a-z]'
	is environment-user "$(value user)" 0:0
	is environment-lo-up "$(value lo)" 1
	is environment-can-write "$(value written)" ab
	for mount in / virtiofs /proc proc /sys sysfs /dev devtmpfs \
		/dev/pts devpts /dev/shm tmpfs /run tmpfs; do
		case $mount in
		/*) dir=$mount ;;
		*) like "environment-mount-$dir" out "^mount-$dir $mount\$" ;;
		esac
	done
}

# All that says where a command runs, in one boot; and one that cannot.
case_place() {
	printf '# A comment\nA=file\nB= b \nCALLERS\nUNSET\n' >env-file
	export CALLERS='of the caller' OTHER=too
	run --user games --group-add tty --group-add 4242 --env A=option \
		--env-file env-file --env OTHER --hostname a-place.test \
		--ulimit nofile=123:456 --ulimit core=unlimited \
		--cap-drop ALL --cap-add chown --cap-add CAP_NET_ADMIN \
		--workdir /var "$ROOT" -- sh -c '
		echo "ids $(id -u) $(id -G)"
		echo "home $HOME"
		echo "hostname $(uname -n)"
		echo "variables $A,$B,$CALLERS,$OTHER,${UNSET-none}"
		echo "limits $(ulimit -Sn) $(ulimit -Hn) $(ulimit -c)"
		echo "pwd $(pwd)"
		echo "effective $(sed -n "s/CapEff:.//p" /proc/self/status)"
		echo "bounding $(sed -n "s/CapBnd:.//p" /proc/self/status)"
		echo "opened yes" >/dev/stdout
		echo "tmp $(umask 077 && : >/tmp/place.$$ &&
			stat -c %u:%g /tmp/place.$$; rm /tmp/place.$$)"'
	is place-status "$status" 0
	is place-ids "$(value ids)" '5 60 5 4242'
	is place-home "$(value home)" /usr/games
	is place-hostname "$(value hostname)" a-place.test
	is place-variables "$(value variables)" \
		'option, b ,of the caller,too,none'
	is place-limits "$(value limits)" '123 456 unlimited'
	is place-workdir "$(value pwd)" /var
	is place-no-capability "$(value effective)" 0000000000000000
	is place-bounding-set "$(value bounding)" 0000000000001001
	is place-stdout-can-be-opened "$(value opened)" yes
	is place-files-are-the-users "$(value tmp)" 5:60
	run --cap-drop SYS_ADMIN "$ROOT" -- sh -c '
		grep -q "CapEff:.0*1ffffdfffff$" /proc/self/status &&
			! mount -t tmpfs tmpfs /tmp'
	is place-root-without-a-capability "$status" 0
	run --user nobody-known "$ROOT" -- true
	ended place-unknown-user "user 'nobody-known'.*/etc/passwd"
}

# No option and no command: a shell, under the newest kernel of /boot.
case_defaults() {
	wherry run "$ROOT" <<-'END'
		echo "shell $0"
		echo "pwd $(pwd)"
		echo "uname $(uname -r)"
		exit 7
	END
	is default-status "$status" 7
	is default-command "$(value shell)" /bin/sh
	is default-workdir "$(value pwd)" /
	is default-kernel "$(value uname)" "$(basename "$MODULES")"
}
