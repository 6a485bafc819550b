/*
 * What a process can do with its session keyring (keyctl(2)): `keyring describe` prints "type;uid;gid;perm;name" of
 * it, `keyring add KEY` puts a key into it, `keyring find KEY` prints that key's payload. Fails with an errno.
 */
#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "", *key = argc > 2 ? argv[2] : "";
	char text[256] = "";
	long id;

	if (strcmp(verb, "describe") == 0) {
		if (syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof text) < 0)
			return fail(verb);
	} else if (strcmp(verb, "add") == 0) {
		if (syscall(SYS_add_key, "user", key, "secret", 6, KEY_SPEC_SESSION_KEYRING) < 0)
			return fail(verb);
	} else {
		id = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", key, 0);
		if (id < 0 || syscall(SYS_keyctl, KEYCTL_READ, id, text, sizeof text - 1) < 0)
			return fail(verb);
	}
	puts(text);
	return 0;
}
