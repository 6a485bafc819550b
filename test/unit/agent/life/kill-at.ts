/**
 * Makes mailbox files in a directory and gives them back, and says which: `+a`, `-a`. It is killed right before the
 * moment of that number: moments are the changes in the list of files that the kernel walks, and what is around them.
 */
import { writeSync } from "node:fs";
import { join } from "node:path";
import { MailboxFile } from "../../../../src/agent/mailbox-file.ts";
import { CWD, openat } from "../../../../src/kernel/calls.ts";
import { O_CREAT, O_RDWR } from "../../../../src/kernel/constants.ts";
import { here, watch } from "../../../../src/kernel/here.ts";

const [directory = "", last = ""] = process.argv.slice(2);
let left = Number(last);

function moment(): void {
  left -= 1;
  if (left === 0) process.kill(process.pid, "SIGKILL");
}

watch((call, perform) => {
  if (["mmap", "set_robust_list", "munmap"].includes(call.name)) moment();
  return perform(call);
});
const { store } = Atomics;
// One of the overloads, for the arrays that are the list.
Atomics.store = ((array: BigInt64Array, index: number, value: bigint) => {
  moment();
  return store(array, index, value);
}) as typeof Atomics.store;

const files = new Map<string, MailboxFile>();
// A ring of up to four; its head goes, its last, one between; then it is empty, and begins anew.
for (const act of ["+a", "+b", "+c", "+d", "-a", "-c", "-d", "-b", "+e", "+f", "-f", "-e"]) {
  const name = act.slice(1);
  if (act.startsWith("-")) {
    writeSync(1, act);
    files.get(name)?.[Symbol.dispose]();
    continue;
  }
  files.set(
    name,
    new MailboxFile({ open: () => here(openat(CWD, join(directory, name), O_RDWR | O_CREAT, 0o600)) }),
  );
  writeSync(1, act);
}
