# What versions.pl checks on the host before it takes steps: what chance does not
# bring about. Part of it.
use strict;
use warnings;

our %ops;

# Lists of access that the first guest, the second one and the host set.
sub check_lists {
	my @guests = @_;
	ask($guests[0], 'write a text');
	set_acl('a', 1);
	settle();
	ask($guests[1], 'see a');
	ask($guests[0], 'acl a 5');
	check('list-of-guest', ask($guests[1], 'see a'), state_of('a'));
	check('list-on-host', acl_of('a'), 5);
	ask($guests[0], 'see a');
	set_acl('a', 3);
	settle();
	check("list-of-host-$_", ask($guests[$_], 'see a'), state_of('a'))
		for 0, 1;
	unlink 'a';
	settle();
}

# An open file of the second guest, which remembers its list and its pages, when
# the first one and then the host change both.
sub check_open {
	my @guests = @_;
	ask($guests[0], $_) for 'write a text', 'acl a 1';
	settle();
	ask($guests[1], 'keep a');
	check('open-first', ask($guests[1], 'kept'), '1 text');
	ask($guests[0], $_) for 'poke a next', 'acl a 5';
	check('open-of-guest', ask($guests[1], 'kept'), '5 next');
	$ops{poke}->('a', 'last');
	set_acl('a', 3);
	settle();
	check('open-on-host', ask($guests[1], 'kept'), '3 last');
	unlink 'a';
	settle();
}

# The thread of a guest's monitor that hears of the host's events.
sub listener_of {
	my ($guest) = @_;
	open(my $f, '<', "/proc/$guest->{pid}/task/$guest->{pid}/children");
	my $monitor = 0 + readline $f;
	for my $task (glob "/proc/$monitor/task/*") {
		open(my $comm, '<', "$task/comm");
		# A number; a string would be an address.
		return 0 + ($task =~ s/.*\///r) if readline($comm) =~ /^fs-hiprio/;
	}
	die 'no thread fs-hiprio';
}

# What a guest changes, another one sees by the table alone, while its monitor
# does not hear of any events.
sub check_deaf {
	my @guests = @_;
	ask($guests[0], $_) for 'write a text', 'acl a 1';
	settle();
	my $listener = listener_of($guests[1]);
	tell_guest($guests[1], 'watch a 7');
	settle();
	check('deaf', syscall(PTRACE, ATTACH, $listener, 0, 0), 0);
	waitpid $listener, ANY_KIND;
	for (3, 5, 7) {
		ask($guests[0], "acl a $_");
		settle();
	}
	syscall PTRACE, DETACH, $listener, 0, 0;
	check('deaf-sees', answer_of($guests[1]), '1,3,5,7');
	unlink 'a';
	settle();
}

# What the first guest stores in the window, while mapped and afterwards; the
# other one has no window, and remembers pages.
sub check_mapping {
	my @guests = @_;
	open(my $f, '>', 'big');
	truncate $f, 1 << 17;
	settle();
	ask($_, 'see big') for @guests;
	check('mapping-cold', count_hot(), 0);
	ask($guests[0], 'map big');
	for my $text (qw(first other third)) {
		ask($guests[0], "store big $text 0");
		check("mapping-$text", ask($guests[1], 'see big'),
			state_of('big') =~ s/'.*/'$text'/r);
	}
	check('mapping-hot', count_hot(), 1);
	ask($guests[0], 'unmap big');
	check('mapping-after', ask($guests[1], 'see big'), state_of('big'));
	ask($guests[1], 'poke big fourth');
	check('mapping-other-way', ask($guests[0], 'see big'),
		state_of('big') =~ s/'.*/'fourth'/r);
	unlink 'big';
	settle();
}

# Of a file that a guest has open, and asks nothing about, it maps what the others
# have written.
sub check_faults {
	my @guests = @_;
	ask($guests[0], 'write a text0');
	ask($_, 'hold a') for @guests;
	check("fault-cold-$_", ask($guests[$_], 'fault a 0'), 'text0') for 0, 1;
	ask($guests[1], 'poke a text1');
	check('fault-of-guest', ask($guests[0], 'fault a 0'), 'text1');
	$ops{poke}->('a', 'text2');
	settle();
	check("fault-of-host-$_", ask($guests[$_], 'fault a 0'), 'text2')
		for 0, 1;
	# A page that is there, and then written to.
	ask($guests[0], 'map a');
	check('page-cold', ask($guests[0], 'load a'), 'text2');
	ask($guests[1], 'poke a TEXT3');
	ask($guests[0], $_) for 'store a x 4', 'flush a', 'unmap a';
	check('page-of-both', contents_of('a'), 'TEXTx');
	unlink 'a';
	settle();
}

# The same of a file in the first guest's window, whose end others move; the
# other guest, which has no window, learns where it appends.
sub check_window {
	my @guests = @_;
	my $len = 1 << 17;
	open(my $f, '>', 'big');
	truncate $f, $len;
	settle();
	for my $guest (@guests) {
		ask($guest, $_) for 'see big', 'hold big';
	}
	check('window-end', ask($guests[0], "tail big $len"), '');
	check('window-nothing', ask($guests[0], "fault big $len"),
		'Bad address');
	ask($guests[1], 'append big tail');
	check('window-read', ask($guests[0], "tail big $len"), 'tail');
	ask($guests[1], 'append big more');
	check('window-write', ask($guests[0], 'add big last'), $len + 12);
	check('windowless-write', ask($guests[1], 'add big next'), $len + 16);
	ask($guests[1], 'append big ' . 'x' x 4096);
	check('window-fault', ask($guests[0], 'fault big ' . ($len + 4096)),
		'x' x 16);
	# Closed before it is removed: see README.md, "dax=SIZE".
	ask($_, 'hold .') for @guests;
	unlink 'big';
	settle();
}

# Who owns a file says what others have made of it, also if it is open.
sub check_owner {
	my @guests = @_;
	ask($guests[0], $_) for 'write a text', 'give a 1000', 'hold a';
	check('owner', ask($guests[0], 'own a'), 1);
	ask($guests[1], 'give a 0');
	check('owner-no-more', ask($guests[0], 'own a'),
		'Operation not permitted');
	unlink 'a';
	settle();
}

# A guest that stores in the table, of which it has seen that it is the table.
sub check_table {
	my @guests = @_;
	ask($guests[1], 'write a more');
	check('table-seen', ask($guests[1], 'table'), sum_of(table_of_host()));
	check('table-used', sum_of(table_of_host()) > 0, 1);
	my $before = table_of_host();
	ask($guests[1], 'scribble');
	check('table-unchanged', table_of_host() eq $before, 1);
	check("table-goes-on-$_", ask($guests[$_], 'see a'), state_of('a'))
		for 0, 1;
	unlink 'a';
	settle();
}

sub check_all {
	my @guests = @_;
	check_lists(@guests);
	check_open(@guests);
	check_deaf(@guests);
	check_mapping(@guests);
	check_faults(@guests);
	check_window(@guests);
	check_owner(@guests);
	check_table(@guests);
}

1;
