/*
 * What a process inherits by fork(2) and execve(2): `inherited show` prints it, a line for each attribute,
 * `inherited change COMMAND …` changes whatever it may of it and executes the command.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif

static void show_file(const char *name, const char *path)
{
	char text[256] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof text - 1) > 0)
		text[strcspn(text, "\n")] = 0;
	printf("%s %s\n", name, text);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		perror(path);
}

static int show(void)
{
	struct rlimit limit;
	struct sched_param param = { 0 };
	struct sigaction action;
	cpu_set_t cpus;
	sigset_t blocked;
	gid_t groups[64];
	int value = 0, mode = 0;

	for (int resource = 0; resource < RLIM_NLIMITS; resource++)
		if (resource != RLIMIT_NOFILE && getrlimit(resource, &limit) == 0)
			printf("limit %d %lld %lld\n", resource, (long long)limit.rlim_cur, (long long)limit.rlim_max);
	getrlimit(RLIMIT_NOFILE, &limit);
	printf("files %lld %lld\n", (long long)limit.rlim_cur, (long long)limit.rlim_max);
	CPU_ZERO(&cpus);
	sched_getaffinity(0, sizeof cpus, &cpus);
	printf("affinity %d\n", CPU_COUNT(&cpus));
	sched_getparam(0, &param);
	printf("scheduler %d %d\n", sched_getscheduler(0), param.sched_priority);
	printf("nice %d\n", getpriority(PRIO_PROCESS, 0));
	printf("ioprio %ld\n", syscall(SYS_ioprio_get, 1, 0));
	printf("timerslack %d\n", prctl(PR_GET_TIMERSLACK));
	prctl(PR_GET_PDEATHSIG, &value);
	printf("pdeathsig %d\n", value);
	printf("dumpable %d\n", prctl(PR_GET_DUMPABLE));
	printf("securebits %d\n", prctl(PR_GET_SECUREBITS));
	printf("keepcaps %d\n", prctl(PR_GET_KEEPCAPS));
	prctl(PR_GET_CHILD_SUBREAPER, &value);
	printf("subreaper %d\n", value);
	printf("no_new_privs %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	printf("thp %d\n", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	printf("mce %d\n", prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	printf("ksm %d\n", prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0));
	printf("speculation %d\n", prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0));
	printf("personality %x\n", personality(0xffffffff));
	syscall(SYS_get_mempolicy, &mode, 0, 0, 0, 0);
	printf("mempolicy %d\n", mode);
	show_file("oom_score_adj", "/proc/self/oom_score_adj");
	show_file("coredump_filter", "/proc/self/coredump_filter");
	printf("request_key %ld\n", syscall(SYS_keyctl, KEYCTL_SET_REQKEY_KEYRING, KEY_REQKEY_DEFL_NO_CHANGE));
	value = umask(0);
	printf("umask %o\n", value);
	printf("groups %d\n", getgroups(64, groups));
	sigprocmask(SIG_BLOCK, 0, &blocked);
	for (int signal = 1; signal < NSIG; signal++) {
		if (sigismember(&blocked, signal) == 1)
			printf("blocked %d\n", signal);
		if (sigaction(signal, 0, &action) == 0 && action.sa_handler == SIG_IGN)
			printf("ignored %d\n", signal);
	}
	printf("ambient %d\n", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0 /* CAP_CHOWN */, 0, 0));
	return 0;
}

static void lower_limits(void)
{
	struct rlimit limit;
	for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
		/* These would be in tsrun's way. */
		if (resource == RLIMIT_DATA || resource == RLIMIT_AS || resource == RLIMIT_NPROC)
			continue;
		getrlimit(resource, &limit);
		limit.rlim_cur = resource == RLIMIT_NOFILE ? 256 : limit.rlim_cur == RLIM_INFINITY ? 1 << 30 : limit.rlim_cur / 2;
		setrlimit(resource, &limit);
	}
}

static void change_rest(void)
{
	struct sched_param param = { 0 };
	struct { unsigned version; int pid; } header = { 0x20080522, 0 };
	struct { unsigned effective, permitted, inheritable; } sets[2];
	const gid_t groups[] = { 50, 60 };
	unsigned long node = 1;
	cpu_set_t cpus;
	sigset_t blocked;

	sched_getaffinity(0, sizeof cpus, &cpus);
	for (int cpu = 0, found = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &cpus) && found++)
			CPU_CLR(cpu, &cpus);
	sched_setaffinity(0, sizeof cpus, &cpus);
	sched_setscheduler(0, SCHED_BATCH, &param);
	setpriority(PRIO_PROCESS, 0, 3);
	syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 6);
	prctl(PR_SET_TIMERSLACK, 123456);
	prctl(PR_SET_PDEATHSIG, SIGUSR1);
	prctl(PR_SET_SECUREBITS, 4 /* SECBIT_NO_SETUID_FIXUP */);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
	prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0);
	prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_DISABLE, 0, 0);
	personality(ADDR_NO_RANDOMIZE);
	syscall(SYS_set_mempolicy, 2 /* MPOL_BIND */, &node, 8 * sizeof node);
	write_file("/proc/self/oom_score_adj", "300");
	write_file("/proc/self/coredump_filter", "0x11");
	syscall(SYS_keyctl, KEYCTL_SET_REQKEY_KEYRING, KEY_REQKEY_DEFL_USER_KEYRING);
	umask(0707);
	setgroups(2, groups);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &blocked, 0);
	signal(SIGHUP, SIG_IGN);
	signal(SIGRTMIN + 5, SIG_IGN);
	syscall(SYS_capget, &header, sets);
	sets[0].inheritable |= 1; /* CAP_CHOWN */
	syscall(SYS_capset, &header, sets);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 0, 0, 0);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return show();
	lower_limits();
	change_rest();
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
