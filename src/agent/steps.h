/*
 * How an agent runs the steps in a mailbox: shared by agent.c, the program of agents, and client.c, with which a process
 * that has called tsrun lets a tsrun that serves it act in it. mailbox.ts holds the other half.
 *
 * Freestanding: no libc, no data, no relocations.
 */
#ifndef TSRUN_STEPS_H
#define TSRUN_STEPS_H

#include <linux/errno.h>
#include <linux/futex.h>
#include <stdint.h>

#include "agent.h"
#include "call.h"

static inline struct step *steps_of(struct mailbox *box)
{
	return (struct step *)((char *)box + STEPS_OFFSET);
}

/* The lock word follows the kernel's robust futex protocol, so execve(2) and death of the agent wake tsrun too. */
static uint32_t adopt(struct mailbox *box)
{
	box->robust.next = (uint64_t)&box->robust;
	box->robust.futex_offset = 0;
	box->robust.pending = (uint64_t)&box->lock;
	call(NR_set_robust_list, (uint64_t)&box->robust, sizeof box->robust, 0, 0, 0, 0);
	return (uint32_t)call(NR_gettid, 0, 0, 0, 0, 0, 0) | FUTEX_WAITERS;
}

/* tsrun reads the same clock, and it is the same in every time namespace. */
static void note_time(const struct mailbox *box, uint64_t *time)
{
	if (box->traced)
		call(NR_clock_gettime, 0 /* CLOCK_REALTIME */, (uint64_t)time, 0, 0, 0, 0);
}

static void release(struct mailbox *box, uint32_t next)
{
	note_time(box, box->rested);
	box->next = next;
	__atomic_store_n(&box->lock, 0, __ATOMIC_SEQ_CST);
	call(NR_futex, (uint64_t)&box->lock, FUTEX_WAKE, 1, 0, 0, 0);
}

static int tolerated(const struct step *step, int64_t result)
{
	for (int i = 0; i < TOLERATED; i++)
		if (step->tolerated[i] == -result || step->tolerated[i] == TOLERATE_ALL)
			return 1;
	return 0;
}

#ifdef IN_CALLER
static int64_t foreground(int child, uint64_t signals, uint64_t exits);
#endif

static int64_t perform(const struct step *step, const struct step *steps)
{
	uint64_t a[6];
	for (int i = 0; i < 6; i++)
		a[i] = step->references >> i & 1 ? (uint64_t)steps[step->argument[i]].result : step->argument[i];
	if (step->number == COMPARE)
		return (a[1] ? *(volatile uint32_t *)a[1] : a[0]) == a[2] ? 0 : (int64_t)a[3];
#ifdef IN_CALLER
	if (step->number == FOREGROUND)
		return foreground((int)a[0], a[1], a[2]);
#endif
	return call(step->number == CLONE ? NR_clone3 : step->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* Runs the posted steps. Returns the mailbox to serve from now on: another one in a CLONE step's child, or by MOVE. */
static struct mailbox *run(struct mailbox *box)
{
	struct step *steps = steps_of(box);
	uint32_t i;
	for (i = box->first; i < __atomic_load_n(&box->end, __ATOMIC_ACQUIRE); i++) {
		struct step *step = &steps[i];
		box->at = i;
		note_time(box, step->started);
		int64_t result = step->number == MOVE ? 0 : perform(step, steps);
		if (result == 0 && step->number == CLONE)
			return (struct mailbox *)step->argument[2];
		step->result = result;
		if (step->number == MOVE) {
			release(box, i + 1);
			return (struct mailbox *)step->argument[2];
		}
		if ((uint64_t)result <= (uint64_t)-4096) {
			i += step->skip_on_success;
			continue;
		}
		if (!tolerated(step, result)) {
			box->error = (uint32_t)-result;
			break;
		}
		i += step->skip_on_error;
	}
	release(box, i);
	return box;
}

#endif
