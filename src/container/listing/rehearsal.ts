/**
 * tsrun's own part of `--dry-run`: the usual code runs, but its system calls go to a watcher. The watcher performs
 * calls that only read. It records those that would change something, as if they had succeeded; without the permission
 * for them they fail.
 */
import type { Call } from "../../kernel/call.ts";
import { CWD, faccessat2, geteuid } from "../../kernel/calls.ts";
import { AT_EACCESS, W_OK } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { actsFor, watch } from "../../kernel/here.ts";
import { type Deed, isChange, opensToWrite, Paths } from "./listing.ts";

/** Larger than any descriptor that a process can have (fs.nr_open). */
const FIRST_FD = 2 ** 31 - 2 ** 20;

/** Larger than any pid (PID_MAX_LIMIT): stands for the init's, and is printed as INIT. */
export const INIT_PID = 2 ** 22 + 1;

type Perform = (call: Call) => number;

export class Rehearsal {
  readonly deeds: Deed[] = [];
  private readonly made = new Set<string>();
  private readonly paths = new Paths();
  private next = FIRST_FD;

  /** Runs tsrun's code with its calls going to the watcher. */
  act<T>(deed: () => T): T {
    const before = watch((call, perform) => this.watched(call, perform));
    try {
      return deed();
    } finally {
      watch(before);
    }
  }

  /** Records an action that is no system call. */
  say(owner: string, text: string): void {
    this.deeds.push({ by: "tsrun", owner, text: this.named(text) });
  }

  /** A descriptor for something that another process will have opened; printed as its path. */
  opened(path: string): number {
    const fd = this.next++;
    this.paths.set(fd, path);
    return fd;
  }

  /** A text with descriptors replaced by the paths that they stand for. */
  named(text: string): string {
    return text
      .replaceAll(/\d+(<[^>]*>)/g, "$1")
      .replaceAll(/\b\d{10}\b/g, (fd) =>
        this.paths.get(Number(fd)) === undefined ? fd : `<${this.paths.get(Number(fd))}>`,
      )
      .replaceAll(String(INIT_PID), "INIT");
  }

  private watched(call: Call, perform: Perform): number {
    const [first, path] = call.args;
    if (opensToWrite(call) || (call.name === "openat" && typeof path === "string" && this.isMade(path)))
      return this.open(call);
    if (typeof first === "number" && first >= FIRST_FD && !isChange(call)) return 0; // it is empty, and gone when closed
    if (!isChange(call)) {
      const result = perform(call);
      if (result >= 0) this.paths.note(call, result);
      return result;
    }
    return this.change(call, perform);
  }

  private open(call: Call): number {
    const fd = this.next++;
    this.paths.note(call, fd);
    return fd;
  }

  private change(call: Call, perform: Perform): number {
    const [, second, third] = call.args;
    if (call.name === "bpf" && perform(geteuid()) !== 0) return -ERRNO.EPERM;
    if (call.name === "mkdirat" && typeof second === "string") {
      const refusal = this.make(second, perform);
      if (refusal < 0) return refusal;
    }
    this.say(actsFor(), this.paths.spell(call));
    if (call.name === "write") return Number(third);
    return call.name === "bpf" ? this.opened("the device program") : 0;
  }

  /** The result that mkdir(2) would have. */
  private make(path: string, perform: Perform): number {
    const exists = (one: string) => this.made.has(one) || perform(faccessat2(CWD, one, 0, 0)) >= 0;
    if (exists(path)) return -ERRNO.EEXIST;
    const parent = path.replace(/\/[^/]*$/, "") || "/";
    if (!exists(parent)) return -ERRNO.ENOENT;
    const refusal = this.made.has(parent) ? 0 : perform(faccessat2(CWD, parent, W_OK, AT_EACCESS));
    if (refusal === 0) this.made.add(path);
    return refusal;
  }

  private isMade(path: string): boolean {
    return this.made.has(path) || this.made.has(path.replace(/\/[^/]*$/, ""));
  }
}
