import { readBundle } from "../container/bundle.ts";
import { print } from "./output.ts";
import type { InvocationOf } from "./parse.ts";

/** `tsrun validate`: says "valid", or fails with everything that is wrong. */
export function validate({ flags }: InvocationOf<"validate">): number {
  const { path, warnings } = readBundle(flags.bundle ?? ".");
  for (const warning of warnings) print(`warning: ${warning}\n`);
  print(`${path}: valid\n`);
  return 0;
}
