#!/usr/bin/perl
# A model checker of cache=shared: two guests and the host take turns at random
# to change the same few names, one step after the other. The same steps are
# taken in another directory, which is the model: each has to end in the same
# way and whoever takes it to see the same then. After each turn all three have
# to see the same of all names.
#
# versions.pl serve DIR		in a guest: does and says what it reads
# versions.pl look COUNT DIR	in a guest: looks so often at the same names
# versions.pl log COUNT DIR	in a guest: appends so often to an open file
# versions.pl drive DIR STEPS SEED COMMAND...
#	on the host: COMMAND is a guest's `serve` of DIR, started twice; before
#	the steps, lines "WHAT right" of what chance does not bring about
#	(versions-checks.pl)
use strict;
use warnings;
use Cwd;
use IPC::Open2;

# System calls of x86-64 that perl has no words for.
use constant { READ => 0, WRITE => 1, MMAP => 9, MUNMAP => 11, MSYNC => 26,
	SENDFILE => 40, PTRACE => 101, LSETXATTR => 189, LGETXATTR => 192,
	FGETXATTR => 193 };
use constant { ATTACH => 16, DETACH => 17, ANY_KIND => 1 << 30 };
# The window comes first, if there is one, and then the table.
use constant { ABOVE_RAM => 1 << 32, TABLE_LEN => 1 << 21, HOT => 1 << 48 };

my @names = qw(a b c d/a d/b d);
my $list = 'system.posix_acl_access'; # guests' kernels remember it
my ($mapping, $held, $kept); # in a guest, what it goes on to use
my ($verb, @args) = @ARGV;

our %ops = (
	write	 => sub { put('>', @_) },
	append	 => sub { put('>>', @_) },
	poke	 => sub { put('+<', @_) },
	unlink	 => sub { unlink $_[0] },
	mkdir	 => sub { mkdir $_[0] },
	rmdir	 => sub { rmdir $_[0] },
	chmod	 => sub { chmod 0600 | length $_[1], $_[0] },
	acl	 => sub { !set_acl($_[0], substr($_[1], -1) & 7) },
	truncate => sub { -f $_[0] && truncate $_[0], length $_[1] },
	symlink	 => sub { symlink $_[1], $_[0] },
	link	 => sub { link $names[length($_[1]) % 3], $_[0] },
	rename	 => sub { rename $names[length($_[1]) % 5], $_[0] },
);

my %questions = (
	turn	 => \&turn,
	look	 => \&look_after,
	see	 => \&state_of,
	watch	 => \&watch,
	keep	 => sub { open($kept, '<', $_[0]) },
	kept	 => \&state_of_kept,
	map	 => sub { $mapping = map_file($_[0], 4096, 0) },
	store	 => sub { store($mapping + $_[2], $_[1]) },
	load	 => sub { load($mapping) },
	flush	 => sub { syscall MSYNC, $mapping, 4096, 4 },
	unmap	 => sub { syscall MUNMAP, $mapping, 4096 },
	hold	 => sub { open($held, '+>>', $_[0]) || 0 },
	fault	 => sub { fault($_[1]) },
	tail	 => sub { sysseek $held, $_[1], 0; sysread $held, my $text, 16;
			  return $text },
	add	 => sub { syswrite $held, $_[1]; return sysseek $held, 0, 1 },
	give	 => sub { chown $_[1], -1, $_[0] },
	own	 => sub { local $> = 1000; chmod(0604, $held) || "$!" },
	table	 => sub { sum_of(table_at(ABOVE_RAM)) },
	scribble => sub { my $at = map_file('/dev/mem', TABLE_LEN, ABOVE_RAM);
			  store($at, 'x' x 64);
			  store($at + TABLE_LEN - 8, 'x' x 8) },
);

# Without perl's buffer, which asks whether it is of a terminal: a message for
# each open.
sub put {
	my ($how, $name, $text) = @_;
	open(my $f, "$how:unix", $name) or return 0;
	print $f $text;
	return close $f;
}

# Who with number 1000 may do what with a file.
sub set_acl {
	my ($name, $mode) = @_;
	my $value = pack 'V(vvV)5', 2, 1, 6, 0, 2, $mode, 1000, 4, 4, 0,
		16, 7, 0, 32, 4, 0;
	syscall LSETXATTR, $name, $list, $value, length $value, 0;
}

