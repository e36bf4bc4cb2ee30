# The system calls that doc blocks name, for filters.c: CALL(KIND, NAME) or
# CALL_WITH(KIND, NAME, VALUE), a line each. A tag is
#
#	* #syscalls(KIND...): NAME NAME(VALUE) ...
#
# and goes on to the next one or to the end of its block. Without a KIND, calls
# are made before there is any filter.
#
# usage: awk -f tags.awk FILE...
FNR == 1 || /\*\// {
	kinds = 0
}
/^ \* #syscalls/ {
	if (!match($0, /#syscalls(\([a-z -]+\))?: [a-z0-9]/)) {
		print FILENAME ":" FNR ": not a tag" >"/dev/stderr"
		exit 1
	}
	head = substr($0, RSTART, RLENGTH - 3)
	$0 = " * " substr($0, RSTART + RLENGTH - 1)
	gsub(/#syscalls|[()]/, "", head)
	gsub(/-/, "_", head)
	kinds = split(head, kind, " ")
}
kinds {
	for (i = 1; i <= kinds; i++) {
		for (j = 2; j <= NF; j++) {
			split($j, part, /[()]/)
			line = "CALL(" kind[i] ", " part[1] ")"
			if (part[2] != "")
				line = "CALL_WITH(" kind[i] ", " part[1] ", " part[2] ")"
			if (!seen[line]++)
				print line
		}
	}
}
