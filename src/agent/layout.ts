/**
 * The mailbox's layout, in bytes: the twin of agent.h, compared with it through offsetof by
 * test/unit/agent/layout.test.ts.
 */

/** Where the agent maps the mailbox file, and how much address space there is for it. */
export const MAILBOX_ADDRESS = 0x2_0000_0000;
export const MAILBOX_SPAN = 0x400_0000;
export const STEPS_OFFSET = 4096;

/** Step numbers that are not system calls. */
export const CLONE = -1;
export const COMPARE = -2;
export const MOVE = -3;
export const FOREGROUND = -4;

export const TOLERATED = 3;
export const TOLERATE_ALL = 0xffff;

/** `struct mailbox`. */
export const MAILBOX = {
  post: 0,
  lock: 4,
  first: 8,
  end: 12,
  at: 16,
  error: 20,
  traced: 24,
  next: 28,
  robust: 32,
  keeper: 56,
  kept: 64,
  rested: 88,
  size: 104,
} as const;

/** `struct step`. */
export const STEP = {
  number: 0,
  references: 4,
  skip_on_success: 6,
  skip_on_error: 8,
  tolerated: 10,
  argument: 16,
  result: 64,
  started: 72,
  size: 88,
} as const;
