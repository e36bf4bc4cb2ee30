/*
 * The command line: what is understood, and one clear line for what is not.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/command_line.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/help.h"
#include "vmm/options.h"
#include "vmm/share.h"

static struct command_line typed;

static int parse(const char *text)
{
	return command_line_parse(&typed, text);
}

static void refuses(const char *text, const char *noun)
{
	command_line_refuse(&typed, text, noun);
}

START_TEST(run_has_defaults)
{
	ck_assert_int_eq(parse("wherry run /root"), 0);
	ck_assert_int_eq(typed.config.command, CONFIG_RUN);
	ck_assert_str_eq(typed.config.rootfs, "/root");
	ck_assert_str_eq(typed.config.argv[0], "/bin/sh");
	ck_assert_ptr_null(typed.config.argv[1]);
	ck_assert_uint_eq(typed.config.memory, MIB(512));
	ck_assert_uint_eq(typed.config.cpus, 1);
	ck_assert_str_eq(typed.config.workdir, "/");
	ck_assert_uint_eq(typed.config.stop_timeout, 10);
	ck_assert_ptr_null(typed.config.kernel);
	ck_assert_uint_eq(typed.config.root.dax_len, SHARE_DAX_DEFAULT);
}
END_TEST

START_TEST(sandbox_is_on_unless_told)
{
	ck_assert_int_eq(parse("wherry run /root"), 0);
	ck_assert(!typed.config.no_sandbox);
	ck_assert_int_eq(typed.config.owner, CONFIG_OWNER_DEFAULT);
	ck_assert_int_eq(parse("wherry run --no-sandbox --owner squash "
			       "--share /a:t --share /b:u /root"),
			 0);
	ck_assert(typed.config.no_sandbox);
	ck_assert_int_eq(typed.config.owner, CONFIG_OWNER_SQUASH);
	ck_assert_int_eq(typed.config.share[0].owner, CONFIG_OWNER_SQUASH);
	ck_assert_int_eq(typed.config.share[1].owner, CONFIG_OWNER_SQUASH);
	ck_assert_int_eq(parse("wherry boot --share /a:t --owner xattr "
			       "--kernel k"),
			 0);
	ck_assert_int_eq(typed.config.share[0].owner, CONFIG_OWNER_XATTR);
	ck_assert_int_eq(parse("wherry run --owner map /root"), 0);
	ck_assert_int_eq(typed.config.owner, CONFIG_OWNER_MAP);
	refuses("wherry run --owner root /root", "map|squash|xattr");
	refuses("wherry run --owner= /root", "map|squash|xattr");
	refuses("wherry run --no-sandbox=1 /root", "--no-sandbox");
}
END_TEST

START_TEST(root_has_the_window_that_was_asked_for)
{
	static const struct {
		const char *line;
		uint64_t dax_len;
	} rows[] = {
		{"wherry run --root-options ro /r", SHARE_DAX_DEFAULT},
		{"wherry run --root-options dax=off --memory 1G /r", 0},
		{"wherry run --root-options dax=2G --memory 1G /r", GIB(2)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ck_assert_int_eq(parse(rows[i].line), 0);
		ck_assert_uint_eq(typed.config.root.dax_len, rows[i].dax_len);
	}
}
END_TEST

START_TEST(run_takes_every_option)
{
	ck_assert_int_eq(
		parse("wherry run --kernel k --modules m --cpus 4 --memory 2G "
		      "--append a=b --env A=1 --env=B=2 --workdir /w --console "
		      "--stop-timeout 0 --stats --timing --verbose root -- cmd "
		      "-x"),
		0);
	ck_assert_str_eq(typed.config.kernel, "k");
	ck_assert_str_eq(typed.config.modules, "m");
	ck_assert_uint_eq(typed.config.cpus, 4);
	ck_assert_uint_eq(typed.config.memory, GIB(2));
	ck_assert_str_eq(typed.config.append, "a=b");
	ck_assert_uint_eq(typed.config.env_cnt, 2);
	ck_assert_str_eq(typed.config.env[1], "B=2");
	ck_assert_str_eq(typed.config.workdir, "/w");
	ck_assert_uint_eq(typed.config.stop_timeout, 0);
	ck_assert(typed.config.console && typed.config.stats &&
		  typed.config.timing && typed.config.verbose);
	ck_assert_str_eq(typed.config.argv[0], "cmd");
	ck_assert_str_eq(typed.config.argv[1], "-x");
}
END_TEST

START_TEST(terminal_by_letters)
{
	static const struct {
		const char *line;
		bool interactive, tty;
	} lines[] = {
		{"wherry run root", false, false},
		{"wherry run -i root", true, false},
		{"wherry run -t root", false, true},
		{"wherry run -it root", true, true},
		{"wherry run --tty --interactive root", true, true},
		{"wherry run root -it", false, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		ck_assert_int_eq(parse(lines[i].line), 0);
		ck_assert(typed.config.interactive == lines[i].interactive);
		ck_assert(typed.config.tty == lines[i].tty);
	}
	refuses("wherry run -ix root", "-ix");
	refuses("wherry boot -t --kernel k", "-t");
}
END_TEST

START_TEST(words_after_rootfs_are_the_command)
{
	ck_assert_int_eq(parse("wherry run root ls --memory -- x"), 0);
	ck_assert_str_eq(typed.config.argv[0], "ls");
	ck_assert_str_eq(typed.config.argv[1], "--memory");
	ck_assert_str_eq(typed.config.argv[2], "--");
	ck_assert_str_eq(typed.config.argv[3], "x");
	ck_assert_uint_eq(typed.config.memory, MIB(512));
}
END_TEST

START_TEST(only_one_separator_is_dropped)
{
	ck_assert_int_eq(parse("wherry run -- root -- -- x"), 0);
	ck_assert_str_eq(typed.config.rootfs, "root");
	ck_assert_str_eq(typed.config.argv[0], "--");
}
END_TEST

START_TEST(separator_without_a_command_means_the_shell)
{
	ck_assert_int_eq(parse("wherry run root --"), 0);
	ck_assert_str_eq(typed.config.argv[0], "/bin/sh");
}
END_TEST

START_TEST(boot_takes_shares)
{
	ck_assert_int_eq(parse("wherry boot --kernel k --initrd i --share /x:a "
			       "--share /y=z:root:ro"),
			 0);
	ck_assert_int_eq(typed.config.command, CONFIG_BOOT);
	ck_assert_uint_eq(typed.config.share_cnt, 2);
	ck_assert_str_eq(typed.config.share[0].tag, "a");
	ck_assert_str_eq(typed.config.share[1].dir, "/y=z");
	ck_assert_str_eq(typed.config.share[1].tag, "root");
	ck_assert(!typed.config.share[0].fs.read_only);
	ck_assert(typed.config.share[1].fs.read_only);
}
END_TEST

START_TEST(run_takes_shares_besides_its_root)
{
	ck_assert_int_eq(parse("wherry run --share /x:a:cache=none "
			       "--root-options ro:cache=always root"),
			 0);
	ck_assert_uint_eq(typed.config.share_cnt, 1);
	ck_assert_int_eq(typed.config.share[0].fs.cache, FS_CACHE_NONE);
	ck_assert_int_eq(typed.config.root.cache, FS_CACHE_ALWAYS);
	ck_assert(typed.config.root.read_only && typed.config.root.local_locks);
	ck_assert_int_eq(parse("wherry run root"), 0);
	ck_assert_int_eq(typed.config.root.cache, FS_CACHE_AUTO);
	ck_assert(!typed.config.root.read_only &&
		  !typed.config.root.local_locks);
	refuses("wherry run --share /x:root root", "ROOTFS");
	refuses("wherry run --root-options x root", "--root-options");
	refuses("wherry boot --kernel k --root-options ro", "--root-options");
}
END_TEST

START_TEST(help_and_version_are_commands)
{
	ck_assert_int_eq(parse("wherry"), 0);
	ck_assert_int_eq(typed.config.command, CONFIG_HELP);
	ck_assert_int_eq(parse("wherry --help"), 0);
	ck_assert_int_eq(typed.config.command, CONFIG_HELP);
	ck_assert_int_eq(parse("wherry --version"), 0);
	ck_assert_int_eq(typed.config.command, CONFIG_VERSION);
	ck_assert_int_eq(parse("wherry help boot"), 0);
	ck_assert_int_eq(typed.config.help_on, CONFIG_BOOT);
	ck_assert_int_eq(parse("wherry run --memory 1G --help"), 0);
	ck_assert_int_eq(typed.config.command, CONFIG_HELP);
	ck_assert_int_eq(typed.config.help_on, CONFIG_RUN);
}
END_TEST

START_TEST(doctor_takes_nothing)
{
	ck_assert_int_eq(parse("wherry doctor"), 0);
	ck_assert_int_eq(typed.config.command, CONFIG_DOCTOR);
	ck_assert_int_eq(parse("wherry doctor --help"), 0);
	ck_assert_int_eq(typed.config.command, CONFIG_HELP);
	ck_assert_int_eq(typed.config.help_on, CONFIG_DOCTOR);
	refuses("wherry doctor root", "argument root");
	refuses("wherry doctor --memory 1G", "--memory");
}
END_TEST

START_TEST(help_names_every_option)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	help_print(to, CONFIG_RUN);
	fclose(to);
	ck_assert_ptr_nonnull(strstr(text, "ROOTFS"));
	ck_assert_ptr_nonnull(strstr(text, "--workdir DIR"));
	ck_assert_ptr_null(strstr(text, "--initrd"));
	free(text);
	to = open_memstream(&text, &len);
	help_print(to, CONFIG_DOCTOR);
	fclose(to);
	ck_assert_ptr_nonnull(strstr(text, "wherry doctor"));
	ck_assert_ptr_null(strstr(text, "shares"));
	free(text);
}
END_TEST

START_TEST(unknown_words_are_named)
{
	refuses("wherry rum x", "command rum");
	refuses("wherry help rum", "command rum");
	refuses("wherry run --colour red x", "--colour");
	refuses("wherry run -q x", "-q");
	refuses("wherry run --initrd i x", "--initrd");
	refuses("wherry run", "ROOTFS");
	refuses("wherry run --cpus 2", "ROOTFS");
	refuses("wherry boot", "--kernel");
	refuses("wherry boot --kernel k extra", "extra");
	refuses("wherry run --memory", "--memory");
}
END_TEST

START_TEST(unknown_words_get_the_nearest_known)
{
	refuses("wherry rnu x", "command rnu: unknown; see");
	refuses("wherry rum x", "did you mean run?");
	refuses("wherry help docter", "did you mean doctor?");
	refuses("wherry run --memorry 1G x", "did you mean --memory?");
	refuses("wherry run --memroy=1G x", "did you mean --memory?");
	refuses("wherry run --confg f x", "did you mean --config?");
	refuses("wherry run --hepl x", "--hepl: unknown; see");
	refuses("wherry boot --initd i", "did you mean --initrd?");
	refuses("wherry run --initd i x", "--initd: unknown; see");
	refuses("wherry doctor --confg f", "--confg: unknown; see");
	refuses("wherry doctor --hlp", "did you mean --help?");
	refuses("wherry run --xyz x", "--xyz: unknown; see");
	refuses("wherry run -x x", "-x: unknown; see");
	refuses("wherry run "
		"--memorymemorymemorymemorymemorymemorymemorymemory x",
		"memory: unknown; see");
}
END_TEST

START_TEST(numbers_out_of_range_are_refused)
{
	refuses("wherry run --cpus 0 x", "--cpus 0");
	refuses("wherry run --cpus 33 x", "--cpus 33");
	refuses("wherry run --cpus -1 x", "--cpus -1");
	refuses("wherry run --cpus 2x x", "--cpus 2x");
	refuses("wherry run --stop-timeout -1 x", "--stop-timeout -1");
	refuses("wherry run --stop-timeout 1s x", "--stop-timeout 1s");
	refuses("wherry run --stop-timeout 86401 x", "--stop-timeout 86401");
	refuses("wherry run --timeout 0 x", "--timeout 0");
	refuses("wherry run --timeout 0.0m x", "--timeout 0.0m");
	refuses("wherry run --timeout -1 x", "--timeout -1");
	refuses("wherry run --timeout 1w x", "--timeout 1w");
	refuses("wherry run --timeout 9223372037 x", "--timeout 9223372037");
	refuses("wherry boot --kernel k --timeout 5", "--timeout");
	refuses("wherry run --pids 0 x", "--pids 0");
	refuses("wherry run --pids 4194305 x", "--pids 4194305");
	refuses("wherry run --pids max x", "--pids max");
	refuses("wherry run --output-limit 0 x", "--output-limit 0");
	refuses("wherry run --output-limit 1.5M x", "--output-limit 1.5M");
	refuses("wherry run --tmp-size 0 x", "--tmp-size 0");
	refuses("wherry run --tmp-size 1 x", "--tmp-size 1");
	refuses("wherry run --tmp-size 50% x", "--tmp-size 50%");
	refuses("wherry run --overlay= x", "--overlay=DIR");
	refuses("wherry run -v a:b x", "--volume GUEST b");
	refuses("wherry boot --kernel k -v a:/b", "option -v: unknown");
	refuses("wherry run --memory 0 x", "--memory 0");
	refuses("wherry run --memory 1M x", "--memory 1M");
	refuses("wherry run --memory 2000G x", "--memory 2000G");
	refuses("wherry run --memory 99999999999999999999 x", "--memory 9");
	refuses("wherry run --memory 536870913 x", "--memory 5");
	refuses("wherry run --memory x x", "--memory x");
}
END_TEST

START_TEST(malformed_pairs_are_refused)
{
	refuses("wherry run --env =x x", "--env =x: not a variable");
	refuses("wherry run --env= x", "--env : not a variable");
	refuses("wherry run --workdir here x", "--workdir here");
	refuses("wherry run --share host x", "--share host");
	refuses("wherry run --share :tag x", "--share :tag");
	refuses("wherry run --share host: x", "--share host:");
	refuses("wherry run --share : x", "without ':' in HOST");
}
END_TEST

START_TEST(too_many_are_refused)
{
	char text[COMMAND_LINE_LEN] = "wherry boot --kernel k";

	for (int i = 0; i < CONFIG_MAX_SHARES; i++)
		sprintf(text + strlen(text), " --share=/b:%d", i);
	ck_assert_int_eq(parse(text), 0);
	strcat(text, " --share=/b:last");
	refuses(text, "last");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("options");
	TCase *tcase = tcase_create("options");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, run_has_defaults);
	tcase_add_test(tcase, sandbox_is_on_unless_told);
	tcase_add_test(tcase, root_has_the_window_that_was_asked_for);
	tcase_add_test(tcase, run_takes_every_option);
	tcase_add_test(tcase, terminal_by_letters);
	tcase_add_test(tcase, words_after_rootfs_are_the_command);
	tcase_add_test(tcase, only_one_separator_is_dropped);
	tcase_add_test(tcase, separator_without_a_command_means_the_shell);
	tcase_add_test(tcase, boot_takes_shares);
	tcase_add_test(tcase, run_takes_shares_besides_its_root);
	tcase_add_test(tcase, help_and_version_are_commands);
	tcase_add_test(tcase, doctor_takes_nothing);
	tcase_add_test(tcase, help_names_every_option);
	tcase_add_test(tcase, unknown_words_are_named);
	tcase_add_test(tcase, unknown_words_get_the_nearest_known);
	tcase_add_test(tcase, numbers_out_of_range_are_refused);
	tcase_add_test(tcase, malformed_pairs_are_refused);
	tcase_add_test(tcase, too_many_are_refused);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
