import { Failure } from "../failure.ts";

/** Signal numbers of asm-generic/signal.h, the same on x86-64 and arm64. */
export const SIGNALS: { readonly [name: string]: number } = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  IOT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  POLL: 29,
  PWR: 30,
  SYS: 31,
  RTMIN: 34,
  RTMAX: 64,
};

const LAST_SIGNAL = 64;

/** A signal as given on a command line: `15`, `TERM`, `SIGTERM`, `sigterm`, `RTMIN+3`. @throws Failure */
export function signalNumber(word: string): number {
  if (/^\d+$/.test(word)) {
    const number = Number(word);
    if (number <= LAST_SIGNAL) return number;
  }
  const [, name = "", sign = "", offset = "0"] =
    /^(?:SIG)?([A-Z0-9]+?)(?:([+-])(\d+))?$/.exec(word.toUpperCase()) ?? [];
  const base = SIGNALS[name];
  const number = base === undefined ? -1 : base + Number(`${sign}${offset}`);
  if (base === undefined || (sign !== "" && !name.startsWith("RT")) || number < 0 || number > LAST_SIGNAL)
    throw new Failure(
      `unknown signal ${JSON.stringify(word)}: give a number up to 64 or a name like TERM or SIGTERM`,
    );
  return number;
}
