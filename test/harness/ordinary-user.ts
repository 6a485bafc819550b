import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { bundle, type JsonObject } from "./bundle.ts";
import { freshDirectory, uniqueId, workDirectory } from "./environment.ts";
import { type Call, type Outcome, runtime, silent, succeeded } from "./runtime.ts";

/** A user of nobody's, and a group. */
export const [UID, GID] = [52_345, 52_346];

chmodSync(workDirectory, 0o711);
/** The user's own. */
export const home = freshDirectory("home");
chownSync(home, UID, GID);
export const runtimeDirectory = join(home, "run");
mkdirSync(runtimeDirectory, { mode: 0o700 });
chownSync(runtimeDirectory, UID, GID);
const { rootfs } = bundle();

/** Becomes the user, without any privilege. */
export const AS_USER = ["setpriv", "--reuid", String(UID), "--regid", String(GID), "--clear-groups", "--"];

/** Calls tsrun as that user. */
export function call(args: readonly string[], more: Call = {}): Outcome {
  const env = { XDG_RUNTIME_DIR: runtimeDirectory, HOME: home, ...more.env };
  return runtime(args, { root: null, ...more, env, through: [...(more.through ?? []), ...AS_USER] });
}

export interface Changes {
  readonly args: readonly string[];
  readonly process?: JsonObject;
  readonly linux?: JsonObject;
  readonly more?: JsonObject;
}

/** A bundle of the config.json that `spec --rootless` writes for the user, and changes. */
export function own({ args, process = {}, linux = {}, more = {} }: Changes): string {
  const path = freshDirectory("own");
  chownSync(path, UID, GID);
  silent(call(["spec", "--rootless", "--bundle", path]));
  const file = join(path, "config.json");
  const config = JSON.parse(readFileSync(file, "utf8"));
  const changed = {
    ...config,
    root: { path: rootfs, readonly: true },
    process: { ...config.process, terminal: false, args, ...process },
    linux: { ...config.linux, ...linux },
    ...more,
  };
  writeFileSync(file, JSON.stringify(changed));
  return path;
}

export function ran(changes: Changes, more: Call = {}): Outcome {
  return call(["run", "--bundle", own(changes), uniqueId()], more);
}

/** Deletes a container of the user at the end of a test. */
export function owned(id: string) {
  return { id, [Symbol.dispose]: () => void succeeded(call(["delete", "--force", id])) };
}

/** For `through`: a host whose /etc knows the user, with these lines in /etc/subuid and /etc/subgid. */
export function knowing(granted: string): readonly string[] {
  const etc = freshDirectory("etc");
  chmodSync(etc, 0o755);
  copyFileSync("/etc/passwd", join(etc, "passwd"));
  writeFileSync(join(etc, "passwd"), `tsrun-test:x:${UID}:${GID}::/:/bin/sh\n`, { flag: "a" });
  for (const name of ["subuid", "subgid"]) writeFileSync(join(etc, name), granted);
  for (const name of ["subuid", "subgid"]) if (!existsSync(`/etc/${name}`)) return [];
  const binds = ["passwd", "subuid", "subgid"].map((name) => `mount --bind ${etc}/${name} /etc/${name}`);
  return [
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "sh",
    "-c",
    `${binds.join(" && ")} && exec "$@"`,
    "sh",
  ];
}
