/*
 * The agent: executes programs of system calls and decides nothing.
 *
 * It is started with posix_spawn(3) from a sealed memfd, maps its mailboxes (memory shared with tsrun, at
 * one fixed address, so that tsrun lays out pointers beforehand) and then, for ever: waits for a post, runs
 * the steps of the posted program up to the first error that is not tolerated, and gives the lock back. All
 * policy is in TypeScript; mailbox.ts holds the other half of this layout and its comment tells who waits
 * for whom. A test compares the two layouts through offsetof.
 *
 * Freestanding: no libc, no data segment, no relocations.
 */
#include <linux/mman.h>
#include <linux/signal.h>
#include <stddef.h>

#include "steps.h"

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall start\n");
#else
__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tb start\n");
#endif

/* Blocks until tsrun posts a program. */
static uint32_t wait_for_post(struct mailbox *box, uint32_t seen)
{
	uint32_t post;
	while ((post = __atomic_load_n(&box->post, __ATOMIC_ACQUIRE)) == seen)
		call(NR_futex, (uint64_t)&box->post, FUTEX_WAIT, seen, 0, 0, 0);
	return post;
}

__attribute__((used, noreturn)) static void serve(struct mailbox *box)
{
	for (;;) {
		uint32_t mine = adopt(box), seen = 0;
		struct mailbox *next = box;
		while (next == box) {
			seen = wait_for_post(box, seen);
			__atomic_store_n(&box->lock, mine, __ATOMIC_SEQ_CST);
			next = run(box);
		}
		box = next;
	}
}

/* A container's filter may refuse exit_group(2); the trap's signal can't be refused. */
static void end(int signal)
{
	call(NR_exit_group, 128 + (uint64_t)signal, 0, 0, 0, 0, 0);
	__builtin_trap();
}

/*
 * The init of a PID namespace gets no signals that it has no handler for (pid_namespaces(7)), but a created container
 * must end when it is told to. execve(2) sets the default actions again.
 */
static void heed_signals(void)
{
	static const uint8_t ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	/* x86-64 insists on a restorer, though no handler returns. */
	const struct sigaction action = { .sa_handler = end, .sa_flags = SA_RESTORER, .sa_restorer = (void (*)(void))end };
	for (unsigned i = 0; i < sizeof ending; i++)
		call(NR_rt_sigaction, ending[i], (uint64_t)&action, 0, sizeof(sigset_t), 0, 0);
}

/* argv[1] is the mailbox file's descriptor, in decimal. */
__attribute__((used, noreturn)) void start(const uint64_t *stack)
{
	uint64_t fd = 0;
	if (stack[0] >= 2)
		for (const char *digit = (const char *)stack[2]; *digit; digit++)
			fd = fd * 10 + (uint64_t)(*digit - '0');
	int64_t at = call(NR_mmap, MAILBOX_ADDRESS, MAILBOX_SPAN, 3 /* READ | WRITE */,
			  1 /* SHARED */ | MAP_FIXED_NOREPLACE, fd, 0);
	call(NR_close, fd, 0, 0, 0, 0, 0);
	if (at != (int64_t)MAILBOX_ADDRESS)
		for (;;)
			call(NR_exit_group, 1, 0, 0, 0, 0, 0);
	heed_signals();
	serve((struct mailbox *)MAILBOX_ADDRESS);
}
