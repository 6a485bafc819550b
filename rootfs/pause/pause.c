/*
 * pause: holds a pod's namespaces open, and as their PID 1 reaps the orphans that end in them.
 *
 * It behaves as Kubernetes' pause does: SIGINT and SIGTERM end it with status 0, SIGCHLD reaps, -v prints the
 * version; it exits 1, 2 or 3 when the handler of SIGINT, SIGTERM or SIGCHLD cannot be installed, and 42 when
 * it cannot wait for signals any more.
 *
 * A signal that arrives just before the wait begins would be missed by a loop that looks at a flag. Here the
 * handlers do all the work themselves, so that there is nothing to miss.
 *
 * Freestanding: no libc, no data segment, no relocations. The program is one page of its file; all that it
 * writes to is its stack.
 */
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/signal.h>
#include <linux/wait.h>
#include <stddef.h>

#define STDOUT 1
#define STDERR 2
#define SAY(fd, text) call(__NR_write, fd, (long)(text), sizeof(text) - 1, 0)

#if defined(__x86_64__)
static inline long call(long number, long a, long b, long c, long d)
{
	long result;
	register long r10 __asm__("r10") = d;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

/* x86-64 wants the program to leave a handler by itself: 15 is rt_sigreturn(2). */
__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall start\n"
	"leave_handler:\n\tmov $15, %eax\n\tsyscall\n");
extern void leave_handler(void);
#define RESTORER_FLAG SA_RESTORER
#elif defined(__aarch64__)
static inline long call(long number, long a, long b, long c, long d)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
}

__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tb start\n");
#define leave_handler NULL /* the kernel brings its own, in the vDSO */
#define RESTORER_FLAG 0
#else
#error "pause knows x86-64 and arm64"
#endif

__attribute__((noreturn)) static void end(int status)
{
	for (;;)
		call(__NR_exit_group, status, 0, 0, 0);
}

static void shut_down(int signal)
{
	if (signal == SIGINT)
		SAY(STDERR, "Shutting down, got signal: Interrupt\n");
	else
		SAY(STDERR, "Shutting down, got signal: Terminated\n");
	end(0);
}

/* One SIGCHLD may stand for many children. */
static void reap(int signal)
{
	(void)signal;
	while (call(__NR_wait4, -1, 0, WNOHANG, 0) > 0)
		;
}

/* rt_sigaction(2) takes the kernel's struct, which is not libc's; both architectures have this one. */
struct action {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

/*
 * Shutting down blocks every signal: SIGPIPE, if nobody reads stderr, must not change the exit status.
 * Reaping blocks none, so that SIGTERM gets through however fast orphans end.
 */
static const struct action on_end = { shut_down, RESTORER_FLAG, leave_handler, ~0UL };
static const struct action on_child = { reap, SA_NOCLDSTOP | RESTORER_FLAG, leave_handler, 0 };

static long handle(int signal, const struct action *action)
{
	return call(__NR_rt_sigaction, signal, (long)action, 0, sizeof action->mask);
}

static int asks_for_version(const char *argument)
{
	return argument[0] == '-' && (argument[1] == 'v' || argument[1] == 'V') && argument[2] == 0;
}

/* The kernel puts argc on the stack, and argv above it. */
__attribute__((used, noreturn)) void start(const long *stack)
{
	static const unsigned long none = 0;

	for (long i = 1; i < stack[0]; i++)
		if (asks_for_version((const char *)stack[1 + i])) {
			SAY(STDOUT, "tsrun pause " VERSION "\n");
			end(0);
		}
	if (call(__NR_getpid, 0, 0, 0, 0) != 1)
		SAY(STDERR, "Warning: pause should be the first process of its PID namespace\n");

	if (handle(SIGINT, &on_end) < 0)
		end(1);
	if (handle(SIGTERM, &on_end) < 0)
		end(2);
	if (handle(SIGCHLD, &on_child) < 0)
		end(3);
	/* A caller may have left signals blocked; children may have ended before there was a handler. */
	call(__NR_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, sizeof none);
	reap(SIGCHLD);

	/* arm64 has no pause(2); ppoll(2) of nothing, without a time limit, is the same. */
	while (call(__NR_ppoll, 0, 0, 0, 0) == -EINTR)
		;
	SAY(STDERR, "Error: pause can no longer wait for signals\n");
	end(42);
}
