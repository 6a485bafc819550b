/*
 * Runs a program for which some system calls fail: `refuse ERRNO NUMBER[,NUMBER…] PROGRAM [ARGUMENT…]`, all numbers in
 * decimal. The errno 0 stands for death by SIGSYS.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { MOST = 32 };

int main(int argc, char **argv)
{
	struct sock_filter filter[2 * MOST + 2] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
	unsigned short length = 1;
	if (argc < 4)
		return 2;
	unsigned errno_value = (unsigned)atoi(argv[1]);
	unsigned action = errno_value ? SECCOMP_RET_ERRNO | errno_value : SECCOMP_RET_KILL_PROCESS;
	for (char *number = strtok(argv[2], ","); number && length < 2 * MOST; number = strtok(NULL, ",")) {
		filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)atoi(number), 0, 1);
		filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
	}
	filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {length, filter};
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("prctl");
		return 2;
	}
	execv(argv[3], argv + 3);
	perror(argv[3]);
	return 2;
}
