/**
 * What host and guest tell each other. The guest finds the names of its test files in a file of the project. It
 * answers with lines of JSON through a port of a virtio console, so that nothing else that is printed on a machine
 * gets between them: they begin with `began` and end with `ended`, which a guest that panics, hangs or is switched
 * off early never says.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { FileResult } from "../harness/run-file.ts";

/** Where the names of the test files are, a line each; relative to the project, as they are. */
export const FILE_LIST = "test-files";

/** Where the names of those are that run beside a tsrun server. */
export const WARM_LIST = "warm-test-files";

/** The guest's directory of the tests' own programs, for it has no compiler; without the first slash. */
export const GUEST_PROGRAMS = "programs";

/** The port's name, by which the guest finds it. */
export const PORT = "tsrun.results";

export type Report =
  | { readonly kind: "began"; readonly kernel: string; readonly controllers: readonly string[] }
  | { readonly kind: "file"; readonly result: FileResult }
  | { readonly kind: "ended" };

/** The device of the port, seen from the guest. @throws Error when QEMU has made none */
export function portDevice(): string {
  const ports = "/sys/class/virtio-ports";
  const name = readdirSync(ports).find(
    (port) => readFileSync(`${ports}/${port}/name`, "utf8").trim() === PORT,
  );
  if (name === undefined) throw new Error(`${ports} has no ${PORT}`);
  return `/dev/${name}`;
}

/** The reports in what arrived so far; the last line may still be without its end. */
export function parseReports(text: string): Report[] {
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Report); // written by the guest's main.ts
}
