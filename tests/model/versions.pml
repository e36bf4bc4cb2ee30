/*
 * Shared metadata versions (devices/fs/VERSIONS.md) as spin searches them: does
 * a guest that looks after a change was told ever use what it knew before?
 *
 * One fact is as good as many: it has a value that each change raises, one
 * counter, the epoch, the change count. `told` is the newest value of which
 * somebody has been told, or which no event will tell. Machine 1 serves the
 * guest that looks; machine 2 one that changes, by requests and through a
 * writable mapping; others on the host change it too, with events that come
 * late or get lost. Each step between semicolons is one access to what is
 * shared, and spin tries all orders of them.
 *
 * tests/model/run also breaks each rule, by a BREAK_ macro, and wants an error.
 */

byte fact, told;
byte changes;			/* the change count, beside the table */
short counter = 1, epoch = 1;	/* the table: bits 0-47 */
byte hot;			/* bits 48-63 of the counter */
bool marked;			/* machine 1 gets the host's events */
byte pending;			/* newest value whose event is on its way */

inline change(mine)
{
	atomic { fact++; mine = fact }
}

inline tell(mine)
{
	atomic {
		if
		:: mine > told -> told = mine
		:: else
		fi
	}
}

inline raise(what)
{
#ifdef BREAK_ORDER
	what++;
	changes++
#else
	changes++;
	what++
#endif
}

/* Machine 2: its guest's requests. Rule 1: change, raise, tell. */
inline request(mine)
{
#if defined(BREAK_1_EARLY)
	raise(counter);
	change(mine);
	tell(mine)
#elif defined(BREAK_1_LATE)
	change(mine);
	tell(mine);
	raise(counter)
#else
	change(mine);
	raise(counter);
	tell(mine)
#endif
}

/* Its guest stores into the file and tells of it without any message. */
inline mapping(mine)
{
	hot++;
	change(mine);
	tell(mine);
#if defined(BREAK_HOT_ORDER)
	hot--;
	raise(counter)
#elif defined(BREAK_HOT_END)
	hot--
#else
	raise(counter);
	hot--
#endif
}

active proctype machine2()
{
	byte mine;

	request(mine);
	mapping(mine);
	mine = 0
}

/* Others on the host. A change without an event must be seen at once. */
active proctype host()
{
	byte mine;
	byte i;

	do
	:: i < 2 ->
		i++;
		atomic {
			fact++;
			mine = fact;
			if
			:: marked -> pending = mine
			:: else -> tell(mine)
			fi
		}
	:: else -> break
	od
}

/* Machine 1: events, and those that were lost. */
active proctype watcher()
{
	byte mine;

end:
	do
	:: atomic { pending > 0 -> mine = pending; pending = 0 };
		if
		:: raise(counter)
		:: true ->
#ifdef BREAK_EPOCH
			epoch++
#else
			raise(epoch)
#endif
		fi;
		tell(mine);
		mine = 0
	od
}

/* Machine 1 answers, and its guest remembers {version, value}. */
short version;
byte value;

/* The file is not known before: rule 2 by the change count. */
inline lookup()
{
#ifdef BREAK_MARK
	before = changes;
	new_value = fact;
	marked = true;
#else
	marked = true;
	before = changes;
	new_value = fact;
#endif
	new_version = counter;
	new_version = new_version + epoch;
	if
#ifndef BREAK_COUNT
	:: changes != before -> new_version--
#endif
	:: else
	fi
}

/* It is known: rule 2 by order. */
inline getattr()
{
#ifdef BREAK_2
	new_value = fact;
	new_version = counter;
	new_version = new_version + epoch
#else
	new_version = counter;
	new_version = new_version + epoch;
	new_value = fact
#endif
}

/* What is no longer needed is 0, or states differ for nothing. */
inline remember()
{
	atomic {
		version = new_version; value = new_value;
		new_version = 0; new_value = 0; before = 0
	}
}

inline compare()
{
	atomic { holds = (hot == 0); sum = counter };
	sum = sum + epoch;
	holds = holds && sum == version
}

active proctype guest()
{
	byte before, new_value, must;
	short new_version, sum;
	bool holds;

end:
	do
	:: lookup(); remember()
	:: marked -> getattr(); remember()
	:: marked ->
#ifdef BREAK_3
		compare();
		must = told;
#else
		must = told;
		compare();
#endif
		atomic {
			assert(!holds || value >= must);
			must = 0; sum = 0; holds = false
		}
	od
}
