// Runs beside other files.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DEFAULT_MOUNTS, namespaces } from "../harness/bundle.ts";
import { cgroup2Of } from "../harness/cgroups.ts";
import { type Container, started } from "../harness/container.ts";
import { freshDirectory } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { namespaceOf, status } from "../harness/processes.ts";
import { complaint, runtime, silent, succeeded } from "../harness/runtime.ts";
import { waitUntil } from "../harness/wait.ts";
import { checkpoint, counted, counting, imageDirectory, restored, saved, testCriu } from "./checkpoint.ts";

testCriu(
  "--pre-dump saves memory and goes on; a checkpoint that names it as its parent restores",
  async () => {
    using box = await counting();
    const images = imageDirectory();
    silent(checkpoint(box, join(images, "before"), "--pre-dump"));
    assert.is(box.state().status, "running");
    silent(checkpoint(box, join(images, "last"), "--parent-path", "../before", "--auto-dedup"));
    using after = restored(box, join(images, "last"));
    await waitUntil(() => counted(after) >= 3, "it counts on");
  },
);

testCriu("--work-path has criu's logs, and the images' directory has none", async () => {
  using box = await counting();
  const work = freshDirectory("work");
  const images = saved(box, "--work-path", work);
  using after = restored(box, images, "--work-path", work);
  for (const log of ["dump.log", "restore.log"]) {
    assert.ok(existsSync(join(work, log)), log);
    assert.not(existsSync(join(images, log)), log);
  }
  assert.is(after.state().status, "running");
});

testCriu("--page-server sends memory to another directory", async () => {
  using box = await counting();
  const pages = imageDirectory();
  const server = spawn("criu", ["page-server", "-D", pages, "--address", "127.0.0.1", "--port", "7171"], {
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => server.on("exit", resolve));
  const listens = () => readFileSync("/proc/net/tcp", "utf8").includes("0100007F:1C03 00000000:0000 0A");
  await waitUntil(listens, "the page server listens");
  const images = saved(box, "--page-server", "127.0.0.1:7171");
  await ended;
  const memory = (directory: string) =>
    readdirSync(directory).filter((name) => /^pages-\d+\.img$/.test(name));
  assert.equal(memory(images), []);
  assert.ok(memory(pages).length > 0);
});

testCriu("--lazy-pages restores memory while the container runs", async () => {
  using box = await counting();
  const images = saved(box);
  const lazy = spawn("criu", ["lazy-pages", "-D", images], { stdio: "ignore" });
  const ended = new Promise((resolve) => lazy.on("exit", resolve));
  await waitUntil(() => existsSync(join(images, "lazy-pages.socket")), "criu waits for who wants pages");
  using after = restored(box, images, "--lazy-pages");
  await waitUntil(() => counted(after) >= 3, "it counts on");
  await ended;
});

/** Talks to itself over TCP, and says what it hears. */
const TALK =
  "nc -l -p 5000 -e sh -c 'while read line; do echo heard $line; done' & sleep 1; " +
  "i=0; while :; do echo $((i+=1)); sleep 0.2; done | nc 127.0.0.1 5000 > /tmp/heard";

testCriu("--tcp-established keeps connections; without it they are refused", async () => {
  using box = started({ args: ["sh", "-c", TALK] });
  const heard = (one: Container) => lines(join(one.bundle.rootfs, "tmp/heard"));
  await waitUntil(() => heard(box) > 1, "it talks");
  const images = imageDirectory();
  assert.match(complaint(checkpoint(box, images)), /criu: .*[Cc]onnected TCP socket/);
  silent(checkpoint(box, images, "--tcp-established"));
  const before = heard(box);
  using after = restored(box, images, "--tcp-established");
  await waitUntil(() => heard(after) > before, "the talk goes on");
});

function lines(file: string): number {
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0;
}

testCriu("--empty-ns network leaves the network namespace bare for somebody else to fill", async () => {
  using box = await counting();
  using after = restored(box, saved(box, "--empty-ns", "network"), "--empty-ns", "network");
  assert.not.match(after.exec("ip", "addr", "show", "lo").stdout, /127\.0\.0\.1/);
});

testCriu("a member of a pod comes back into the sandbox's namespaces", async () => {
  using sandbox = started({ args: ["/pause"], hostname: "pod" }, "pause");
  const [net, ipc, uts] = ["net", "ipc", "uts"].map((file) => `/proc/${sandbox.pid()}/ns/${file}`);
  if (net === undefined || ipc === undefined || uts === undefined) throw new Error("three of them");
  const linux = { namespaces: namespaces({ network: net, ipc, uts }) };
  using box = await counting({ hostname: undefined, linux });
  using after = restored(box, saved(box));
  for (const file of ["net", "ipc", "uts"] as const)
    assert.is(namespaceOf(after.pid(), file), namespaceOf(sandbox.pid(), file), file);
  assert.not.equal(namespaceOf(after.pid(), "mnt"), namespaceOf(sandbox.pid(), "mnt"));
});

testCriu("cgroups below the container's come back below the new one's", async () => {
  const mounts = [...DEFAULT_MOUNTS, { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" }];
  const args = [
    "sh",
    "-c",
    "mkdir /sys/fs/cgroup/in; sleep 99 & echo $! > /sys/fs/cgroup/in/cgroup.procs; wait",
  ];
  using box = started({ args, mounts, linux: { namespaces: namespaces({ cgroup: true }) } });
  const inner = (one: Container) => {
    const file = join(cgroup2Of(one.pid()), "in/cgroup.procs");
    return existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  };
  await waitUntil(() => inner(box) !== "", "it has a cgroup below its own");
  using after = restored(box, saved(box));
  assert.match(inner(after), /^\d+$/);
  assert.match(cgroup2Of(Number(inner(after))), new RegExp(`${after.id}/in$`));
});

testCriu("a seccomp filter, capabilities and noNewPrivileges come back", async () => {
  const seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28 }],
  };
  using box = await counting({ linux: { seccomp } });
  const facts = (one: Container) => {
    const all = status(one.pid());
    return ["Seccomp", "NoNewPrivs", "CapBnd", "CapEff", "CapPrm", "CapInh", "CapAmb"].map((key) =>
      all.get(key),
    );
  };
  const before = facts(box);
  using after = restored(box, saved(box));
  assert.equal(facts(after), before);
  assert.match(after.exec("mkdir", "/tmp/x").stderr, /No space left/);
});

testCriu("the session keyring of a restored container is its own", async () => {
  using box = await counting();
  using after = restored(box, saved(box));
  assert.is(succeeded(runtime(["exec", after.id, "true"])).status, 0);
});

leavesNothing();
test.run();
