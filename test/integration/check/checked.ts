import * as assert from "uvu/assert";
import { bundle, type Patch } from "../../harness/bundle.ts";
import { type Call, type Outcome, runtime } from "../../harness/runtime.ts";

/** A feature in what `check --json` prints. */
interface Row {
  readonly area: string;
  readonly name: string;
  readonly title: string;
  readonly state: string;
  readonly note?: string;
  readonly why?: string;
  readonly syscall?: string;
  readonly errno?: string;
  readonly config: readonly string[];
}

/** What `check --json` prints. */
export interface Found {
  readonly host: { readonly kernel: string; readonly architecture: string; readonly uid: number };
  readonly containers: boolean;
  readonly lacking: readonly string[];
  readonly features: readonly Row[];
}

/** The same of a bundle. */
export interface FoundInBundle {
  readonly honoured: boolean;
  readonly obstacles: readonly {
    readonly path: string;
    readonly line: number;
    readonly why: string;
    readonly feature: string | null;
  }[];
  readonly features: readonly Row[];
}

/** `check --json`: what it printed and how it ended. */
export function checked(call: Call = {}): Found & { readonly status: number | null } {
  const outcome = runtime(["check", "--json"], call);
  assert.is(outcome.stderr, "");
  return { ...(JSON.parse(outcome.stdout) as Found), status: outcome.status }; // what check prints
}

let asRoot: ReturnType<typeof checked> | undefined;

/** The same as root with all that the machine gives, which is found out once. */
export function checkedAsRoot(): ReturnType<typeof checked> {
  asRoot ??= checked();
  return asRoot;
}

/** What was found of the feature with that name. */
export function row(found: Found, name: string): Row {
  const one = found.features.find((feature) => feature.name === name);
  if (one === undefined) throw new Error(`check knows no ${name}`);
  return one;
}

/** `forbidden unshare EPERM`. */
export function verdict(found: Found, name: string): string {
  const { state, syscall, errno } = row(found, name);
  return [state, syscall, errno].filter((word) => word !== undefined).join(" ");
}

/** `check --json --bundle`, of such a bundle. */
export function ofBundle(patch: Patch, call: Call = {}): FoundInBundle & { readonly outcome: Outcome } {
  const outcome = runtime(["check", "--json", "--bundle", bundle(patch).path], call);
  assert.is(outcome.stderr, "");
  return { ...(JSON.parse(outcome.stdout) as FoundInBundle), outcome }; // what check prints
}

/** Without this capability, which no execve(2) gives back. */
export const without = (...capabilities: readonly string[]): Call => {
  const list = capabilities.map((name) => `-${name}`).join(",");
  return { through: ["setpriv", "--inh-caps", list, "--bounding-set", list] };
};
