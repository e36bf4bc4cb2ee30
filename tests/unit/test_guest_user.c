/*
 * Who the guest's command runs as, by files that a guest may have written.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/bytes.h"
#include "boot/guest/plan.h"
#include "boot/guest/user.h"
#include "boot/modules.h"
#include "boot/spec.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

static const char passwd_text[] = "root:x:0:0:root:/root:/bin/sh\n"
				  "broken:x:7:7\n"
				  "none:x::7::/:\n"
				  "huge:x:4294967296:0::/:\n"
				  "top:x:4294967295:0::/:\n"
				  "minus:x:-1:0::/:\n"
				  "word:x:0x0:0::/:\n"
				  "\n::::::\n+::::::\n"
				  "homeless:x:9:90:::/bin/sh\n"
				  "0a:x:12:12::/zero:\n"
				  "anna:x:1000:100:A,B:/home/anna:/bin/sh\n"
				  "anna:x:0:0:again:/root:/bin/sh\n"
				  "twin:x:1000:200::/home/twin:/bin/sh\n"
				  "last:x:11:11::/last:";
static const char group_text[] = "root:x:0:anna2,anna\n"
				 "short:x:1\n"
				 "disk:x:6:ann,annab,,anna\n"
				 "wrong:x:4294967295:anna\n"
				 "words:x:six:anna\n"
				 "users:x:100:anna,anna\n"
				 "video:x:44:twin,anna\n"
				 "video:x:0:\n"
				 "empty:x:5:";

static char dir[] = "/tmp/test_guest_user.XXXXXX";
static char passwd_path[64], group_path[64];
static struct user user;
static struct guest_msg why;

static void write_file(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write_full(fd, text, len), 0);
	close(fd);
}

static void set_up(void)
{
	strcpy(dir, "/tmp/test_guest_user.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(passwd_path, sizeof(passwd_path), "%s/passwd", dir);
	snprintf(group_path, sizeof(group_path), "%s/group", dir);
	write_file(passwd_path, passwd_text, sizeof(passwd_text) - 1);
	write_file(group_path, group_text, sizeof(group_text) - 1);
}

static void tear_down(void)
{
	unlink(passwd_path);
	unlink(group_path);
	rmdir(dir);
}

static int find(const char *name, const char *group, char *const *more)
{
	char *const argv[] = {(char[]){"sh"}, NULL};
	char *const envp[] = {NULL};
	const struct guest_spec spec = {
		.root_tag = "root",
		.hostname = "h",
		.workdir = "/",
		.argv = argv,
		.envp = envp,
		.user = name,
		.group = group,
		.add_groups = more,
	};
	struct modules none = {.cnt = 0};
	struct bytes out = {0};
	struct plan plan;
	int err;

	ck_assert_int_eq(spec_encode(&out, &spec, &none), 0);
	ck_assert_int_eq(plan_parse(&plan, out.data, out.len), 0);
	memset(&user, 0x5a, sizeof(user));
	why = (struct guest_msg){0};
	err = user_find(&user, &plan, passwd_path, group_path, &why);
	plan_destroy(&plan);
	return err;
}

enum { MAX_GROUPS = 5, END = -1 };

static const struct {
	const char *user;
	const char *group;
	char *more[4];
	uid_t uid;
	gid_t gid;
	const char *home;
	int groups[MAX_GROUPS];
} found[] = {
	{NULL, NULL, {NULL}, 0, 0, "", {END}},
	{NULL,
	 NULL,
	 {(char[]){"disk"}, (char[]){"7"}, NULL},
	 0,
	 0,
	 "",
	 {6, 7, END}},
	{"root", NULL, {NULL}, 0, 0, "HOME=/root", {0, END}},
	{"anna",
	 NULL,
	 {NULL},
	 1000,
	 100,
	 "HOME=/home/anna",
	 {100, 0, 6, 44, END}},
	{"1000",
	 NULL,
	 {NULL},
	 1000,
	 100,
	 "HOME=/home/anna",
	 {100, 0, 6, 44, END}},
	{"twin", NULL, {NULL}, 1000, 200, "HOME=/home/twin", {200, 44, END}},
	{"anna", "disk", {NULL}, 1000, 6, "HOME=/home/anna", {6, END}},
	{"anna",
	 "77",
	 {(char[]){"video"}, NULL},
	 1000,
	 77,
	 "HOME=/home/anna",
	 {77, 44, END}},
	{"555", NULL, {NULL}, 555, 0, "HOME=/", {0, END}},
	{"555",
	 "video",
	 {(char[]){"1"}, (char[]){"2"}, NULL},
	 555,
	 44,
	 "HOME=/",
	 {44, 1, 2, END}},
	{"4294967294", "4294967294", {NULL}, -2, -2, "HOME=/", {-2, END}},
	{"homeless", NULL, {NULL}, 9, 90, "HOME=/", {90, END}},
	{"0a", NULL, {NULL}, 12, 12, "HOME=/zero", {12, END}},
	{"last", "empty", {NULL}, 11, 5, "HOME=/last", {5, END}},
};

START_TEST(users_are_found)
{
	size_t i;

	ck_assert_int_eq(find(found[_i].user, found[_i].group, found[_i].more),
			 0);
	ck_assert(user.is_asked == (found[_i].user || found[_i].more[0]));
	ck_assert_uint_eq(user.uid, found[_i].uid);
	ck_assert_uint_eq(user.gid, found[_i].gid);
	ck_assert_str_eq(user.home, found[_i].home);
	for (i = 0; found[_i].groups[i] != END; i++)
		ck_assert_uint_eq(user.groups[i], (gid_t)found[_i].groups[i]);
	ck_assert_uint_eq(user.group_cnt, i);
}
END_TEST

static const struct {
	const char *user;
	const char *group;
	char *more[2];
	const char *text;
} unknown[] = {
#define NO_USER(name) "user '" name "': not in the guest's /etc/passwd"
#define NO_GROUP(name) "group '" name "': not in the guest's /etc/group"
	{"bob", NULL, {NULL}, NO_USER("bob")},
	{"ann", NULL, {NULL}, NO_USER("ann")},
	{"annab", NULL, {NULL}, NO_USER("annab")},
	{"", NULL, {NULL}, NO_USER("")},
	{"+", NULL, {NULL}, NO_USER("+")},
	{"anna:x", NULL, {NULL}, NO_USER("anna:x")},
	{"broken", NULL, {NULL}, NO_USER("broken")},
	{"none", NULL, {NULL}, NO_USER("none")},
	{"huge", NULL, {NULL}, NO_USER("huge")},
	{"top", NULL, {NULL}, NO_USER("top")},
	{"minus", NULL, {NULL}, NO_USER("minus")},
	{"word", NULL, {NULL}, NO_USER("word")},
	{"4294967295", NULL, {NULL}, NO_USER("4294967295")},
	{"18446744073709551616", NULL, {NULL}, NO_USER("18446744073709551616")},
	{"anna", "staff", {NULL}, NO_GROUP("staff")},
	{"anna", "short", {NULL}, NO_GROUP("short")},
	{"anna", "wrong", {NULL}, NO_GROUP("wrong")},
	{"anna", "words", {NULL}, NO_GROUP("words")},
	{"anna", "", {NULL}, NO_GROUP("")},
	{"555", "-1", {NULL}, NO_GROUP("-1")},
	{"anna", NULL, {(char[]){"staff"}}, NO_GROUP("staff")},
	{NULL, NULL, {(char[]){"staff"}}, NO_GROUP("staff")},
};

START_TEST(unknown_names_are_named)
{
	ck_assert_int_eq(
		find(unknown[_i].user, unknown[_i].group, unknown[_i].more),
		-ENOENT);
	ck_assert_str_eq(why.text, unknown[_i].text);
	ck_assert_uint_eq(why.value, GUEST_STATUS_FAILED);
}
END_TEST

/* None, one that is a directory, a FIFO that nobody writes to, and zeros. */
START_TEST(files_that_are_none)
{
	static const char zeros[4096];
	int kind;

	for (kind = 0; kind < 4; kind++) {
		remove(passwd_path);
		remove(group_path);
		if (kind == 1)
			ck_assert_int_eq(mkdir(passwd_path, 0700), 0);
		if (kind == 2)
			ck_assert_int_eq(mkfifo(group_path, 0600), 0);
		if (kind == 2)
			ck_assert_int_eq(mkfifo(passwd_path, 0600), 0);
		if (kind == 3)
			write_file(passwd_path, zeros, sizeof(zeros));
		ck_assert_int_eq(find("root", NULL, NULL), -ENOENT);
		ck_assert_int_eq(find("5", "root", NULL), -ENOENT);
		ck_assert_int_eq(find("5", NULL, NULL), 0);
		ck_assert_uint_eq(user.uid, 5);
		ck_assert_str_eq(user.home, "HOME=/");
		remove(passwd_path);
	}
}
END_TEST

