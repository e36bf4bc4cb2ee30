# Options from a file: the command, its root and its machine, and what the
# command line changes of them.
# shellcheck shell=sh disable=SC2154,SC2016

write_config() {
	cat <<-END
	{
		"rootfs": "$ROOT", "kernel": "$KERNEL", "modules": "$MODULES",
		"cpus": 2, "memory": "300M", "workdir": "/tmp",
		"hostname": "file", "env": ["A=file", "B=file"],
		"share": ["offered:tag"], "command": ["sh", "-c", "echo file"]
	}
	END
}

case_config() {
	mkdir offered
	echo shared >offered/file
	write_config >config.json
	wherry run --hostname line --config config.json --env A=line -- sh -c '
		echo "$A $B $(pwd) $(nproc) $(cat /proc/sys/kernel/hostname)"
		mkdir /tmp/a && mount -t virtiofs tag /tmp/a && cat /tmp/a/file
		umount /tmp/a && rmdir /tmp/a'
	is config-status "$status" 0
	printf '%s\n' 'line file /tmp 2 line' shared >wanted
	same config wanted out
	wherry run --config config.json
	is config-command-status "$status" 0
	is config-command "$(cat out)" file
}
