import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cgroup2Mount, cgroup2Of, removeCgroups } from "../harness/cgroups.ts";
import type { Container } from "../harness/container.ts";
import { uniqueId } from "../harness/environment.ts";

/** The files of a cgroup v2. */
export class Cgroup {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  read(file: string): string {
    return readFileSync(join(this.path, file), "utf8").trim();
  }

  /** A file's words, such as the controllers in cgroup.subtree_control or the pids in cgroup.procs. */
  words(file: string): string[] {
    return this.read(file).split(/\s+/).filter(Boolean);
  }

  number(file: string): number {
    return Number(this.read(file));
  }

  /** One value of a file with a `KEY VALUE` in each line, such as `oom_kill` of memory.events. */
  value(file: string, key: string): number {
    const found = this.read(file).match(new RegExp(`^${key} (\\d+)$`, "m"))?.[1];
    if (found === undefined) throw new Error(`${this.path}/${file} has no ${key}`);
    return Number(found);
  }

  write(file: string, value: string): void {
    writeFileSync(join(this.path, file), value);
  }
}

/** The cgroup that a container's init is in. */
export function cgroupOf(box: Container): Cgroup {
  return new Cgroup(cgroup2Of(box.pid()));
}

/** A cgroup that the test makes for containers to be in, as who runs pods does; removed by `using`. */
export interface Parent extends Cgroup, AsyncDisposable {
  /** Its place in the hierarchy, for cgroupsPath. */
  readonly name: string;
}

/** A cgroup at the top of the hierarchy with `controllers`, and these for the cgroups below it. */
export function parentCgroup(...controllers: readonly string[]): Parent {
  const name = `/${uniqueId()}`;
  const path = join(cgroup2Mount(), name);
  const enable = controllers.map((controller) => `+${controller}`).join(" ");
  if (enable !== "") writeFileSync(join(cgroup2Mount(), "cgroup.subtree_control"), enable);
  mkdirSync(path);
  const made = new Cgroup(path);
  if (enable !== "") made.write("cgroup.subtree_control", enable);
  return Object.assign(made, {
    name,
    [Symbol.asyncDispose]: async () => void (await removeCgroups(name)),
  });
}
