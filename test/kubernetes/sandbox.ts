/** What a pod's containers have of its sandbox. */
import * as assert from "uvu/assert";
import { printed } from "../callers/call.ts";
import { cgroup2Of } from "../harness/cgroups.ts";
import { commandLine, namespaceOf } from "../harness/processes.ts";
import { claims } from "./claims.ts";
import { FOREVER, shell } from "./pods.ts";

const { claim, all } = claims();
export const sandbox = all;

claim("a pod has one ready sandbox, which runs pause", async ({ run, runtime }) => {
  await using pod = await run({ containers: [shell(FOREVER)] });
  await pod.ready();
  const { pid, state, handler } = await pod.sandbox();
  assert.equal({ state, handler }, { state: "SANDBOX_READY", handler: runtime });
  assert.is(commandLine(pid), "/pause");
});

claim(
  "containers have the network, IPC and UTS of the sandbox, and mounts and a cgroup of their own",
  async ({ run }) => {
    await using pod = await run({
      containers: [shell(FOREVER, { name: "one" }), shell(FOREVER, { name: "two" })],
    });
    await pod.ready();
    const pids = [(await pod.sandbox()).pid, await pod.pid("one"), await pod.pid("two")];
    for (const kind of ["net", "ipc", "uts"] as const)
      assert.is(new Set(pids.map((pid) => namespaceOf(pid, kind))).size, 1, kind);
    for (const kind of ["mnt", "pid", "cgroup"] as const)
      assert.is(new Set(pids.map((pid) => namespaceOf(pid, kind))).size, 3, kind);
    assert.is(new Set(pids.map(cgroup2Of)).size, 3);
  },
);

claim("one container reaches the other over 127.0.0.1", async ({ run }) => {
  await using pod = await run({
    containers: [
      shell("exec httpd -f -p 127.0.0.1:8080 -h /www", {
        name: "web",
        readinessProbe: {
          exec: { command: ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"] },
          periodSeconds: 1,
        },
      }),
      shell(FOREVER, { name: "client" }),
    ],
  });
  await pod.ready();
  const page = await pod.exec(["wget", "-q", "-O", "-", "http://127.0.0.1:8080/"], "client");
  assert.match(printed(page), /Hello from a pod/);
});

claim("in a pod that shares its processes, pause is PID 1 and reaps orphans", async ({ run }) => {
  await using pod = await run({
    shareProcessNamespace: true,
    containers: [
      shell(FOREVER, { name: "one" }),
      shell("(sleep 2 & true); exec sleep 12345", { name: "two" }),
    ],
  });
  await pod.ready();
  const { pid } = await pod.sandbox();
  for (const name of ["one", "two"])
    assert.is(namespaceOf(await pod.pid(name), "pid"), namespaceOf(pid, "pid"));
  const seen = printed(await pod.exec(["ps", "-o", "pid,ppid,stat,args"], "one"));
  assert.match(seen, /^ *1 +0 +\S+ +\/pause$/m);
  assert.match(seen, /sleep 12345/);
  await Bun.sleep(2500);
  const later = printed(await pod.exec(["ps", "-o", "pid,ppid,stat,args"], "one"));
  assert.not.match(later, /sleep 2$|^ *\d+ +\d+ +Z/m);
});
