/*
 * Looks at the files that a command line names, before the server does: where a file system doesn't answer, this process
 * waits, and not the server with all that it does for others. At what the config names the stage looks (stage-program.ts).
 */
#ifndef TSRUN_LOOK_H
#define TSRUN_LOOK_H

#include "streams.h"
#include "text.h"

/* Flags whose value is a file that the server opens or looks for; the bundle's come first. */
static const char FILE_FLAGS[] = "--bundle\0-b\0--console-socket\0--log\0--output\0--pid-file\0--pidfd-socket\0--process\0-p\0"
				 "--resources\0-r\0--root\0";
#define BUNDLE_FLAGS 2
/* Other flags of commands that a server does whose value is a word of its own: it is neither the command nor the id. */
static const char VALUE_FLAGS[] = "--additional-gids\0-g\0--apparmor\0--at\0--cap\0-c\0--cgroup\0--criu\0--cwd\0--env\0-e\0"
				  "--fault\0--format\0-f\0--log-format\0--pid\0--preserve-fds\0--process-label\0--rootless\0"
				  "--tools\0--trace\0--user\0-u\0";
#define LONGEST_LOOKED_AT 4096

static void look_at(const char *path)
{
	char status[256];
	call(NR_statx, (uint64_t)-100 /* AT_FDCWD */, (uint64_t)path, 0, 0x7ff /* STATX_BASIC_STATS */, (uint64_t)status, 0);
}

/* Which of these flags a word is, from 1 on, or 0; `value` is what follows its "=", if it has one. */
static int flag_among(const char *flags, const char *word, const char **value)
{
	int which = 1;
	for (const char *flag = flags; *flag; which++) {
		const char *rest = value_of(word, flag);
		if (rest && (!*rest || *rest == '=')) {
			*value = *rest ? rest + 1 : 0;
			return which;
		}
		while (*flag++)
			;
	}
	return 0;
}

/* Whether what follows the id is for somebody else: it may be paths in the container. */
static int ends_at_id(const char *command)
{
	return same(command, "exec") || same(command, "ps");
}

static void look_first(uint64_t count, const char *const *words)
{
	const char *command = 0, *bundle = ".", *value;
	char config[LONGEST_LOOKED_AT];
	for (uint64_t index = 1; index < count; index++) {
		if (*words[index] != '-') {
			if (command && ends_at_id(command))
				break;
			if (!command)
				command = words[index];
			continue;
		}
		int flag = flag_among(FILE_FLAGS, words[index], &value);
		if (!flag && !flag_among(VALUE_FLAGS, words[index], &value))
			continue;
		if (!value && index + 1 < count)
			value = words[++index];
		if (!flag || !value)
			continue;
		look_at(value);
		if (flag <= BUNDLE_FLAGS)
			bundle = value;
	}
	if (!command || !(same(command, "create") || same(command, "run")))
		return;
	uint64_t length = append(config, 0, sizeof config, bundle);
	if (length && append(config, length, sizeof config, "/config.json"))
		look_at(config);
}

#endif
