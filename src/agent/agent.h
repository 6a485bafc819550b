/* The mailbox's layout in C. Its twin is layout.ts; test/unit/agent/layout.test.ts compares them. */
#ifndef TSRUN_AGENT_H
#define TSRUN_AGENT_H

#include <stdint.h>

#define MAILBOX_ADDRESS 0x200000000ULL /* the first mailbox; far from where the kernel and Bun put things */
#define MAILBOX_SPAN 0x4000000ULL      /* address space that is mapped; the file behind it grows as needed */
#define MAILBOX_LEAST 0x30000	/* how long such a file is at least */
#define STEPS_OFFSET 4096		/* a mailbox's steps begin a page after its header */

#define CLONE (-1)	   /* clone3(argument[0], argument[1]); the child serves the mailbox at argument[2] */
#define MOVE (-3)	   /* the agent leaves this mailbox and serves the one at argument[2] */
#define COMPARE (-2)	   /* succeeds if argument[0], or the word in memory at argument[1] if that isn't 0, is argument[2]; else returns argument[3] */
#define FOREGROUND (-4)	   /* in client.c alone: waits for the child argument[0], which gets the signals in the set argument[1], and exits if argument[2] */
#define TOLERATED 3	   /* errnos a step may tolerate */
#define TOLERATE_ALL 0xffff

struct robust_head {
	uint64_t next, futex_offset, pending; /* struct robust_list_head of <linux/futex.h>, list_op_pending last */
};

struct mailbox {
	uint32_t post;	   /* futex: tsrun counts it up to post a program */
	uint32_t lock;	   /* robust futex: held while a program runs, 0 when it is done */
	uint32_t first;	   /* the program's first step … */
	uint32_t end;	   /* … and the one after its last; tsrun may raise it while the program runs */
	uint32_t at;	   /* the step that runs, ran last or failed */
	uint32_t error;	   /* errno of the step that failed, else 0 */
	uint32_t traced;   /* 1: note when each step starts, and when the agent rests */
	uint32_t next;	   /* the step after the last one that was considered, once the lock is free */
	struct robust_head robust;
	uint32_t keeper;   /* robust futex of tsrun's, in a file's first mailbox: see life.ts */
	uint32_t unused;
	struct robust_head kept;
	uint64_t rested[2]; /* struct timespec: when the lock was given back last, when traced */
};

struct step {
	int32_t number;		  /* system call number, CLONE, MOVE or COMPARE */
	uint16_t references;	  /* bit i: argument[i] is the index of the step whose result is meant */
	uint16_t skip_on_success; /* steps to leave out after success … */
	uint16_t skip_on_error;	  /* … and after a tolerated error */
	uint16_t tolerated[TOLERATED];
	uint64_t argument[6];
	int64_t result; /* as the kernel returns it: a negative errno on failure */
	uint64_t started[2]; /* struct timespec, CLOCK_REALTIME, when traced */
};

#endif
