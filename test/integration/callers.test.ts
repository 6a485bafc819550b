// Runs beside other files.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, type JsonObject } from "../harness/bundle.ts";
import { cgroup2Controllers } from "../harness/cgroups.ts";
import { containerOf, ran, ranIn } from "../harness/container.ts";
import { freshDirectory, project, uniqueId } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { complaint, runtime, silent } from "../harness/runtime.ts";
import { testIf } from "../harness/skip.ts";
import { waitUntil } from "../harness/wait.ts";

interface Written extends JsonObject {
  readonly process: JsonObject;
  readonly linux: JsonObject & { readonly resources: JsonObject };
}

/** A config.json as containerd's `ctr run` writes it. */
function containerdsConfig(): Written {
  const file = join(project, "test/unit/runtime-spec/configs/ctr-default.json");
  const config = JSON.parse(readFileSync(file, "utf8")) as Written; // as recorded
  return { ...config, linux: { ...config.linux, cgroupsPath: `/${uniqueId()}` } };
}

test("containerd's default config runs as it is", () => {
  const { path } = bundle();
  writeFileSync(join(path, "config.json"), JSON.stringify(containerdsConfig()));
  const { status, stdout, stderr } = ranIn(path);
  assert.is(status, 3);
  assert.match(stdout, /^out\nuid=0(\(root\))? gid=0/);
  assert.is(stderr, "err\n");
});

testIf(!cgroup2Controllers().has("cpu"), "the cgroup controller cpu is there")(
  "the default cpu.shares of every containerd config need no controller, and --debug says that they are left out",
  () => {
    for (const [shares, told] of [
      [1024, true],
      [0, false], // unset: nothing is left out
    ] as const) {
      const call = { global: ["--debug"] };
      const { status, stderr } = ran({ linux: { resources: { cpu: { shares } } } }, call);
      assert.is(status, 0);
      const note =
        /linux\.resources\.cpu\.shares: left out: .* has no cpu controller, and this is the default/;
      assert.is(note.test(stderr), told);
    }
    const refused = complaint(ran({ linux: { resources: { cpu: { shares: 1025 } } } }));
    assert.match(refused, /linux\.resources\.cpu\.shares: .* has no cpu controller/);
  },
);

test("an empty XDG_RUNTIME_DIR, which podman hands on, is none", () => {
  silent(runtime(["list"], { root: null, env: { XDG_RUNTIME_DIR: "" } }));
  const outcome = ran({ args: ["true"] }, { env: { XDG_RUNTIME_DIR: "" } });
  assert.is(silent(outcome).status, 0);
});

test("containerd's sequence of calls works: create, start, kill, kill --all, delete, delete --force", async () => {
  const { path, rootfs } = bundle();
  const config = containerdsConfig();
  const process = { ...config.process, args: ["sleep", "60"] };
  writeFileSync(join(path, "config.json"), JSON.stringify({ ...config, process }));
  using box = containerOf({ path, rootfs, config }, uniqueId());

  const root = join(freshDirectory("containerd"), "k8s.io");
  const log = join(path, "log.json");
  const pidFile = join(path, "init.pid");
  const call = (...args: string[]) => runtime(args, { root, global: ["--log", log, "--log-format", "json"] });
  silent(call("create", "--bundle", path, "--pid-file", pidFile, box.id));
  silent(call("start", box.id));
  assert.match(readFileSync(pidFile, "utf8"), /^\d+$/);

  const processFile = join(path, "exec.json");
  writeFileSync(processFile, JSON.stringify({ ...process, args: ["sleep", "61"] }));
  const execPid = join(path, "exec.pid");
  silent(call("exec", "--process", processFile, "--detach", "--pid-file", execPid, box.id));
  assert.match(readFileSync(execPid, "utf8"), /^\d+$/);

  silent(call("kill", box.id, "9"));
  silent(call("kill", "--all", box.id, "9"));
  const isStopped = () => JSON.parse(silent(call("state", box.id)).stdout).status === "stopped";
  await waitUntil(isStopped, "it has ended"); // containerd deletes what has told it so
  silent(call("delete", box.id));
  silent(call("delete", "--force", box.id));
  assert.is(readFileSync(log, { encoding: "utf8", flag: "a+" }), "");
});

leavesNothing();
test.run();