sub acl_of {
	my ($name) = @_;
	my $value = "\0" x 256;
	return '-' if syscall(LGETXATTR, $name, $list, $value, 256) < 16;
	return unpack 'x14 v', $value;
}

# Of the file that is open, without its name: list and contents, as they are
# sent to others.
sub state_of_kept {
	my ($acl, $offset, $text) = ("\0" x 256, pack('Q', 0), '');
	syscall FGETXATTR, fileno $kept, $list, $acl, 256;
	pipe my $from, my $to;
	syscall SENDFILE, fileno $to, fileno $kept, $offset, 256;
	close $to;
	sysread $from, $text, 256;
	return unpack('x14 v', $acl) . " $text";
}

# All the different modes of a list that are seen until the last one is.
sub watch {
	my ($name, $last) = @_;
	my @seen = acl_of($name);
	my $end = time + 20;
	while ($seen[-1] ne $last && time < $end) {
		my $mode = acl_of($name);
		push @seen, $mode if $mode ne $seen[-1];
	}
	return join ',', @seen;
}

sub map_file {
	my ($name, $len, $offset) = @_;
	open(my $f, '+<', $name) or die "$name: $!";
	my $at = syscall MMAP, 0, $len, 3, 1, fileno $f, $offset;
	die "$name: $!" if $at == -1;
	return $at;
}

sub store {
	my ($at, $text) = @_;
	pipe my $from, my $to;
	syswrite $to, $text;
	return syscall READ, fileno $from, $at, length $text;
}

# What is there, if anything is.
sub load {
	my ($at) = @_;
	pipe my $from, my $to;
	return "$!" if syscall(WRITE, fileno $to, $at, 16) != 16;
	sysread $from, my $text, 16;
	return $text =~ tr/\0//dr;
}

# The same of the held file, mapped for just that.
sub fault {
	my ($offset) = @_;
	my $at = syscall MMAP, 0, 4096, 1, 1, fileno $held, $offset + 0;
	my $text = load($at);
	syscall MUNMAP, $at, 4096;
	return $text;
}

sub table_at {
	my $at = map_file('/dev/mem', TABLE_LEN, $_[0]);
	my $table = unpack 'P' . TABLE_LEN, pack 'Q', $at;
	syscall MUNMAP, $at, TABLE_LEN;
	return $table;
}

sub table_of_host {
	open(my $f, '<', glob '/dev/shm/wherry-*/*') or return '';
	read $f, my $table, TABLE_LEN;
	return $table;
}

sub sum_of { return unpack '%64Q*', $_[0] }

sub count_hot { return scalar grep { $_ >= HOT } unpack 'Q*', table_of_host() }

# The first bytes.
sub contents_of {
	my ($name) = @_;
	open(my $f, '<:unix', $name) or return undef;
	sysread $f, my $text, 256;
	return $text =~ tr/\0//dr;
}

# All that can be seen, in one line.
sub state_of {
	my ($name) = @_;
	my @st = lstat $name or return "$name -";
	my $what = '';
	if (-l _) {
		$what = readlink $name;
	} elsif (-d _) {
		opendir(my $d, $name) or return "$name $!";
		$what = join ',', sort grep !/^\./, readdir $d;
		@st[3, 7] = (0, 0); # sizes of directories are their own
	} else {
		$what = contents_of($name) // return "$name $!";
	}
	my $acl = acl_of($name);
	return "$name $st[2] $st[3] $st[7] $st[9] $acl '$what'";
}

sub state { return join ';', map { state_of($_) } @names }

# Without the time, which depends on who does it when.
sub timeless { return $_[0] =~ s/^(\S+ \d+ \d+ \d+) \d+ /$1 /r }

# Steps, each four words: what, with which name and text, and which name to look
# at then. How each ends, and then all that is seen.
sub turn {
	my @seen;
	while (my ($op, $name, $text, $look) = splice @_, 0, 4) {
		$! = 0;
		my $end = $ops{$op}->($name, $text) ? 'done' : $! + 0;
		push @seen, "$end " . timeless(state_of($look));
	}
	return join ';', @seen, state();
}

# When what the host did last of all has been heard of, which its events tell in
# their order, all else has to be seen at once.
sub look_after {
	my ($fence, $time) = @_;
	for (1 .. 10000) {
		return state() if (lstat $fence)[9] >= $time;
		select undef, undef, undef, 0.001;
	}
	return 'nothing of what the host did';
}

