/*
 * The contract between the monitor and its pid 1 in the guest: ports, messages
 * and the file that says what to run. Both sides compile this header.
 *
 * Theory of operation: init gets its orders from /spec in the initramfs and
 * talks through four ports of one multiport virtio-console (virtio 1.2, 5.3),
 * none of which is a console port. A fifth, if /spec says so, is for more
 * commands (frame.h).
 *
 *   monitor                                   init
 *   answers PORT_READY with PORT_NAME
 *   and PORT_OPEN 1                           opens all four ports, waits until
 *                                             the monitor has opened them too
 *                                   <- HELLO
 *   sends stdin from here on                  mounts the root file system
 *                                   <- WARNING, any number
 *                                   <- STARTED or FAILED
 *   stdin, stdout, stderr          <->
 *   orders, any number              ->        follows them
 *                                   <- ENDED
 *   delivers what is in the queues,           waits for that; powers off if
 *   ends the machine                          it does not come
 *
 * End of file is PORT_OPEN 0, in both directions: from the monitor on stdin it
 * means that no more will come (not before HELLO: init would take the port for
 * one that is not there yet), on stdout and stderr that nobody reads (the
 * command gets SIGPIPE, or SIGHUP from its terminal); from init that no more
 * will come on stdout or stderr, or that nobody reads stdin. What is in the
 * queue of a port when PORT_OPEN 0 or ENDED arrives was sent before it and is
 * still to be delivered.
 *
 * If the command has a terminal, stdin is what is typed there and stdout what
 * it shows; nothing comes on stderr.
 *
 * The guest is hostile: whatever the monitor receives may be garbage. A text
 * need not end with a NUL, and may contain any byte.
 */
#ifndef BOOT_GUEST_ABI_H
#define BOOT_GUEST_ABI_H

#include <assert.h>
#include <stdint.h>

/** enum guest_port - Number of a port on the virtio-console */
enum guest_port {
	GUEST_PORT_CONTROL,
	GUEST_PORT_STDIN,
	GUEST_PORT_STDOUT,
	GUEST_PORT_STDERR,
	GUEST_PORT_SESSIONS,
	GUEST_NUM_PORTS,
};

/* Initialiser of a table of names, indexed by enum guest_port */
#define GUEST_PORT_NAMES                                           \
	{                                                          \
		"wherry.control", "wherry.stdin", "wherry.stdout", \
			"wherry.stderr", "wherry.sessions",        \
	}

/** enum guest_msg_type - What a message of init on the control port says */
enum guest_msg_type {
	GUEST_MSG_HELLO = 1,   /* init runs, the ports work */
	GUEST_MSG_STARTED = 2, /* the command's execve() succeeded */
	GUEST_MSG_ENDED = 3,   /* value = its exit status; all is synced */
	GUEST_MSG_FAILED = 4,  /* value = 125, 126 or 127; text = why */
	GUEST_MSG_WARNING = 5, /* text = something that is not fatal */
};

#define GUEST_MSG_MAGIC 0x59525257U /* "WRRY" */

enum { GUEST_MSG_TEXT_LEN = 232 };

/**
 * struct guest_msg - The only thing on the control port; little endian
 * @magic:	GUEST_MSG_MAGIC
 * @type:	enum guest_msg_type
 * @clock_ns:	Guest's CLOCK_MONOTONIC when it was sent
 * @value:	Exit status 0 ... 255, 128 + n if signal n ended the command
 * @reserved:	0
 * @text:	One line without a newline, padded with NULs
 */
struct guest_msg {
	uint32_t magic;
	uint32_t type;
	uint64_t clock_ns;
	uint32_t value;
	uint32_t reserved;
	char text[GUEST_MSG_TEXT_LEN];
};
static_assert(sizeof(struct guest_msg) == 256, "message has no padding");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "no conversion");

/** enum guest_order_type - What an order of the monitor says */
enum guest_order_type {
	GUEST_ORDER_SIGNAL = 128,	/* value = signal for the command */
	GUEST_ORDER_SIGNAL_GROUP = 129, /* a terminal's, for its group */
	GUEST_ORDER_WINDOW = 130,  /* value = GUEST_WINDOW() of a terminal */
	GUEST_ORDER_HANG_UP = 131, /* the terminal's user has gone */
};

