import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { readMounts } from "../harness/mountinfo.ts";
import { commandLine, processes } from "../harness/processes.ts";
import { slowness } from "../harness/slowness.ts";
import { call, printed } from "./call.ts";
import { LASTING_CGROUPS } from "./machine.ts";

/** How long what was ended may take to vanish. */
const GRACE_MS = 5000 * slowness;

const CGROUPS = "/sys/fs/cgroup";
/** Where runtimes keep the state of containers, by caller, and the network namespaces of pods. */
const STATE = ["/run/tsrun", "/run/containerd/runc", "/run/netns", "/run/runc"];

/** Where containerd keeps the bundles of tasks, by namespace. */
const BUNDLES = "/run/containerd/io.containerd.runtime.v2.task";

/** podman mounts it onto itself while it runs, and sometimes forgets to end that. */
const PODMAN_STORAGE = "/var/lib/containers/overlay";

/**
 * Remembers what is on the test file's machine: processes, mounts, cgroups, states, network interfaces. The returned
 * function fails with what is there besides.
 */
export function watchMachine(): (when: string) => Promise<void> {
  const before = new Set(all());
  return async (when) => {
    const left = () => all().filter((one) => !before.has(one));
    for (let waited = 0; waited < GRACE_MS && left().length > 0; waited += 50) await Bun.sleep(50);
    assert.equal(left(), [], when);
  };
}

function all(): string[] {
  return [
    ...processes().flatMap(described),
    ...readMounts()
      .filter(({ mountPoint }) => mountPoint !== PODMAN_STORAGE)
      .map(({ mountPoint, fsType }) => `mount ${fsType} on ${mountPoint}`),
    ...containerCgroups(CGROUPS),
    ...STATE.flatMap(stateIn),
    ...entries(BUNDLES).flatMap(({ path }) => entries(path).map((bundle) => `bundle ${bundle.path}`)),
    ...printed(call(["ip", "-o", "link"]))
      .split("\n")
      .map((line) => `interface ${line.split(":")[1] ?? ""}`),
  ];
}

/** Nothing for a process that ends between the listing and the look, nor for the look itself. */
function described(pid: number): string[] {
  try {
    return pid === process.pid ? [] : [`process ${pid}: ${commandLine(pid)}`];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // readFileSync throws nothing else
    if (code === "ENOENT" || code === "ESRCH") return [];
    throw error;
  }
}

function containerCgroups(directory: string): string[] {
  return entries(directory)
    .filter(({ isDirectory }) => isDirectory)
    .flatMap(({ path }) => [
      ...(LASTING_CGROUPS.has(path.slice(CGROUPS.length)) ? [] : [`cgroup ${path}`]),
      ...containerCgroups(path),
    ]);
}

function stateIn(directory: string): string[] {
  return entries(directory).flatMap(({ path, isDirectory }) =>
    isDirectory ? [...(existsSync(join(path, "state.json")) ? [`state ${path}`] : []), ...stateIn(path)] : [],
  );
}

function entries(directory: string): { path: string; isDirectory: boolean }[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).map((entry) => ({
      path: join(directory, entry.name),
      isDirectory: entry.isDirectory(),
    }));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // readdirSync throws nothing else
    if (code === "ENOENT" || code === "ENODEV") return [];
    throw error;
  }
}
