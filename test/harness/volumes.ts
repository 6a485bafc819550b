import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { capabilities, DEFAULT_MOUNTS, type JsonObject } from "./bundle.ts";
import { inside } from "./container.ts";
import { freshDirectory } from "./environment.ts";
import { command, mounted } from "./mount.ts";
import { type Mount, parseMounts } from "./mountinfo.ts";

export const PROC: JsonObject = { destination: "/proc", type: "proc", source: "proc" };

/** The mount table inside a container with /proc and `mounts`. */
export function tableWith(...mounts: JsonObject[]): Mount[] {
  const linux = { maskedPaths: [], readonlyPaths: [] };
  return parseMounts(inside(["cat", "/proc/self/mountinfo"], { mounts: [PROC, ...mounts], linux }));
}

/** What a shell that may mount prints, with the default mounts and `mounts`. */
export function shellWithAdmin(mounts: readonly JsonObject[], script: string): string {
  const process = { capabilities: capabilities(["CAP_SYS_ADMIN"]) };
  return inside(["sh", "-c", script], { mounts: [...DEFAULT_MOUNTS, ...mounts], process });
}

/** What a shell prints in a container with the default mounts and `mounts`. */
export function shellWith(mounts: readonly JsonObject[], script: string): string {
  return inside(["sh", "-c", script], { mounts: [...DEFAULT_MOUNTS, ...mounts] });
}

export function bind(source: string, destination: string, ...options: string[]): JsonObject {
  return { destination, type: "bind", source, options: ["rbind", ...options] };
}

export function hostDirectory(...files: string[]): string {
  const path = freshDirectory("volume");
  for (const file of files) writeFileSync(join(path, file), `${file}'s content`);
  return path;
}

/** A host directory with a tmpfs mounted at `sub` in it, whose propagation is `how`. */
export function directoryWithMount(how: "private" | "shared") {
  const path = hostDirectory();
  const outer = mounted(path, "-t", "tmpfs", "outer");
  command("mount", `--make-${how}`, path);
  mkdirSync(join(path, "sub"));
  command("mount", "-t", "tmpfs", "inner", join(path, "sub"));
  writeFileSync(join(path, "sub/file"), "");
  return { path, [Symbol.dispose]: () => outer[Symbol.dispose]() };
}
