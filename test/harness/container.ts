import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Bundle, bundle, type Patch, type Rootfs } from "./bundle.ts";
import { uniqueId, workDirectory } from "./environment.ts";
import { type Call, type Outcome, runtime, silent, succeeded } from "./runtime.ts";
import { slowness } from "./slowness.ts";
import { waitUntil } from "./wait.ts";

/** What `state` prints. */
interface State {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: string;
  readonly pid: number;
  readonly bundle: string;
  readonly rootfs: string;
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * A container of one test, forced away when the test is done with it, however it ended. Each verb calls the
 * runtime and throws unless it succeeds without a word on stderr; `call` is for calls that may fail.
 */
export interface Container extends Disposable {
  readonly id: string;
  readonly bundle: Bundle;
  create(call?: Call): void;
  start(): void;
  /** `create` and `start` in one call of the runtime. */
  runDetached(call?: Call): void;
  state(): State;
  /** What `create` and `runDetached` give as --pid-file. */
  readonly pidFile: string;
  /** The init process by that file, or `state` where there is none; whether it still lives is for `state` to say. */
  pid(): number;
  kill(signal?: string): void;
  delete(...flags: string[]): void;
  /** `exec ID ARGS…`, to its end. */
  exec(...args: string[]): Outcome;
  /** What the container printed since `create`. */
  printed(): string;
  /** Waits until `state` says `status`. */
  until(status: string): Promise<void>;
  /** Any verb, with this container's id after it: `call("delete", "--force")`. */
  call(...verb: string[]): Outcome;
}

/** A bundle and an id; nothing is created yet. */
export function container(patch: Patch = {}, rootfs?: Rootfs): Container {
  return containerOf(bundle(patch, rootfs), uniqueId());
}

/** A container of a bundle that is there already. */
export function containerOf(bundle: Bundle, id: string): Container {
  let printed = () => ({ stdout: "", stderr: "" });
  const call = (...verb: string[]) => runtime([...verb, id]);
  const state = () => JSON.parse(silent(call("state")).stdout) as State; // runtime-spec's, checked by its tests
  const pidFile = join(workDirectory, `${id}.pid`);
  const make = (verb: readonly string[], how: Call) => {
    const outcome = runtime([...verb, "--bundle", bundle.path, "--pid-file", pidFile, id], how);
    printed = outcome.printed;
    silent(outcome);
  };
  return {
    id,
    bundle,
    call,
    state,
    create: (how = {}) => make(["create"], how),
    start: () => void silent(call("start")),
    runDetached: (how = {}) => make(["run", "--detach"], how),
    pidFile,
    pid: () => (existsSync(pidFile) ? Number(readFileSync(pidFile, "utf8")) : state().pid),
    kill: (signal) => void silent(runtime(["kill", id, ...(signal === undefined ? [] : [signal])])),
    delete: (...flags) => void silent(call("delete", ...flags)),
    exec: (...args) => runtime(["exec", id, ...args]),
    printed: () => printed().stdout + printed().stderr,
    until: (status) => waitUntil(() => state().status === status, `${id} is ${status}`),
    [Symbol.dispose]: () => void succeeded(call("delete", "--force")),
  };
}

/** A container that was created; `using` it is the whole set-up of a test. */
export function created(patch: Patch = {}, rootfs?: Rootfs): Container {
  return orGone(container(patch, rootfs), (made) => made.create());
}

/** A container that was created and started; by one call where each takes long. */
export function started(patch: Patch = {}, rootfs?: Rootfs): Container {
  return orGone(container(patch, rootfs), (made) => {
    if (slowness > 1) return made.runDetached();
    made.create();
    made.start();
  });
}

/** `made`, when `steps` have succeeded; forced away when not. */
export function orGone(made: Container, steps: (made: Container) => void): Container {
  try {
    steps(made);
    return made;
  } catch (error) {
    made[Symbol.dispose]();
    throw error;
  }
}

/** Runs a container in the foreground to its end, which may be a failure. */
export function ran(patch: Patch, call: Call = {}): Outcome {
  const { path } = bundle(patch);
  return ranIn(path, call);
}

/** Runs the bundle in `path` in the foreground to its end, which may be a failure. */
export function ranIn(path: string, call: Call = {}): Outcome {
  const id = uniqueId();
  const outcome = runtime(["run", "--bundle", path, id], call);
  if (outcome.status === null) succeeded(runtime(["delete", "--force", id])); // it hung, and was ended
  return outcome;
}

/** What a program prints in a container of `patch`; throws unless it exits 0. */
export function inside(args: readonly string[], patch: Patch = {}, call: Call = {}): string {
  return succeeded(ran({ ...patch, args }, call)).stdout;
}
