/* A process that is served, once it has a mailbox: it runs the server's programs, as an agent, until one ends it. */
#ifndef TSRUN_SERVED_H
#define TSRUN_SERVED_H

#include <linux/mman.h>
#include <linux/signal.h>
#include <linux/wait.h>

#define IN_CALLER
#include "../agent/steps.h"
#include "streams.h"

/* How often the server's life is looked at, in milliseconds. */
#define LOOK 100

/* The exit status of a process as shells give it. */
static int shell_status(int status)
{
	return (status & 0x7f) ? 128 + (status & 0x7f) : status >> 8 & 0xff;
}

/*
 * Passes signals on to a process of the container until that has ended, and returns its status, or exits with it as a
 * shell gives it.
 */
static int64_t foreground(int child, uint64_t signals, uint64_t exits)
{
	int status = 0;
	for (;;) {
		int64_t ended = call(NR_wait4, (uint64_t)child, (uint64_t)&status, WNOHANG, 0, 0, 0);
		if (ended < 0)
			return ended;
		if (ended == child && exits)
			end(shell_status(status));
		if (ended == child)
			return status;
		int64_t signal = call(NR_rt_sigtimedwait, (uint64_t)&signals, 0, 0, 8, 0, 0);
		if (signal > 0 && signal != SIGCHLD)
			call(NR_kill, (uint64_t)child, (uint64_t)signal, 0, 0, 0, 0);
	}
}

/* The server has gone. A container in the foreground didn't need it, and how that has ended is known. */
__attribute__((noreturn)) static void left_alone(struct mailbox *box)
{
	const struct step *step = &steps_of(box)[box->first];
	if (step->number != FOREGROUND || step->result < 0)
		lost();
	complain("tsrun: warning: the tsrun that served this command has ended before the container, which `tsrun delete` removes\n");
	end(shell_status((int)step->result));
}

/* Whether the server is gone by what the kernel has noted, or by the connection, on which it says nothing more. */
static int is_left(const struct mailbox *first, int64_t connection)
{
	return (__atomic_load_n(&first->keeper, __ATOMIC_ACQUIRE) & FUTEX_OWNER_DIED) || is_readable(connection, 0);
}

/* Blocks until tsrun posts a program. When the server dies, or lets go, the command is over, and a child that was cloned. */
static void wait_for_post(struct mailbox *box, uint32_t *seen, struct mailbox *first, int64_t connection, int is_child)
{
	const struct __kernel_timespec look = { .tv_nsec = LOOK * 1000000 };
	uint32_t post;
	while ((post = __atomic_load_n(&box->post, __ATOMIC_ACQUIRE)) == *seen) {
		call(NR_futex, (uint64_t)&box->post, FUTEX_WAIT, *seen, (uint64_t)&look, 0, 0);
		if (__atomic_load_n(&box->post, __ATOMIC_ACQUIRE) != *seen || !is_left(first, connection))
			continue;
		if (__atomic_load_n(&box->post, __ATOMIC_ACQUIRE) != *seen)
			continue; /* the last that it has posted comes first */
		if (is_child)
			end(1);
		left_alone(box);
	}
	*seen = post;
}

__attribute__((noreturn)) static void serve(struct mailbox *first, int64_t connection)
{
	struct mailbox *box = first;
	int is_child = 0;
	for (;;) {
		uint32_t mine = adopt(box), seen = 0;
		struct mailbox *next = box;
		while (next == box) {
			wait_for_post(box, &seen, first, connection, is_child);
			__atomic_store_n(&box->lock, mine, __ATOMIC_SEQ_CST);
			uint32_t thread = mine & FUTEX_TID_MASK;
			next = run(box);
			is_child |= (uint32_t)call(NR_gettid, 0, 0, 0, 0, 0, 0) != thread;
		}
		box = next;
	}
}

/* Maps the mailbox file; negative when it is none. Memory that a file is too short for can't be touched (SIGBUS). */
static int64_t map(int64_t file)
{
	if (call(NR_lseek, (uint64_t)file, 0, 2 /* SEEK_END */, 0, 0, 0) < MAILBOX_LEAST)
		return -1;
	return call(NR_mmap, MAILBOX_ADDRESS, MAILBOX_SPAN, 3 /* READ | WRITE */, 1 /* SHARED */ | MAP_FIXED_NOREPLACE, (uint64_t)file,
		    0);
}

#endif