/* No cut and no change of a byte leads past the end. */
START_TEST(damaged_files)
{
	char text[sizeof(passwd_text)];
	size_t i;

	for (i = 0; i < sizeof(passwd_text); i++) {
		write_file(passwd_path, passwd_text, i);
		find("last", NULL, NULL);
		memcpy(text, passwd_text, sizeof(text));
		text[i] = '\0';
		write_file(passwd_path, text, sizeof(text));
		find("anna", NULL, NULL);
	}
}
END_TEST

/* As many groups as the kernel takes, and one more. */
START_TEST(too_many_groups)
{
	static char text[(NGROUPS_MAX + 1) * 20];
	size_t len = 0;
	int i;

	for (i = 1; i <= NGROUPS_MAX; i++)
		len += (size_t)sprintf(text + len, "g:x:%d:anna\n", i + 100);
	write_file(group_path, text, len);
	ck_assert_int_eq(find("anna", NULL, NULL), -E2BIG);
	ck_assert_str_eq(why.text, "user: more than 65536 groups");
	*strrchr(text, 'g') = '\0';
	write_file(group_path, text, strlen(text));
	ck_assert_int_eq(find("anna", NULL, NULL), 0);
	ck_assert_uint_eq(user.group_cnt, NGROUPS_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest_user");
	TCase *tcase = tcase_create("guest_user");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, users_are_found, 0, ARRAY_SIZE(found));
	tcase_add_loop_test(tcase, unknown_names_are_named, 0,
			    ARRAY_SIZE(unknown));
	tcase_add_test(tcase, files_that_are_none);
	tcase_add_test(tcase, damaged_files);
	tcase_add_test(tcase, too_many_groups);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
