import { chmodSync, mkdirSync, mkdtempSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { testToken } from "./run-file.ts";
import { testIf } from "./skip.ts";
import { subjectOf } from "./subject.ts";

/** The directory of this test file alone: a tmpfs that test/run.ts mounts in a mount namespace of its own. */
export const workDirectory = given("TSRUN_TEST_DIR");

/** The project's directory. */
export const project = resolve(import.meta.dir, "../..");

/** The runtime under test. */
const { RUNTIME = join(project, "bin/tsrun") } = process.env;
export const runtimePath = resolveRuntime(RUNTIME);

/** False when RUNTIME names a peer such as runc, against which the tests themselves can be checked. */
export const isTsrun = basename(runtimePath) === "tsrun";

/** A test of what tsrun promises and its peers don't, or do in their own way. */
export const testTsrun = testIf(isTsrun, "tsrun's own promise: RUNTIME is another runtime");

/** The runtime's `--root` unless a test gives it another. */
export const stateRoot = join(workDirectory, "state");
mkdirSync(stateRoot);

const theme = subjectOf(process.argv[1] ?? "").replace("/", "-");
let made = 0;

/** A container id that nobody else on this machine uses: `lifecycle-3-Xk2fQa`. */
export function uniqueId(): string {
  made += 1;
  return `${theme}-${made}-${testToken(workDirectory)}`;
}

/** A fresh directory on the test file's tmpfs, which every user may enter. */
export function freshDirectory(purpose: string): string {
  const path = mkdtempSync(join(workDirectory, `${purpose}-`));
  chmodSync(path, 0o755);
  return path;
}

function given(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error("run this file through `bun test/run.ts FILE`, which isolates it");
  return value;
}

function resolveRuntime(name: string): string {
  const path = name.includes("/") ? resolve(name) : Bun.which(name);
  if (path === null) throw new Error(`there is no runtime ${name}`);
  return path;
}