/* Size of a terminal's window */
#define GUEST_WINDOW(rows, columns) \
	((uint32_t)(rows) << 16 | ((uint32_t)(columns)&0xffff))

/**
 * struct guest_order - What the monitor tells init, on the same port
 * @magic:	GUEST_MSG_MAGIC
 * @type:	enum guest_order_type
 * @value:	See there
 * @reserved:	0
 */
struct guest_order {
	uint32_t magic;
	uint32_t type;
	uint32_t value;
	uint32_t reserved;
};
static_assert(sizeof(struct guest_order) == 16, "order has no padding");

/* Exit statuses of a command that did not run, as in shells and env(1) */
enum {
	GUEST_STATUS_FAILED = 125,     /* not the command's fault */
	GUEST_STATUS_NOT_EXEC = 126,   /* found, but cannot be executed */
	GUEST_STATUS_NOT_FOUND = 127,  /* the command or its interpreter */
	GUEST_STATUS_SIGNAL_BASE = 128 /* plus the signal's number */
};

/*
 * /spec: GUEST_SPEC_HEADER, then strings "key=value", each with its NUL. The
 * order of strings with the same key matters, that of the keys does not.
 */
#define GUEST_SPEC_HEADER "wherry-spec 1"

/** enum guest_spec_key - What a string of /spec means */
enum guest_spec_key {
	GUEST_SPEC_ROOT,      /* tag of the root share */
	GUEST_SPEC_READ_ONLY, /* "root": the root is mounted read-only */
	GUEST_SPEC_OPTIONS,   /* mount options of the root */
	GUEST_SPEC_OVERLAY,   /* the root is lower layer of an overlay: of one
			       * in memory, or "TAG trusted", "TAG user": of
			       * a share, with such attributes */
	GUEST_SPEC_VOLUME,    /* "TAG ro|rw dir|file OPTIONS PATH", in this
			       * order; no options: "-"; of a file's share, its
			       * GUEST_VOLUME_FILE is at PATH */
	GUEST_SPEC_HOSTNAME,  /* host name */
	GUEST_SPEC_WORKDIR,   /* directory to start the command in */
	GUEST_SPEC_TERMINAL,  /* GUEST_WINDOW() of the command's terminal */
	GUEST_SPEC_MODULE,    /* module to load, in this order */
	GUEST_SPEC_LATER,     /* module to load when the command runs */
	GUEST_SPEC_ARG,	      /* the command, then its arguments */
	GUEST_SPEC_ENV,	      /* NAME=VALUE of its environment */
	GUEST_SPEC_USER,      /* name or number of the command's user */
	GUEST_SPEC_GROUP,     /* ... of its group, instead of the user's */
	GUEST_SPEC_ADD_GROUP, /* ... of one more group */
	GUEST_SPEC_RLIMIT,    /* "RESOURCE SOFT HARD NAME", decimal */
	GUEST_SPEC_CAPS,      /* bits of the capabilities to keep, decimal */
	GUEST_SPEC_PIDS, /* how many processes and threads it has, decimal */
	GUEST_SPEC_TMP_SIZE, /* bytes of a file system on /tmp, decimal */
	GUEST_SPEC_SESSIONS, /* "port": there is one for more commands */
	GUEST_NUM_SPEC_KEYS,
};

/* Initialiser of a table of keys, indexed by enum guest_spec_key */
#define GUEST_SPEC_KEYS                                                       \
	{                                                                     \
		"root=", "readonly=", "options=", "overlay=", "volume=",      \
			"hostname=", "workdir=", "terminal=", "module=",      \
			"later=", "arg=", "env=", "user=", "group=",          \
			"addgroup=", "rlimit=", "caps=", "pids=", "tmpsize=", \
			"sessions=",                                          \
	}

#define GUEST_OVERLAY_MEMORY "memory"
#define GUEST_VOLUME_FILE "file"

enum { GUEST_MAX_VOLUMES = 15 };

/* Linux refuses arguments and environment of more than 6 MiB in any case */
enum { GUEST_SPEC_MAX_LEN = 8 << 20 };

/* Where they are in the initramfs */
#define GUEST_SPEC_FILE "spec"
#define GUEST_MODULE_DIR "modules" /* NAME.ko for each */

#endif /* BOOT_GUEST_ABI_H */
