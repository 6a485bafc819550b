/*
 * Signals a process right before one of its system calls, or right after one that has made a child:
 *
 *     signal-at SIGNAL N PROGRAM ARGUMENT…    starts the program, and ends as it does
 *     signal-at SIGNAL N -PID                 follows a process that runs, until it has ended
 *
 * Counts these moments of the main thread from 1, those of a program that it starts from its first socket(2) on. What the
 * process starts is not followed. Writes "follows" to descriptor 3 first, then "signalled" once it has been, else how
 * many moments there were.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void require(int holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	exit(125);
}

/* Whether a call begins, whose number is kept, or a clone3(2) ends. */
static int is_counted(pid_t pid, long *number)
{
	struct __ptrace_syscall_info info = { 0 };
	ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return *number == SYS_clone3;
	*number = (long)info.entry.nr;
	return 1;
}

static pid_t started(char **argv)
{
	pid_t pid = fork();
	if (pid == 0) {
		close(3);
		raise(SIGSTOP);
		execv(argv[0], argv);
		_exit(127);
	}
	require(pid > 0 && waitpid(pid, 0, WUNTRACED) == pid, "fork");
	return pid;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 125;
	int signal = atoi(argv[1]), status = 0, is_followed = argv[3][0] == '-';
	long at = atol(argv[2]), calls = 0, number = -1;
	pid_t pid = is_followed ? atoi(argv[3] + 1) : started(argv + 3);
	require(ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) == 0, "PTRACE_SEIZE");
	if (is_followed)
		require(ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0, "PTRACE_INTERRUPT");
	else
		kill(pid, SIGCONT);
	FILE *report = fdopen(3, "w");
	require(report != 0, "descriptor 3");
	fprintf(report, "follows\n");
	fflush(report);
	int counts = is_followed;
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		int stop = WSTOPSIG(status), pass = 0;
		if (stop == (SIGTRAP | 0x80)) {
			int is_moment = is_counted(pid, &number);
			counts |= number == SYS_socket;
			if (is_moment && counts && ++calls == at) {
				fprintf(report, "signalled\n");
				fflush(report);
				kill(pid, signal);
				require(ptrace(PTRACE_DETACH, pid, 0, 0) == 0 || errno == ESRCH, "PTRACE_DETACH");
				if (is_followed)
					return 0;
				waitpid(pid, &status, 0);
				break;
			}
		} else if (status >> 16 == 0) {
			pass = stop;
		}
		if (ptrace(PTRACE_SYSCALL, pid, 0, pass) != 0 && errno != ESRCH)
			break;
	}
	if (calls < at)
		fprintf(report, "%ld calls\n", calls);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
