/** The limits of the process, as /proc/PID/limits shows them to everybody: a line for each, in the order of their numbers. */
import { type Integer, isUnlimited, UINT64_MAX } from "../../../../runtime-spec/int64.ts";
import { RLIMITS } from "../../../kernel/rlimits.ts";
import { type Area, changed, differs, same, unseen } from "../finding.ts";

export const rlimits: Area = {
  of: "process.rlimits",
  look(subject) {
    const { rlimits: all = [] } = subject.bundle.process;
    const [, ...lines] = all.length === 0 ? [] : subject.read("limits").split("\n");
    return all.map(({ type, soft, hard }, index) => {
      const path = `process.rlimits[${index}]`;
      const found = limitsIn(lines[RLIMITS[type] ?? -1] ?? "");
      const asked = `${type} ${limits(soft, hard)}`;
      if (found === null) return unseen(path, "the kernel does not tell it", asked);
      const words = `${type} ${limits(found.soft, found.hard)}`;
      if (found.soft === BigInt(soft) && found.hard === BigInt(hard)) return same(path, words);
      // A process may lower both, and raise the soft one up to the hard one.
      return (found.hard <= BigInt(hard) ? changed : differs)(path, words, asked);
    });
  },
};

const LINE = /^Max .*? {2,}(\d+|unlimited) +(\d+|unlimited)/;

function limitsIn(line: string): { readonly soft: bigint; readonly hard: bigint } | null {
  const [, soft, hard] = LINE.exec(line) ?? [];
  return soft === undefined || hard === undefined ? null : { soft: limitIn(soft), hard: limitIn(hard) };
}

const limitIn = (text: string) => (text === "unlimited" ? UINT64_MAX : BigInt(text));

const limits = (soft: Integer, hard: Integer) => `soft ${limit(soft)}, hard ${limit(hard)}`;
const limit = (value: Integer) => (isUnlimited(value) ? "unlimited" : String(value));
