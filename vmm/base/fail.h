/*
 * The one line that a failed set-up shows its user: written where the cause is
 * known, passed up unread, printed once at the top.
 */
#ifndef VMM_BASE_FAIL_H
#define VMM_BASE_FAIL_H

enum { FAIL_TEXT_LEN = 512 };

/**
 * struct fail - Why something failed, in the user's words
 * @text:	One line without a newline: "noun: what is wrong; next step".
 *		Empty as long as nothing failed
 */
struct fail {
	char text[FAIL_TEXT_LEN];
};

/**
 * fail_set() - Write the reason of a failure
 * @fail:	Receives the text; an older one is replaced
 * @err:	Negative errno, returned as it is
 * @fmt:	printf format of the text, without a newline
 *
 * Return: @err, so that a caller writes `return fail_set(fail, -EINVAL, ...)`
 */
int fail_set(struct fail *fail, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* VMM_BASE_FAIL_H */
