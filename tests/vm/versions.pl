#!/usr/bin/perl
# A model checker of cache=shared: two guests and the host change the same few
# names at random; after each change all three have to see the same.
#
# versions.pl serve DIR		in a guest: does and says what it reads
# versions.pl look COUNT DIR	in a guest: looks so often at the same names
# versions.pl drive DIR STEPS SEED COMMAND...
#	on the host: COMMAND is a guest's `serve` of DIR, started twice
use strict;
use warnings;
use IPC::Open2;

my @names = qw(a b c d/a d/b d);
my ($verb, @args) = @ARGV;

my %ops = (
	write	 => sub { open(my $f, '>', $_[0]) or return 0;
			  print $f $_[1]; close $f },
	append	 => sub { open(my $f, '>>', $_[0]) or return 0;
			  print $f $_[1]; close $f },
	poke	 => sub { open(my $f, '+<', $_[0]) or return 0;
			  print $f $_[1]; close $f },
	unlink	 => sub { unlink $_[0] },
	mkdir	 => sub { mkdir $_[0] },
	rmdir	 => sub { rmdir $_[0] },
	chmod	 => sub { chmod 0600 | length $_[1], $_[0] },
	truncate => sub { -f $_[0] && truncate $_[0], length $_[1] },
	symlink	 => sub { symlink $_[1], $_[0] },
	link	 => sub { link $names[length($_[1]) % 3], $_[0] },
	rename	 => sub { rename $names[length($_[1]) % 5], $_[0] },
);

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
		open(my $f, '<', $name) or return "$name $!";
		local $/;
		$what = <$f> // '';
	}
	return "$name $st[2] $st[3] $st[7] $st[9] '$what'";
}

sub state { return join ';', map { state_of($_) } @names }

sub serve {
	$| = 1;
	chdir $_[0] or die "$_[0]: $!";
	print "ready\n";
	while (<STDIN>) {
		my ($op, $name, $text) = split;
		$ops{$op}->($name, $text) if $op ne 'look';
		print $op eq 'look' ? state() : 'done', "\n";
	}
}

sub look {
	my ($count, $dir) = @_;
	chdir $dir or die "$dir: $!";
	for (1 .. $count) {
		stat 'file';
		lstat 'missing';
		my $target = readlink 'link';
	}
}

sub ask {
	my ($guest, $line) = @_;
	print { $guest->{in} } "$line\n";
	my $answer = readline $guest->{out};
	chomp($answer //= 'nothing');
	return $answer;
}

sub drive {
	my ($dir, $steps, $seed, @command) = @_;
	my (@guests, @log);
	srand $seed;
	chdir $dir or die "$dir: $!";
	for (1, 2) {
		my ($in, $out);
		open2($out, $in, @command);
		$in->autoflush;
		push @guests, { in => $in, out => $out };
		readline $out;
	}
	my @verbs = sort keys %ops;
	for my $step (1 .. $steps) {
		my @op = ($verbs[rand @verbs], $names[rand @names],
			'x' x rand(6) . int rand 10);
		my $who = int rand 3;
		push @log, "$who @op";
		if ($who == 2) {
			$ops{$op[0]}->(@op[1, 2]);
			select undef, undef, undef, 0.01;
		} else {
			ask($guests[$who], "@op");
		}
		my $truth = state();
		for (0, 1) {
			my $seen = ask($guests[$_], 'look');
			next if $seen eq $truth;
			splice @log, 0, -8;
			die "step $step, seed $seed: guest $_ sees\n$seen\n",
				"instead of\n$truth\nafter ",
				join(', ', @log), "\n";
		}
	}
	close $_->{in} for @guests;
	print "steps $steps\n";
}

({ serve => \&serve, look => \&look, drive => \&drive }->{$verb})->(@args);
