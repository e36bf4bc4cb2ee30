# Lines of tests/bench/vm's samples: tables of medians, and JSON (variable json).
# Contenders are in the order of the variable names. Counts of a row are less
# what its two lines cost at least (row "nothing").

BEGIN {
	FS = "\t"
	name_cnt = split(names, name, " ")
}

NF < 5 { next }
!($3 in seen) { seen[$3]; row[++row_cnt] = $3 }
{
	ops[$3] = $4
	for (i = 5; i <= NF; i++)
		list[$3, $1, i] = list[$3, $1, i] " " $i
}

function median(text, at, n, i, j, x) {
	n = split(text, at, " ")
	for (i = 2; i <= n; i++) {
		x = at[i] + 0
		for (j = i; j > 1 && at[j - 1] + 0 > x; j--)
			at[j] = at[j - 1]
		at[j] = x
	}
	if (!n)
		return 0
	return n % 2 ? at[(n + 1) / 2] : (at[n / 2] + at[n / 2 + 1]) / 2
}

function least(text, at, n, i, x) {
	n = split(text, at, " ")
	x = at[1]
	for (i = 2; i <= n; i++)
		if (at[i] + 0 < x + 0)
			x = at[i]
	return x
}

# Of column i
function value(r, n, i, x) {
	x = median(list[r, n, i])
	if (is_load(r))
		x -= least(list["nothing", n, i])
	return x < 0 ? 0 : x
}

function is_load(r) {
	return r !~ /^(boot|KiB|nothing)/
}

function show(x) {
	return sprintf(x >= 100 ? "%d" : x >= 10 ? "%.1f" : "%.2f", x)
}

function heading(first, i, line) {
	printf "\n| %s |", first
	for (i = 1; i <= name_cnt; i++) {
		printf " %s |", name[i]
		line = line "--:|"
	}
	print "\n|---|" line
}

# Counts per operation: exits, to the monitor, system calls of both processes
function counts(r, n) {
	if (!((r, n, 7) in list))
		return "-"
	return show(value(r, n, 7) / ops[r]) " / " \
		show(value(r, n, 8) / ops[r]) " / " \
		show((value(r, n, 9) + value(r, n, 10)) / ops[r])
}

# Column i per operation
function per_op(r, n, i, unit) {
	return (r, n, i) in list ? show(value(r, n, i) / ops[r] / unit) : "-"
}

# How many times as much QEMU with its defaults takes
function ratio(r, n, own) {
	own = value(r, n, 6)
	if (!((r, "qemu-auto", 6) in list) || !((r, n, 6) in list) || !own)
		return "-"
	return show(value(r, "qemu-auto", 6) / own)
}

function boot_row(r, what, col, unit, i) {
	printf "| %s |", what
	for (i = 1; i <= name_cnt; i++)
		printf " %s |", per_op(r, name[i], col, unit)
	print ""
}

function boot_table(i) {
	heading("start")
	boot_row("boot to init", "boot to init, ms", 5, 1e6)
	boot_row("boot to command", "boot to command, ms", 5, 1e6)
	boot_row("boot to command", "CPU time until then, ms", 6, 1e6)
	boot_row("KiB of the monitor", "memory of the monitor, KiB", 5, 1)
	boot_row("KiB of the daemon", "memory of the daemon, KiB", 5, 1)
	printf "| exits / to user space / system calls until the command |"
	for (i = 1; i <= name_cnt; i++)
		printf " %s |", counts("boot to command", name[i])
	print ""
}

function time_table(r, i) {
	heading("CPU time of an operation, us")
	for (r = 1; r <= row_cnt; r++) {
		if (!is_load(row[r]))
			continue
		printf "| %s |", row[r]
		for (i = 1; i <= name_cnt; i++)
			printf " %s |", per_op(row[r], name[i], 6, 1e3)
		print ""
	}
	name_cnt = split("wherry wherry-nodax", name, " ")
	heading("CPU time of qemu-auto in that of")
	for (r = 1; r <= row_cnt; r++)
		if (is_load(row[r]))
			print "| " row[r] " | " ratio(row[r], "wherry") " | " \
				ratio(row[r], "wherry-nodax") " |"
	name_cnt = split(names, name, " ")
}

END {
	boot_table()
	time_table()
	heading("exits / to user space / system calls of an operation")
	for (r = 1; r <= row_cnt; r++) {
		if (!is_load(row[r]))
			continue
		printf "| %s |", row[r]
		for (i = 1; i <= name_cnt; i++)
			printf " %s |", counts(row[r], name[i])
		print ""
	}
	split("ns cpu_ns exits user_exits monitor_calls daemon_calls", key, " ")
	print "[" >json
	for (r = 1; r <= row_cnt; r++)
		for (n = 1; n <= name_cnt; n++) {
			if (!((row[r], name[n], 5) in list))
				continue
			printf "%s  {\"row\": \"%s\", \"contender\": \"%s\"" \
				", \"operations\": %d", comma, row[r], name[n],
				ops[row[r]] >json
			for (i = 1; i <= 6; i++)
				if ((row[r], name[n], i + 4) in list) {
					all = substr(list[row[r], name[n], i + 4], 2)
					gsub(" ", ", ", all)
					printf ", \"%s\": [%s]", key[i], all >json
				}
			printf "}" >json
			comma = ",\n"
		}
	print "\n]" >json
}
