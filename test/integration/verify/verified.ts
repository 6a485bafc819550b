import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatJson } from "../../../runtime-spec/json.ts";
import type { JsonObject } from "../../harness/bundle.ts";
import type { Container } from "../../harness/container.ts";
import { command } from "../../harness/mount.ts";
import { type Outcome, runtime } from "../../harness/runtime.ts";

interface Finding {
  readonly path: string;
  readonly state: "same" | "differs" | "changed" | "unseen";
  readonly found: string;
  readonly asked: string;
}

interface Verified {
  readonly outcome: Outcome;
  readonly findings: readonly Finding[];
  /** `PATH: FOUND` of what is not as it was asked for, by its state. */
  readonly differs: readonly string[];
  readonly changed: readonly string[];
  readonly unseen: readonly string[];
}

/** What `verify --json` finds of a container, by its id or by what else names it. */
export function verified(...of: readonly string[]): Verified {
  const outcome = runtime(["verify", "--json", ...of]);
  if (outcome.stderr !== "") throw new Error(outcome.stderr);
  const { findings } = JSON.parse(outcome.stdout) as { findings: readonly Finding[] }; // as documented
  const lines = (state: Finding["state"]) =>
    findings.filter((one) => one.state === state).map(({ path, found }) => `${path}: ${found}`);
  return {
    ...{ outcome, findings },
    ...{ differs: lines("differs"), changed: lines("changed"), unseen: lines("unseen") },
  };
}

/** Runs a shell's command as root in the container's namespaces of mounts and processes, with its root. */
export function inside(pid: number, script: string): void {
  command("nsenter", "--target", String(pid), "--mount", "--pid", "--root", "sh", "-c", script);
}

/** Changes a bundle's config.json after its container was made. */
export function edit({ path }: Container["bundle"], change: (config: ConfigText) => JsonObject): void {
  const file = join(path, "config.json");
  writeFileSync(file, formatJson(change(JSON.parse(readFileSync(file, "utf8")))));
}

/** A config.json as the tests change it. */
export interface ConfigText extends JsonObject {
  readonly process: JsonObject;
  readonly linux: JsonObject;
  readonly mounts: readonly JsonObject[];
}
