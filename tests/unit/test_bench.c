/*
 * The benchmark that needs no guest: each of its operations is done, and a
 * wrong answer is noticed.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/lib/rows.h"
#include "tests/bench/lib/session.h"
#include "tests/bench/lib/slice.h"
#include "tests/bench/lib/vhost.h"
#include "tests/bench/lib/wherry.h"
#include "tests/unit/fs_client.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"

enum { DATA_LEN = 4 << 20, NAMES = 40 };

static const struct session_files files = {NAMES, DATA_LEN};

static char path[128];
static int dir_fd;
static struct wherry wherry;
static struct session sessions[SESSION_MAX];
static struct fail failure;

static int remove_one(const char *name, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(name);
}

static void setup(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(path, sizeof(path), "%s/wherry-bench-XXXXXX",
		 tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(path));
	dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(session_make_files(dir_fd, &files), 0);
	ck_assert_int_eq(wherry_start(&wherry, path, false, &failure), 0);
	sessions->files = files;
	sessions->dir_fd = dir_fd;
	ck_assert_int_eq(session_init(sessions, &wherry.target, &failure), 0);
	sessions->thorough = true;
}

static void teardown(void)
{
	wherry_stop(&wherry);
	close(dir_fd);
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const struct row *find_row(const char *name)
{
	for (unsigned int i = 0; i < rows_cnt; i++) {
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	}
	ck_abort_msg("no row %s", name);
}

/* Do a few operations, two at once: 0 or a negative errno. */
static int run(const struct row *row, struct slice *slice)
{
	uint32_t sample[5];

	*slice = (struct slice){
		.queue_cnt = 1,
		.depth = 2,
		.max_ops = 6,
		.max_ns = UINT64_MAX,
		.sample = sample,
		.sample_max = ARRAY_SIZE(sample),
	};
	failure.text[0] = 0;
	return slice_run(slice, sessions, row, &failure);
}

START_TEST(each_row_works)
{
	static const unsigned int requests[] = {
		1, 1, 2, 4, 0, 1, 1, 1, 1, 1, 1, 2,
	};
	struct slice slice;

	ck_assert_uint_eq(rows_cnt, ARRAY_SIZE(requests));
	for (unsigned int i = 0; i < rows_cnt; i++) {
		ck_assert_msg(!run(&rows[i], &slice), "%s", failure.text);
		ck_assert_uint_eq(slice.ops, 6);
		ck_assert_uint_eq(slice.sample_cnt, 5);
		/* READDIRPLUS: two or more. */
		if (requests[i])
			ck_assert_uint_eq(slice.requests, 6 * requests[i]);
		else
			ck_assert_uint_gt(slice.requests, 6 * 1);
		ck_assert_uint_gt(slice.ns, 0);
		ck_assert_uint_gt(slice.cpu_ns, 0);
	}
}
END_TEST

START_TEST(all_slots_at_once)
{
	struct slice slice = {
		.queue_cnt = 1,
		.depth = SESSION_SLOTS,
		.max_ops = 200,
		.max_ns = UINT64_MAX,
	};

	ck_assert_int_eq(slice_run(&slice, sessions, find_row("CREATE+UNLINK"),
				   &failure),
			 0);
	ck_assert_uint_eq(slice.ops, 200);
	ck_assert_uint_eq(slice.requests, 800);
	/* No time, no operation. */
	slice.max_ns = 0;
	ck_assert_int_eq(
		slice_run(&slice, sessions, find_row("LOOKUP"), &failure), 0);
	ck_assert_uint_eq(slice.ops, 0);
}
END_TEST

/* Each row once more by two threads, each with its queue; all slots make files,
 * so that there are more FORGETs than can be on their way.
 */
START_TEST(each_row_works_on_two_queues)
{
	uint32_t sample[10];
	struct slice slice = {
		.queue_cnt = 2,
		.depth = 3,
		.max_ops = 20,
		.max_ns = UINT64_MAX,
		.sample = sample,
		.sample_max = ARRAY_SIZE(sample),
	};

	ck_assert_int_eq(session_join(&sessions[1], sessions, &failure), 0);
	sessions[1].thorough = true;
	for (unsigned int i = 0; i < rows_cnt; i++) {
		ck_assert_msg(!slice_run(&slice, sessions, &rows[i], &failure),
			      "%s", failure.text);
		ck_assert_uint_eq(slice.ops, 40);
		ck_assert_uint_eq(slice.sample_cnt, 10);
		ck_assert_uint_ge(slice.requests, 40);
	}
	slice.depth = SESSION_SLOTS;
	slice.max_ops = 200;
	ck_assert_int_eq(slice_run(&slice, sessions, find_row("CREATE+UNLINK"),
				   &failure),
			 0);
	ck_assert_uint_eq(slice.requests, 2 * 800);
	/* What one queue is told counts, too. */
	ck_assert_int_eq(unlinkat(dir_fd, "many/f007", 0), 0);
	ck_assert_int_lt(slice_run(&slice, sessions,
				   find_row("READDIRPLUS of all"), &failure),
			 0);
}
END_TEST

/* Whoever waits for FORGETs does not sleep when all were taken already, and
 * waits for room if there are more than can be on their way.
 */
START_TEST(forgets_are_waited_for)
{
	const struct timespec ms = {.tv_nsec = 5000000};
	const struct vq *vq = &wherry.target.vq[TARGET_HIPRIO];

	session_forget(sessions, sessions->name_node[0]);
	while (__atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE) != 1)
		nanosleep(&ms, NULL);
	/* Its interrupt has woken one who waited for something else. */
	nanosleep(&ms, NULL);
	target_wait(&wherry.target, -1);
	session_drain_forgets(sessions);
	ck_assert_uint_eq(vq->last_used, 1);
	/* To a node that is not known: nobody minds. */
	for (unsigned int i = 0; i < 3 * SESSION_FORGETS; i++)
		session_forget(sessions, sessions->name_node[0]);
	session_drain_forgets(sessions);
	ck_assert_uint_eq(vq->last_used, 1 + 3 * SESSION_FORGETS);
}
END_TEST

