# Options from a file: the command, its root and its machine, and what the
# command line changes of them.
#
# Any kernel will do.
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

# What is printed runs as what it was printed of.
case_config_printed() {
	run --print-config --env A=line --hostname line --cpus 2 "$ROOT" -- \
		sh -c 'echo "$A $(nproc) $(cat /proc/sys/kernel/hostname)"'
	is config-printed-status "$status" 0
	is config-printed-runs-nothing "$(head -n 1 out)$(wc -c <err)" '{0'
	mv out printed.json
	wherry run --config printed.json
	is config-printed "$(cat out)" 'line 2 line'
	run --print-config --config printed.json
	same config-printed-again printed.json out
	run --print-config --cpus 2 --nonsense "$ROOT"
	ended config-printed-bad 'nonsense'
}

# What configs/ has, as its README.md says it is used.
case_config_examples() {
	echo source >source
	run --config /srv/configs/ci.json "$ROOT"
	is config-ci-status "$status" 0
	is config-ci-sees-sources "$(grep -x source out)" source
	is config-ci-changes-no-root "$(ls "$ROOT/checked" 2>/dev/null)" ''
	is config-ci-has-stats "$(grep -c '^{"shares"' err)" 1
	echo hello >request
	status=0
	"$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" \
		--config /srv/configs/function.json "$ROOT" \
		<request >out 2>err || status=$?
	is config-function-status "$status" 0
	is config-function "$(cat out)" HELLO
	run --config /srv/configs/shell.json "$ROOT" -- sh -c '
		hostname=$(cat /proc/sys/kernel/hostname)
		touch /scratched && echo "$hostname $(nproc)"'
	is config-shell "$(cat out)" 'scratch 2'
	is config-shell-changes-no-root "$(ls "$ROOT/scratched" 2>/dev/null)" ''
}