sub serve {
	$| = 1;
	umask 022;
	chdir $_[0] or die "$_[0]: $!";
	print "ready\n";
	while (<STDIN>) {
		my ($op, @words) = split;
		my $answer = $questions{$op};
		$ops{$op}->(@words) if !$answer;
		print $answer ? $answer->(@words) : 'done', "\n";
	}
}

sub look {
	my ($count, $dir) = @_;
	chdir $dir or die "$dir: $!";
	for (1 .. $count) {
		stat 'file';
		lstat 'missing';
		my $target = readlink 'link';
		contents_of('file') eq "text\n" or die 'file';
		opendir(my $d, '.') or die ".: $!";
		my @all = readdir $d;
		closedir $d;
		acl_of('file');
	}
}

sub log_lines {
	my ($count, $dir) = @_;
	open(my $f, '>>:unix', "$dir/log") or die "$dir/log: $!";
	syswrite $f, "line\n" for 1 .. $count;
}

sub tell_guest { print { $_[0]{in} } "$_[1]\n" }

sub answer_of {
	my $answer = readline $_[0]{out};
	chomp($answer //= 'nothing');
	return $answer;
}

sub ask {
	tell_guest(@_);
	return answer_of($_[0]);
}

sub start {
	my $pid = open2(my $out, my $in, @_);
	$in->autoflush;
	readline $out;
	return { in => $in, out => $out, pid => $pid };
}

sub check {
	my ($what, $seen, $wanted) = @_;
	print "$what ", $seen eq $wanted ? 'right' : "'$seen', not '$wanted'",
		"\n";
}

# The host's events take their time.
sub settle { select undef, undef, undef, 0.2 }

# What is wrong after a turn of a guest, or of the host (2).
sub take_turn {
	my ($who, $time, $model, $steps, @guests) = @_;
	my ($dir, $seen) = getcwd();
	if ($who == 2) {
		$seen = turn(@$steps);
		utime $time, $time, "fence$_" for 0, 1;
	} else {
		$seen = ask($guests[$who], "turn @$steps");
	}
	my @others = grep { $_ != $who } 0, 1;
	tell_guest($guests[$_], "look fence$_ $time") for @others;
	my $truth = state();
	chdir $model or die "$model: $!";
	my @pairs = [map { all_timeless($_) } $seen, turn(@$steps)];
	chdir $dir or die "$dir: $!";
	push @pairs, [join(';', (split /;/, $seen)[-@names .. -1]), $truth];
	push @pairs, [answer_of($guests[$_]), $truth] for @others;
	return map { "\n$_->[0]\ninstead of\n$_->[1]" }
		grep { $_->[0] ne $_->[1] } @pairs;
}

sub all_timeless { return join ';', map { timeless($_) } split /;/, $_[0] }

sub take_steps {
	my ($steps, $seed, $model, @guests) = @_;
	my ($at, $turns, $time, @log) = (0, 0, 0);
	srand $seed;
	my @verbs = sort keys %ops;
	while ($at < $steps) {
		my ($who, $cnt) = (int rand 3, 1 + int rand(rand 120));
		$cnt = $steps - $at if $cnt > $steps - $at;
		my @turn = map { $verbs[rand @verbs], $names[rand @names],
			'x' x rand(6) . int rand 10, $names[rand @names]
			} 1 .. $cnt;
		$at += $cnt;
		push @log, "$who: @turn";
		shift @log if @log > 4;
		$turns++;
		$time++ if $who == 2;
		my @wrong = take_turn($who, $time, $model, \@turn, @guests)
			or next;
		die "step $at, seed $seed: @wrong\nafter\n",
			join("\n", @log), "\n";
	}
	print "steps $at\nturns $turns\n";
}

sub drive {
	my ($dir, $steps, $seed, @command) = @_;
	require($0 =~ s/\.pl$/-checks.pl/r);
	$| = 1;
	umask 022;
	mkdir "$dir.model" or die "$dir.model: $!";
	chdir $dir or die "$dir: $!";
	my @guests = map { my $dax = $_;
		start(map { s/^cache=shared$/$&:dax=$dax/r } @command)
		} qw(128M off);
	check_all(@guests);
	for (0, 1) {
		$ops{write}->("fence$_", '');
		utime 0, 0, "fence$_";
	}
	take_steps($steps, $seed, "$dir.model", @guests);
	close $_->{in} for @guests;
}

({ serve => \&serve, look => \&look, log => \&log_lines,
	drive => \&drive }->{$verb})->(@args);
