/*
 * Translations of ids as the user writes them: RULE[+RULE...].
 */
#ifndef VMM_IDRULES_H
#define VMM_IDRULES_H

struct idmap;

/* What a rule can be, for help and messages. */
#define IDRULES_FORMS                                     \
	"map/GUEST/HOST/COUNT, squash/GUEST/HOST/COUNT, " \
	"show/HOST/GUEST/COUNT, forbid/GUEST/COUNT"

/**
 * idrules_parse() - Read rules (devices/fs/idmap.h says what they do)
 * @map:	Filled
 * @text:	Rules; cut up in place, left at the one that is wrong
 *
 * Return: NULL, or what is wrong
 */
const char *idrules_parse(struct idmap *map, char **text);

#endif /* VMM_IDRULES_H */
