/* `metadata PID`: the flags of the newest seccomp filter of a process, as ptrace(2) tells them. */
#include <linux/ptrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long ptrace(long request, int pid, unsigned long addr, void *data)
{
	return syscall(SYS_ptrace, request, (long)pid, addr, data);
}

int main(int argc, char **argv)
{
	int pid = argc > 1 ? atoi(argv[1]) : 0;
	struct seccomp_metadata newest = {.filter_off = 0};

	if (ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0) ||
	    waitpid(pid, 0, __WALL) != pid ||
	    ptrace(PTRACE_SECCOMP_GET_METADATA, pid, sizeof newest, &newest) < 0) {
		perror("ptrace");
		return 1;
	}
	printf("%llu\n", (unsigned long long)newest.flags);
	return 0;
}
