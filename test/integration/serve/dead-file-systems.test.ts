// Runs beside other files.
/** A command that looks at a file system which never answers holds up itself, and no other that the server does. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, namespaces, type Patch } from "../../harness/bundle.ts";
import { container } from "../../harness/container.ts";
import { uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { readIfThere } from "../../harness/read-if-there.ts";
import { runtime, startRuntime, succeeded } from "../../harness/runtime.ts";
import { silentFuse, testFuse } from "../../harness/silent-fuse.ts";
import { waitUntil } from "../../harness/wait.ts";
import { isWell, serving } from "./serving.ts";

const SLEEP = ["sleep", "60"];

const MAPPINGS = [{ containerID: 0, hostID: 0, size: 65536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: MAPPINGS, gidMappings: MAPPINGS };

const bundleOf = (patch: Patch) => bundle({ args: SLEEP, ...patch }).path;
const withSource = (source: string, patch: Patch = {}) =>
  bundleOf({
    ...patch,
    mounts: [...DEFAULT_MOUNTS, { destination: "/mnt", type: "bind", source, options: ["rbind"] }],
  });

/** What is on the file system, and a command line that looks at it; `box` runs. */
const COMMANDS: Readonly<Record<string, (dead: string, id: string, box: string) => readonly string[]>> = {
  "the source of a mount": (dead, id) => ["create", "--bundle", withSource(`${dead}/volume`), id],
  "the same in a user namespace": (dead, id) => [
    ...["create", "--bundle", withSource(`${dead}/volume`, { linux: MAPPED })],
    id,
  ],
  "the rootfs": (dead, id) => [
    ...["run", "--detach", "--bundle", bundleOf({ root: { path: `${dead}/rootfs` } })],
    id,
  ],
  "the bundle": (dead, id) => ["run", "--bundle", dead, id],
  "the bundle, as containerd names it,": (dead, id) => [
    ...["--log", "/dev/null", "--log-format", "json", "create", "--bundle", dead],
    id,
  ],
  "the bundle, named after the id,": (dead, id) => ["create", id, "--bundle", dead],
  "the log": (dead) => ["--log", `${dead}/log`, "list"],
  "the pid file": (dead, id) => ["create", "--bundle", bundleOf({}), "--pid-file", `${dead}/pid`, id],
  "the output": (dead, id) => ["run", "--detach", "--bundle", bundleOf({}), `--output=${dead}/out`, id],
  "the process of exec": (dead, _, box) => ["exec", "--process", `${dead}/process.json`, box],
  "the output of exec": (dead, _, box) => ["exec", "--env", "A=1", "--output", `${dead}/out`, box, "true"],
};

const childrenOf = (pid: number) =>
  (readIfThere(`/proc/${pid}/task/${pid}/children`).match(/\d+/g) ?? []).map(Number);

/** Whether a process waits for an answer of FUSE (proc_pid_wchan(5)). */
const waitsForFuse = (pid: number) => readIfThere(`/proc/${pid}/wchan`) === "request_wait_answer";

for (const [what, commandLine] of Object.entries(COMMANDS))
  testFuse(`${what} on a file system that does not answer`, async () => {
    await using server = await serving();
    using box = container({ args: SLEEP });
    box.runDetached(server.call);
    const id = uniqueId();
    const fuse = await silentFuse("root");
    await using command = startRuntime(commandLine(fuse.path, id, box.id), server.call);
    {
      await using _ = fuse;
      await waitUntil(
        () => [command.pid, server.pid, ...childrenOf(command.pid)].some(waitsForFuse),
        "the command, its stage or the server waits for the file system",
      );
      const before = server.served();
      succeeded(runtime(["state", box.id], server.call));
      succeeded(runtime(["exec", box.id, "true"], server.call));
      assert.is(server.served(), before + 2);
    }
    await command.ended();
    runtime(["delete", "--force", id], server.call); // a few are made after all
    assert.ok(isWell(server), server.printed());
  });

leavesNothing();
test.run();
