import { existsSync } from "node:fs";

const LINE = /^\/\/ Needs (.+)\.$/m;

/** The programs and files that a test file says it needs of this machine: `// Needs podman, /usr/lib/cni/bridge.` */
export function needsOf(text: string): readonly string[] {
  return LINE.exec(text)?.[1]?.split(", ") ?? [];
}

/** Those that this machine lacks: programs without a path are looked for in the PATH. */
export function missingOf(needs: readonly string[]): readonly string[] {
  return needs.filter((one) => (one.startsWith("/") ? !existsSync(one) : Bun.which(one) === null));
}