/* Hostile: servers that answer wrongly, which the host's files stand for. */

START_TEST(other_contents_are_noticed)
{
	struct slice slice;
	int fd = openat(dir_fd, "data", O_WRONLY);

	for (off_t at = 4088; at < DATA_LEN; at += 4096)
		ck_assert_int_eq(pwrite(fd, "wrong", 5, at), 5);
	close(fd);
	ck_assert_int_eq(run(find_row("READ 4K"), &slice), -EBADMSG);
	ck_assert_msg(strstr(failure.text, "filter: READ 4K, 2 at once:"), "%s",
		      failure.text);
}
END_TEST

START_TEST(other_mapped_contents_are_noticed)
{
	struct slice slice;
	int fd = openat(dir_fd, "data", O_WRONLY);

	for (off_t at = 0; at < DATA_LEN; at += 2 << 20)
		ck_assert_int_eq(pwrite(fd, "wrong", 5, at + 8192), 5);
	close(fd);
	ck_assert_int_eq(run(find_row("SETUPMAPPING+REMOVEMAPPING"), &slice),
			 -EBADMSG);
}
END_TEST

START_TEST(short_read_is_noticed)
{
	struct slice slice;
	int fd = openat(dir_fd, "data", O_WRONLY);

	ck_assert_int_eq(ftruncate(fd, 100), 0);
	close(fd);
	ck_assert_int_eq(run(find_row("READ 128K"), &slice), -EBADMSG);
}
END_TEST

START_TEST(missing_name_is_noticed)
{
	struct slice slice;

	ck_assert_int_eq(unlinkat(dir_fd, "many/f007", 0), 0);
	ck_assert_int_eq(run(find_row("READDIRPLUS of all"), &slice), -EBADMSG);
}
END_TEST

START_TEST(other_attributes_are_noticed)
{
	struct slice slice;
	char name[16];

	for (unsigned int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "many/f%03u", i);
		int fd = openat(dir_fd, name, O_WRONLY);

		ck_assert_int_eq(ftruncate(fd, i + 1), 0);
		close(fd);
	}
	ck_assert_int_eq(run(find_row(_i ? "GETATTR" : "LOOKUP"), &slice),
			 -EBADMSG);
}
END_TEST

/* What was written is not in the file that the host sees. */
START_TEST(lost_write_is_noticed)
{
	struct slice slice;

	ck_assert_int_eq(unlinkat(dir_fd, "out", 0), 0);
	close(openat(dir_fd, "out", O_WRONLY | O_CREAT, 0600));
	ck_assert_int_eq(run(find_row("WRITE 4K"), &slice), -EIO);
	ck_assert_int_eq(renameat(dir_fd, "data", dir_fd, "out"), 0);
	ck_assert_int_eq(run(find_row("WRITE 4K"), &slice), -EBADMSG);
}
END_TEST

START_TEST(error_is_noticed)
{
	struct slice slice;

	close(openat(dir_fd, "new/n1", O_WRONLY | O_CREAT, 0600));
	ck_assert_int_eq(run(find_row("CREATE+UNLINK"), &slice), -EEXIST);
}
END_TEST

START_TEST(daemon_that_does_not_start)
{
	static struct vhost vhost;
	char command[] = "/nonexistent --option";

	ck_assert_int_lt(vhost_start(&vhost, "nobody", command, &failure), 0);
	ck_assert_ptr_nonnull(strstr(failure.text, "nobody: vhost-user: "));
	vhost_stop(&vhost);
}
END_TEST

/* Answers to GET_FEATURES that cannot be gone on with. */
START_TEST(daemon_that_answers_wrongly)
{
	static const struct {
		uint32_t request, flags, size, features[2];
		size_t len;
		int err;
	} replies[] = {
		{1, 5, 8, {0}, 20, -EOPNOTSUPP}, {2, 5, 8, {0}, 20, -EPROTO},
		{1, 5, 4, {0}, 20, -EPROTO},	 {1, 5, 8, {0}, 16, -EPIPE},
		{1, 5, 8, {0}, 0, -EPIPE},
	};
	static struct vhost vhost;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(write(pair[1], &replies[_i], replies[_i].len),
			 replies[_i].len);
	shutdown(pair[1], SHUT_WR);
	vhost.socket_fd = pair[0];
	ck_assert_int_eq(vhost_connect(&vhost), replies[_i].err);
	vhost_stop(&vhost);
	close(pair[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bench");
	TCase *tc = tcase_create("all");
	TCase *daemons = tcase_create("daemons");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, each_row_works);
	tcase_add_test(tc, all_slots_at_once);
	tcase_add_test(tc, each_row_works_on_two_queues);
	tcase_add_test(tc, forgets_are_waited_for);
	tcase_add_test(tc, other_contents_are_noticed);
	tcase_add_test(tc, other_mapped_contents_are_noticed);
	tcase_add_test(tc, short_read_is_noticed);
	tcase_add_test(tc, missing_name_is_noticed);
	tcase_add_loop_test(tc, other_attributes_are_noticed, 0, 2);
	tcase_add_test(tc, lost_write_is_noticed);
	tcase_add_test(tc, error_is_noticed);
	suite_add_tcase(s, tc);
	tcase_add_test(daemons, daemon_that_does_not_start);
	tcase_add_loop_test(daemons, daemon_that_answers_wrongly, 0, 5);
	suite_add_tcase(s, daemons);
	return client_run(s);
}
