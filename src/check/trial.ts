import { dieWithTsrun } from "../agent/life.ts";
import type { Mailbox } from "../agent/mailbox.ts";
import { MailboxFile } from "../agent/mailbox-file.ts";
import { reap, spawnAgent } from "../agent/spawn.ts";
import { kill } from "../kernel/calls.ts";
import { SIGKILL } from "../kernel/constants.ts";
import { attempt } from "../kernel/here.ts";
import { enterUserNamespace } from "./isolation.ts";
import { OWN } from "./own.ts";
import { Subject } from "./subject.ts";

/** The processes of one trial: the first is started when it is first asked for, and all end with the trial. */
export class Trial implements Disposable {
  private mailboxes: Mailbox[] = [];
  private readonly pids = new Set<number>();
  private readonly opened = new DisposableStack();
  private first: Subject | null = null;
  private isInside = false;

  /**
   * The process to try things on: for an ordinary user, whose containers all have one, root of a user namespace in
   * which the caller's own ids alone are mapped. @throws SyscallError when there can be none
   */
  get subject(): Subject {
    const first = this.outsider;
    if (OWN.uid !== 0 && !this.isInside) enterUserNamespace(first);
    this.isInside = true;
    return first;
  }

  /** The process as the caller is, before any user namespace. @throws SyscallError when there can be none */
  get outsider(): Subject {
    this.first ??= this.start();
    return this.first;
  }

  /** Makes a process of this trial, by `make`, which serves a mailbox of its own: three at most. */
  adopt(make: (mailbox: Mailbox) => number): Subject {
    const mailbox = this.mailboxes.shift();
    if (mailbox === undefined) throw new Error("a trial has three processes at most");
    dieWithTsrun(mailbox.program);
    mailbox.post();
    const pid = make(mailbox);
    this.pids.add(pid);
    return new Subject(this, mailbox, pid);
  }

  /** Takes the status that wait4(2) gives of a process which has ended, or will. */
  status(pid: number): number {
    this.pids.delete(pid);
    return reap(pid, true) ?? 0;
  }

  private start(): Subject {
    const boxes = this.opened.use(new MailboxFile());
    this.mailboxes = [boxes.stage, boxes.init, boxes.parked];
    return this.adopt(() => spawnAgent(boxes.fd));
  }

  [Symbol.dispose](): void {
    // Nobody has waited for them: these pids are still theirs.
    for (const pid of this.pids) if (attempt(kill(pid, SIGKILL)) >= 0) reap(pid, true);
    this.pids.clear();
    this.opened.dispose();
  }
}
