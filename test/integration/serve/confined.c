/*
 * Runs a program with less than its caller may do, in ways that leave its ids, capabilities and no_new_privs alone:
 *
 *     confined seccomp PROGRAM ARGUMENT…     with a filter (seccomp(2)) that allows all
 *     confined landlock PROGRAM ARGUMENT…    in a domain (landlock(7)) that makes no block devices
 */
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static long filter(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = 1, .filter = &allow };
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static long domain(void)
{
	struct landlock_ruleset_attr attributes = { .handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_BLOCK };
	long rules = syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
	return rules < 0 ? rules : syscall(SYS_landlock_restrict_self, rules, 0);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 125;
	if ((strcmp(argv[1], "seccomp") == 0 ? filter() : domain()) != 0) {
		perror(argv[1]);
		return 125;
	}
	execv(argv[2], argv + 2);
	return 127;
}
