/*
 * Runs a command and reports how it ended, how long it took and its peak memory.
 *
 *     stopwatch [-c CGROUP] [-n TIMES] REPORT COMMAND [ARGUMENTS]
 *
 * Writes "STATUS NANOSECONDS KILOBYTES MICROSECONDS\n" to the file REPORT: the wait status, the time from
 * posix_spawn(3) until wait4(2) had the command's end, and ru_maxrss and the processor time of it and of those
 * descendants that it waited for.
 * bench.ts could do that itself but for ru_maxrss: what posix_spawn(3) starts has its parent's peak from the
 * beginning, and Bun's is 40 MB.
 *
 * With -c it enters that cgroup first, and so does the command. With -n the command runs so many times, one after the
 * other, until one fails: the time is that of all.
 *
 * With no arguments it does nothing: the cheapest program there is, to see what spawning alone takes.
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long nanoseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long microseconds(struct timeval time)
{
	return time.tv_sec * 1000000LL + time.tv_usec;
}

static void enter(const char *cgroup)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1) {
		perror(path);
		exit(1);
	}
	close(fd);
}

/* Returns the wait status. */
static int run(char **command, long *peak, long long *worked)
{
	pid_t pid;
	int status;
	struct rusage usage;
	int error = posix_spawn(&pid, command[0], NULL, NULL, command, environ);
	if (error != 0) {
		fprintf(stderr, "stopwatch: %s: %s\n", command[0], strerror(error));
		exit(1);
	}
	if (wait4(pid, &status, 0, &usage) != pid) {
		perror("stopwatch: wait4");
		exit(1);
	}
	if (usage.ru_maxrss > *peak)
		*peak = usage.ru_maxrss;
	*worked += microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
	return status;
}

int main(int argc, char **argv)
{
	int times = 1, status = 0, option;
	long peak = 0;
	long long worked = 0;
	while ((option = getopt(argc, argv, "+c:n:")) != -1)
		if (option == 'c')
			enter(optarg);
		else if (option == 'n')
			times = atoi(optarg);
		else
			return 1;
	if (argc - optind < 2)
		return 0;
	char *name = argv[optind];
	int report = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (report < 0) {
		perror(name);
		return 1;
	}
	/* Bun ignores these two, and a command would inherit that. */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	long long began = nanoseconds();
	while (times-- > 0 && status == 0)
		status = run(argv + optind + 1, &peak, &worked);
	dprintf(report, "%d %lld %ld %lld\n", status, nanoseconds() - began, peak, worked);
	return 0;
}
