/*
 * Values of options, kept as they were written.
 */
#include "vmm/kept.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "vmm/base/fail.h"
#include "vmm/config.h"

int kept_begin(struct config *config, struct fail *fail)
{
	if (!config->kept)
		config->kept = json_object_new_object();
	return config->kept ? 0
			    : fail_set(fail, -ENOMEM, "--print-config: %s",
				       strerror(ENOMEM));
}

void kept_add(struct config *config, const char *name, bool repeats,
	      const char *value)
{
	struct json_object *list, *kept;

	if (!config->kept)
		return;
	kept = value ? json_object_new_string(value)
		     : json_object_new_boolean(true);
	if (repeats) {
		if (!json_object_object_get_ex(config->kept, name, &list)) {
			list = json_object_new_array();
			json_object_object_add(config->kept, name, list);
		}
		json_object_array_add(list, kept);
	} else {
		json_object_object_add(config->kept, name, kept);
	}
}

void kept_end(struct config *config)
{
	json_object_put(config->kept);
	config->kept = NULL;
}
