/** The lives that containers have in the test of many: most go well, the others fail, each in a way of its own. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Process } from "../../../runtime-spec/config.ts";
import { readBundle } from "../../../src/container/bundle.ts";
import { type CreateOptions, create } from "../../../src/container/create.ts";
import { remove } from "../../../src/container/delete.ts";
import { exec } from "../../../src/container/exec.ts";
import { kill } from "../../../src/container/kill.ts";
import { start } from "../../../src/container/start.ts";
import type { Store } from "../../../src/container/state/store.ts";
import { SIGNALS } from "../../../src/kernel/signals.ts";
import { bundle, DEFAULT_MOUNTS, type Patch } from "../../harness/bundle.ts";
import { SLEEP, script } from "../hooks/scripts.ts";
import { plain } from "./callers.ts";

const ignore = () => {};

/** A container of this id lives as it does, and is gone when that returns. */
export type Life = (store: Store, id: string) => Promise<void>;

/** The status (wait(2)) of a child of the caller, once it has ended. */
export async function reaped({ caller }: Store, pid: number): Promise<number> {
  for (;;) {
    const status = caller.reap(pid, false);
    if (status !== null) return status;
    await Bun.sleep(1);
  }
}

export async function createIn(store: Store, path: string, id: string, more: Partial<CreateOptions> = {}) {
  const made = await create(store, readBundle(path, store.caller), plain(id, more));
  using _ = made.agent;
  using directory = made.directory;
  return directory.read()?.init?.pid ?? 0;
}

/** Runs a command beside a container's own process. */
export async function execIn(
  store: Store,
  id: string,
  args: readonly string[],
  ignorePaused = false,
): Promise<number> {
  using directory = store.open(id);
  const { process } = directory.config();
  let made = 0;
  await exec(directory, { ...process, args, cwd: "/" } as Process, {
    ...{ ignorePaused, pidFile: undefined, preservedFds: 0, gaps: [], cgroup: undefined },
    ...{ console: null, debug: undefined, warn: ignore },
    beforeExecution(pid) {
      made = pid;
    },
  });
  return reaped(store, made);
}

async function removed(store: Store, id: string, init: number): Promise<void> {
  await remove(store, id, true, ignore);
  await reaped(store, init);
}

/** Waits for a failure whose words match. */
export async function rejects(what: Promise<unknown>, why: RegExp): Promise<void> {
  try {
    await what;
  } catch (error) {
    assert.match(String(error), why, String(error));
    return;
  }
  assert.unreachable(`fails with ${why}`);
}

/** A container that is created, started, entered, signalled and deleted. */
export function good(patch: Patch = {}): Life {
  const { path } = bundle({ args: SLEEP, ...patch });
  return async (store, id) => {
    const init = await createIn(store, path, id);
    await start(store, id, ignore, null);
    assert.is(await execIn(store, id, ["true"]), 0);
    await kill(store, id, SIGNALS.SIGKILL, false);
    await removed(store, id, init);
  };
}

/** A container that can't be created. */
function uncreated(patch: Patch, why: RegExp, more: Partial<CreateOptions> = {}): Life {
  const { path } = bundle({ args: SLEEP, ...patch });
  return (store, id) => rejects(createIn(store, path, id, more), why);
}

/** A container that is created and can't be started. */
function unstarted(patch: Patch, why: RegExp, change: (rootfs: string) => void = ignore): Life {
  const { path, rootfs } = bundle({ args: SLEEP, ...patch });
  change(rootfs);
  return async (store, id) => {
    const init = await createIn(store, path, id);
    await rejects(start(store, id, ignore, null), why);
    await removed(store, id, init);
  };
}

const OWN = ["pid", "mount", "ipc", "uts"].map((type) => ({ type }));
const USER = {
  linux: {
    namespaces: [...OWN, { type: "user" }, { type: "network" }],
    uidMappings: [{ containerID: 0, hostID: 100_000, size: 65_536 }],
    gidMappings: [{ containerID: 0, hostID: 100_000, size: 65_536 }],
  },
};
const FILTER = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["acct"], action: "SCMP_ACT_ERRNO" }] };

/** One of each; those that go well make the start. */
export function allLives(): readonly Life[] {
  const { path } = bundle({ args: SLEEP });
  const joining = bundle({
    linux: { namespaces: [...OWN, { type: "network", path: "/proc/self/ns/net" }] },
  });
  const failing = script("exit 3");
  return [
    good(),
    good({ linux: { seccomp: FILTER } }),
    good(USER),
    good({ hooks: { createRuntime: [script("true")], startContainer: [script("true")] } }),
    uncreated({ process: { cwd: "no" } }, /process\.cwd/),
    uncreated({ root: { path: "nowhere" } }, /rootfs .* does not exist/),
    uncreated({ args: ["nothing"] }, /executable file not found/),
    uncreated({ mounts: [...DEFAULT_MOUNTS, tmpfs("szie=1")] }, /Unknown parameter/),
    uncreated(
      { linux: { namespaces: [...OWN, { type: "network", path: "/proc/1/ns/uts" }] } },
      /is not a network/,
    ),
    uncreated({ hooks: { createRuntime: [failing] } }, /exit status 3/),
    uncreated({ hooks: { createContainer: [{ path: "/nowhere" }] } }, /cannot exec the hook/),
    uncreated({}, /--pid-file/, { pidFile: "/nowhere/pid" }),
    uncreated(
      { hooks: { prestart: [script("true")] }, linux: { seccomp: { defaultAction: "SCMP_ACT_KILL" } } },
      /execve/,
    ),
    unstarted({ hooks: { startContainer: [failing] } }, /exit status 3/),
    unstarted({ args: ["/bin/odd"] }, /cannot exec/, (rootfs) =>
      writeFileSync(join(rootfs, "bin/odd"), "#!/nowhere\n", { mode: 0o755 }),
    ),
    async function killed(store, id) {
      const init = await createIn(store, path, id);
      await kill(store, id, SIGNALS.SIGKILL, false);
      await reaped(store, init);
      await rejects(start(store, id, ignore, null), /cannot start/);
      await remove(store, id, false, ignore);
    },
    (store) => rejects(createIn(store, joining.path, "no id"), /invalid container ID/),
    async function twice(store, id) {
      const init = await createIn(store, path, id);
      await rejects(createIn(store, path, id), /already exists/);
      await rejects(execIn(store, id, ["nothing"]), /executable file not found/);
      await removed(store, id, init);
    },
  ];
}

const tmpfs = (option: string) => ({
  destination: "/x",
  type: "tmpfs",
  source: "tmpfs",
  options: [option],
});
