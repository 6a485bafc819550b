/** Signals by name (signal(7)): numbers of asm-generic/signal.h, which x86-64 and arm64 share. Aliases come second. */
export const SIGNALS = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGIOT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTKFLT: 16,
  SIGCHLD: 17,
  SIGCLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGURG: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPOLL: 29,
  SIGPWR: 30,
  SIGSYS: 31,
  /** libc keeps the first two real-time signals for itself. */
  SIGRTMIN: 34,
  SIGRTMAX: 64,
} as const;

export type SignalName = keyof typeof SIGNALS;

export const { SIGKILL, SIGPIPE, SIGSYS } = SIGNALS;

/** `SIGKILL` for 9; `signal 40` for one without a name here. */
export function signalName(number: number): string {
  const [name] = Object.entries(SIGNALS).find(([, one]) => one === number) ?? [];
  return name ?? `signal ${number}`;
}
