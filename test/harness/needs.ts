import { existsSync } from "node:fs";
import { resolve } from "node:path";

const LINE = /^\/\/ Needs (.+)\.$/m;

/** The programs and files that a test file says it needs of this machine: `// Needs podman, /usr/lib/cni/bridge.` */
export function needsOf(text: string): readonly string[] {
  return LINE.exec(text)?.[1]?.split(", ") ?? [];
}

const PROJECT = resolve(import.meta.dir, "../..");

/** Those that aren't there: programs without a path are looked for in the PATH, relative paths are the project's. */
export function missingOf(needs: readonly string[]): readonly string[] {
  return needs.filter((one) =>
    one.includes("/") ? !existsSync(resolve(PROJECT, one)) : Bun.which(one) === null,
  );
}
