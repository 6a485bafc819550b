// Runs beside other files.
// `list --tree` and its pictures.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces, type Patch } from "../../harness/bundle.ts";
import { type Container, containerOf, created, started } from "../../harness/container.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { namespaceOf } from "../../harness/processes.ts";
import { complaint, runtime } from "../../harness/runtime.ts";
import { list, memberOf, SLEEP, startedSandbox, tree } from "./listed.ts";

const startedMember = (sandbox: Container, patch: Patch, more = {}) =>
  started({ ...memberOf(sandbox, more), ...patch });

testTsrun("list --tree shows a pod as one group, the sandbox first, with what each shares", () => {
  using alone = started({ args: SLEEP });
  using sandbox = startedSandbox();
  using web = startedMember(sandbox, { args: ["sleep", "61"] });
  using job = startedMember(sandbox, { args: SLEEP }, { pid: `/proc/${sandbox.pid()}/ns/pid` });
  const rows = tree();
  assert.equal(
    rows.map((row) => row["CONTAINER"]),
    [alone.id, sandbox.id, `├─ ${web.id}`, `└─ ${job.id}`],
  );
  assert.equal(
    rows.map((row) => row["SHARES"]),
    ["-", "net ipc uts pid", "net ipc uts", "net ipc uts pid"],
  );
  assert.is(rows[2]?.["COMMAND"], "sleep 61");
  assert.is(rows[2]?.["PID"], String(web.pid()));
  assert.is(rows[2]?.["PROCS"], "1");
  assert.match(rows[2]?.["MEMORY"] ?? "", /^[\d.]+ [kM]?B$/);
  assert.match(rows[2]?.["UPTIME"] ?? "", /^\d+ s$/);
});

testTsrun("two containers with one network namespace are a group, and a third is none of it", () => {
  using one = started({ args: SLEEP });
  const net = { network: `/proc/${one.pid()}/ns/net` };
  using other = started({ args: SLEEP, linux: { namespaces: namespaces(net) } });
  using third = started({ args: SLEEP });
  const pods = JSON.parse(list(["--tree", "--format", "json"]));
  const ids = pods.map((pod: { containers: { id: string }[] }) => pod.containers.map(({ id }) => id));
  assert.equal(ids, [[one.id, other.id], [third.id]]);
  const [{ sandbox, containers }] = pods;
  assert.is(sandbox, one.id);
  assert.is(containers[1].namespaces.network, containers[0].namespaces.network);
  assert.is(containers[1].namespaces.network, namespaceOf(other.pid(), "net"));
  assert.is(containers[1].namespaces.user, "host");
  assert.is.not(containers[1].namespaces.ipc, containers[0].namespaces.ipc);
});

testTsrun("containers in the host's network are no pod for that, and it is said", () => {
  const host = { linux: { namespaces: namespaces({ network: false }) }, args: SLEEP };
  using one = started(host);
  using other = started(host);
  assert.equal(
    tree().map((row) => [row["CONTAINER"], row["SHARES"]]),
    [one, other].map(({ id }) => [id, "host's net"]),
  );
});

testTsrun("a member that has stopped stays in its pod, and says how it ended if that is known", async () => {
  using sandbox = startedSandbox();
  using kept = containerOf(bundle({ ...memberOf(sandbox), args: ["sh", "-c", "exit 3"] }), uniqueId());
  assert.is(runtime(["run", "--keep", "--bundle", kept.bundle.path, kept.id]).status, 3);
  using waiting = created({ ...memberOf(sandbox), args: ["sleep", "62"] });
  const rows = tree();
  assert.equal(
    rows.map((row) => [row["CONTAINER"], row["STATUS"], row["SHARES"], row["COMMAND"]]),
    [
      [sandbox.id, "running", "net ipc uts", "/pause"],
      [`├─ ${kept.id}`, "stopped (exited with status 3)", "net ipc uts", 'sh -c "exit 3"'],
      [`└─ ${waiting.id}`, "created", "net ipc uts", "sleep 62"],
    ],
  );
});

testTsrun("list --pod shows one pod by any of its containers", () => {
  using sandbox = startedSandbox();
  using web = startedMember(sandbox, { args: SLEEP });
  using _alone = started({ args: SLEEP });
  assert.equal(
    tree(["--pod", web.id]).map((row) => row["CONTAINER"]),
    [sandbox.id, `└─ ${web.id}`],
  );
  assert.match(
    complaint(runtime(["list", "--pod", "nobody"])),
    /list: --pod nobody: there is no such container/,
  );
});

testTsrun("list --format svg is a picture that needs nothing else, light and dark", () => {
  using sandbox = startedSandbox();
  using web = startedMember(sandbox, { args: ["sh", "-c", "sleep 60; echo '<&\">'"] });
  const picture = list(["--format", "svg"]);
  requireXml(picture);
  for (const words of [sandbox.id, web.id, "shared by 2", "prefers-color-scheme:dark", "&lt;&amp;"])
    assert.ok(picture.includes(words), words);
  assert.not.match(picture, /<script|<image|href|url\(|@import|http(?!:\/\/www\.w3\.org\/2000\/svg")/);
  requireXml(list(["--format", "svg"], { root: freshDirectory("empty") }));
});

/** Every element that is opened is closed, in turn, and every & begins a known entity. */
function requireXml(text: string): void {
  const open: string[] = [];
  for (const [, closes, name = "", alone] of text.matchAll(/<(\/?)(\w+)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (closes) assert.is(open.pop(), name);
    else if (!alone) open.push(name);
  }
  assert.equal(open, []);
  assert.not.match(text, /&(?!(?:amp|lt|gt);)/);
}

testTsrun("list --format dot names who shares what with whom", () => {
  using sandbox = startedSandbox();
  using _web = startedMember(sandbox, { args: ["echo", '"\\'] });
  const graph = list(["--format", "dot"]);
  assert.match(graph, /^graph pods \{\n/);
  assert.match(graph, `label="pod ${sandbox.id}"`);
  assert.match(graph, 'ns0_0 [label="network\\nipc\\nuts", ');
  for (const node of ["c0_0", "c0_1"]) assert.match(graph, `${node} -- ns0_0;`);
  assert.not.match(graph, "ns0_1");
});

testTsrun("plain list is runc's, whatever else there is", () => {
  using box = started({ args: SLEEP });
  assert.match(list([]), /^ID +PID +STATUS +BUNDLE +CREATED +OWNER\n/);
  const [found] = JSON.parse(list(["--format", "json"]));
  assert.equal(Object.keys(found), [
    "ociVersion",
    "id",
    "pid",
    "status",
    "bundle",
    "rootfs",
    "created",
    "owner",
  ]);
  assert.is(found.id, box.id);
});

leavesNothing();
test.run();
