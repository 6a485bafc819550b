/** Texts that tests make and others want: a guest has no other way to give a file to its host. */
import type { FileResult } from "./run-file.ts";

/** What starts a line with such a text; JSON follows it. */
const HANDED_OUT_MARK = "#handed-out ";

interface HandedOut {
  readonly name: string;
  readonly text: string;
}

/** Hands a text out, from a test to whoever reads the output of its file. */
export function handOut(name: string, text: string): void {
  const handed: HandedOut = { name, text };
  process.stdout.write(`\n${HANDED_OUT_MARK}${JSON.stringify(handed)}\n`);
}

/** The texts of this name that a test file handed out. */
export function handedOut({ output }: FileResult, name: string): string[] {
  return output
    .split("\n")
    .filter((line) => line.startsWith(HANDED_OUT_MARK))
    .map((line) => JSON.parse(line.slice(HANDED_OUT_MARK.length)) as HandedOut) // written by handOut above
    .filter((handed) => handed.name === name)
    .map(({ text }) => text);
}
