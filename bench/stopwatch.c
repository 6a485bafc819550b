/*
 * Runs a command and reports how it ended, how long it took and its peak memory.
 *
 *     stopwatch REPORT COMMAND [ARGUMENTS]
 *
 * Writes "STATUS NANOSECONDS KILOBYTES\n" to the file REPORT: the wait status, the time from posix_spawn(3)
 * until wait4(2) had the command's end, and ru_maxrss of it and of those descendants that it waited for.
 * bench.ts could do that itself but for ru_maxrss: what posix_spawn(3) starts has its parent's peak from the
 * beginning, and Bun's is 40 MB.
 *
 * With no arguments it does nothing: the cheapest program there is, to see what spawning alone takes.
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static long long nanoseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 0;
	int report = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (report < 0) {
		perror(argv[1]);
		return 1;
	}
	/* Bun ignores these two, and a command would inherit that. */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	pid_t pid;
	int status;
	struct rusage usage;
	long long began = nanoseconds();
	int error = posix_spawn(&pid, argv[2], NULL, NULL, argv + 2, environ);
	if (error != 0) {
		fprintf(stderr, "stopwatch: %s: %s\n", argv[2], strerror(error));
		return 1;
	}
	if (wait4(pid, &status, 0, &usage) != pid) {
		perror("stopwatch: wait4");
		return 1;
	}
	dprintf(report, "%d %lld %ld\n", status, nanoseconds() - began, usage.ru_maxrss);
	return 0;
}
