/*
 * Makes system calls under a seccomp filter, and tells what the kernel does about each; none of them is done.
 *
 * `kernel-verdicts CALLS [FILTER]`: CALLS has lines of hexadecimal numbers, AUDIT_ARCH, number and six arguments. FILTER
 * is loaded first (struct sock_filter, as seccomp(2) takes it); without it the filter is the one of this process. Prints
 * `allow`, `errno N`, `trap`, `killed`, `notify`, `trace N`, `unfiltered` where the kernel asks no filter, or `none` where it
 * has no such calls at all.
 *
 * A child makes the calls, and this process traces it. A filter of its own, which says SECCOMP_RET_TRACE to everything,
 * stops what the other filter allows (seccomp(2): the action of the highest precedence counts; of two that trace, the
 * later filter's data), and the call is then left out. What is stricter than a trace has its own effect.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_CALLS = 16384, OURS = 0xfff0, MOST_INSTRUCTIONS = 4096 };

struct call {
	uint64_t arch, number, args[6];
};

enum verdict { RETURNED, ALLOWED, TRACED, TRAPPED, KILLED, NOTIFIED, UNFILTERED, NONE };

struct shared {
	volatile int current, is_loaded, listener;
	struct call calls[MOST_CALLS];
	volatile int64_t returned[MOST_CALLS];
	volatile int verdict[MOST_CALLS];
	volatile unsigned long data[MOST_CALLS];
};

static struct shared *shared;
static int count;
static struct sock_filter instructions[MOST_INSTRUCTIONS];
static struct sock_fprog filter = {.filter = instructions};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

#include "kernel-verdicts.h"

static void load_tracing(void)
{
	struct sock_filter one = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | OURS);
	struct sock_fprog all = {.len = 1, .filter = &one};
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &all))
		fail("seccomp");
}

/* Whether some instruction returns this action. */
static int has_action(uint32_t action)
{
	for (int i = 0; i < filter.len; i++)
		if (instructions[i].code == (BPF_RET | BPF_K) && (instructions[i].k & SECCOMP_RET_ACTION_FULL) == action)
			return 1;
	return 0;
}

static void load_filter(void)
{
	int flags = has_action(SECCOMP_RET_USER_NOTIF) ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
	int result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
	if (result < 0)
		fail("seccomp");
	shared->listener = flags ? result : -1;
}

static void make_calls(int first)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || ptrace(PTRACE_TRACEME, 0, 0, 0))
		fail("ptrace");
	raise(SIGSTOP);
	load_tracing();
	if (filter.len)
		load_filter();
	shared->is_loaded = 1;
	STOP(); /* the tracer fetches the listener */
	for (int i = first; i < count; i++) {
		struct call *call = &shared->calls[i];
		shared->current = i;
		shared->returned[i] = call->arch == NATIVE ? call64(call->number, call->args)
							       : (int32_t)call32(call->number, call->args);
	}
	shared->current = count;
	END();
}

/* Answers the call that waits for a listener. */
static void answer(int listener)
{
	struct seccomp_notif asked = {0};
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked))
		return;
	shared->verdict[shared->current] = NOTIFIED;
	struct seccomp_notif_resp said = {.id = asked.id, .error = -EXDEV};
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &said);
}

static int next_stop(pid_t child, int listener)
{
	int status;
	for (;;) {
		pid_t found = waitpid(child, &status, listener < 0 ? 0 : WNOHANG);
		if (found < 0)
			fail("waitpid");
		if (found > 0)
			return status;
		struct pollfd ready = {.fd = listener, .events = POLLIN};
		if (poll(&ready, 1, 1) > 0 && ready.revents & POLLIN)
			answer(listener);
	}
}

static void skip_call(pid_t child, int verdict, unsigned long data)
{
	shared->verdict[shared->current] = verdict;
	shared->data[shared->current] = data;
	leave_out(child);
}

/* Watches a child's calls; returns the next one to be made by another child. */
static int watch(pid_t child)
{
	int listener = -1;
	for (;;) {
		int status = next_stop(child, listener);
		int signal = 0, stop = status >> 8;
		if (WIFSIGNALED(status) || WIFEXITED(status)) {
			if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
				exit(1);
			shared->verdict[shared->current] = KILLED;
			return shared->current + 1;
		}
		if (filter.len && shared->is_loaded && shared->listener >= 0 && listener < 0) {
			int pidfd = syscall(SYS_pidfd_open, child, 0);
			listener = syscall(SYS_pidfd_getfd, pidfd, shared->listener, 0);
			close(pidfd);
		}
		if (stop == SIGILL && shared->current < count) {
			/* What uprobes call, and nobody else may: kernels that have it don't ask filters about it. */
			shared->verdict[shared->current] = UNFILTERED;
		} else if (stop == SIGILL) {
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
			return count;
		} else if (stop == SIGSTOP) {
			ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL);
		} else if (stop == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
			unsigned long data = 0;
			ptrace(PTRACE_GETEVENTMSG, child, 0, &data);
			if (shared->is_loaded)
				skip_call(child, data == OURS ? ALLOWED : TRACED, data);
		} else if (stop == SIGTRAP) {
			go_on(child);
		} else if (stop == SIGSYS) {
			shared->verdict[shared->current] = TRAPPED;
		} else if (stop == SIGSEGV && shared->calls[shared->current].arch != NATIVE) {
			/* A kernel without these calls takes the instruction for a fault. */
			shared->verdict[shared->current] = NONE;
			skip_fault(child);
		} else {
			signal = stop;
		}
		ptrace(PTRACE_CONT, child, 0, signal);
	}
}

static void print(int i)
{
	switch (shared->verdict[i]) {
	case RETURNED: printf("errno %lld\n", (long long)-shared->returned[i]); break;
	case ALLOWED: printf("allow\n"); break;
	case TRACED: printf("trace %lu\n", shared->data[i]); break;
	case TRAPPED: printf("trap\n"); break;
	case KILLED: printf("killed\n"); break;
	case UNFILTERED: printf("unfiltered\n"); break;
	case NOTIFIED: printf("notify\n"); break;
	default: printf("none\n");
	}
}

int main(int argc, char **argv)
{
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	FILE *calls = argc > 1 ? fopen(argv[1], "r") : NULL;
	if (shared == MAP_FAILED || !calls)
		fail("calls");
	for (; count < MOST_CALLS; count++) {
		struct call *call = &shared->calls[count];
		uint64_t *a = call->args;
		if (fscanf(calls, "%lx %lx %lx %lx %lx %lx %lx %lx", &call->arch, &call->number, a, a + 1, a + 2, a + 3,
			   a + 4, a + 5) != 8)
			break;
	}
	if (argc > 2) {
		int fd = open(argv[2], O_RDONLY | O_CLOEXEC);
		ssize_t length = read(fd, instructions, sizeof instructions);
		if (length <= 0)
			fail("filter");
		filter.len = (unsigned short)((size_t)length / sizeof *instructions);
	}
	fflush(stdout);
	for (int next = 0; next < count;) {
		shared->is_loaded = 0;
		pid_t child = fork();
		if (child < 0)
			fail("fork");
		if (child == 0)
			make_calls(next);
		next = watch(child);
	}
	for (int i = 0; i < count; i++)
		print(i);
}
