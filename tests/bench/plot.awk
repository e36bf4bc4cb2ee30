# Lines of tests/bench/vm's samples: an SVG of the main rows, with the exits of
# each contender in those of QEMU with virtiofsd's defaults, as bars.

BEGIN {
	FS = "\t"
	name_cnt = split("wherry wherry-nodax qemu-auto blk", name, " ")
	split("#0b6e4f #6fbf8f #c0c0c0 #7a8fb8", color, " ")
	row_cnt = split("boot to command|find, cold|stat, cold|" \
		"create, write, unlink|untar|git status, cold|" \
		"git status, warm|seqread, libaio|randread psync, cold|" \
		"randread, libaio|randread mmap, 4 files, cold|" \
		"seqwrite psync|randwrite psync", row, "|")
	bar = 9; left = 190; unit = 300; most = 1.5
}

NF < 7 { next }
$3 == "nothing" && (!($1 in lines) || $7 < lines[$1]) { lines[$1] = $7 }
{ sum[$3, $1] += $7; cnt[$3, $1]++ }

function mean(r, n, x) {
	if (!((r, n) in cnt))
		return 0
	x = sum[r, n] / cnt[r, n]
	if (r !~ /^boot/)
		x -= lines[n]
	return x
}

function text(x, y, anchor, what) {
	printf "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>\n", x, y,
		anchor, what
}

function rect(x, y, len, fill) {
	printf "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" " \
		"fill=\"%s\"/>\n", x, y, len, bar - 1, fill
}

END {
	height = 60 + row_cnt * (name_cnt * bar + 10)
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" " \
		"height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n" \
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n", height
	text(10, 18, "start",
		"Exits in those of QEMU microvm with virtiofsd (shorter is better)")
	for (n = 1; n <= name_cnt; n++) {
		rect(10 + 150 * (n - 1), 28, 12, color[n])
		text(28 + 150 * (n - 1), 37, "start", name[n])
	}
	y = 52
	for (r = 1; r <= row_cnt; r++) {
		text(left - 8, y + name_cnt * bar / 2 + 4, "end", row[r])
		base = mean(row[r], "qemu-auto")
		for (n = 1; n <= name_cnt && base > 0; n++) {
			x = mean(row[r], name[n]) / base
			rect(left, y, (x > most ? most : x < 0 ? 0 : x) * unit,
				color[n])
			text(left + 6 + (x > most ? most : x < 0 ? 0 : x) * unit,
				y + bar - 1, "start", sprintf("%.2f", x))
			y += bar
		}
		y += 10
	}
	print "</svg>"
}
