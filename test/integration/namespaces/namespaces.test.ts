// Runs beside other files.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, type JsonObject, namespaces } from "../../harness/bundle.ts";
import { container, created, inside, ran, started } from "../../harness/container.ts";
import { freshDirectory, isTsrun, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { mounted } from "../../harness/mount.ts";
import { OBSTACLES } from "../../harness/obstacles.ts";
import { type NamespaceFile, namespaceOf } from "../../harness/processes.ts";
import { complaint, runtime, succeeded } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";

const SLEEP = ["sleep", "60"];

/** The kinds, and the files under /proc/PID/ns that stand for them. */
const KINDS = [
  ["pid", "pid"],
  ["network", "net"],
  ["ipc", "ipc"],
  ["uts", "uts"],
  ["mount", "mnt"],
  ["cgroup", "cgroup"],
  ["time", "time"],
  ["user", "user"],
] as const;

/** What else a config.json needs for a namespace of a kind. */
function needs(kind: string): JsonObject {
  if (kind !== "user") return {};
  const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
  return { uidMappings: mapping, gidMappings: mapping };
}

/** runc 1.1 knows no time namespaces. */
const testKind = (kind: string) =>
  kind === "time" ? testIf(isTsrun, "the runtime has no time namespaces") : test;

for (const [kind, file] of KINDS) {
  testKind(kind)(`a new ${kind} namespace is nobody else's`, () => {
    using box = started({
      args: SLEEP,
      linux: { ...needs(kind), namespaces: namespaces({ [kind]: true }) },
    });
    assert.is.not(namespaceOf(box.pid(), file), namespaceOf("self", file));
  });
}

for (const [kind, file] of KINDS.filter(([kind]) => kind !== "mount")) {
  testKind(kind)(`without a ${kind} namespace the container is in the caller's`, () => {
    using box = started({
      args: SLEEP,
      linux: { namespaces: namespaces({ [kind]: false }) },
      hostname: undefined,
    });
    assert.is(namespaceOf(box.pid(), file), namespaceOf("self", file));
  });
}

for (const [kind, file] of KINDS.filter(([kind]) => kind !== "mount" && kind !== "user")) {
  testKind(kind)(`a ${kind} namespace is joined by its path`, () => {
    using sandbox = started({ args: SLEEP, linux: { namespaces: namespaces({ [kind]: true }) } });
    const path = `/proc/${sandbox.pid()}/ns/${file}`;
    using member = started({
      args: SLEEP,
      linux: { namespaces: namespaces({ [kind]: path }) },
      hostname: undefined,
    });
    assert.is(namespaceOf(member.pid(), file), namespaceOf(sandbox.pid(), file));
  });
}

testTsrun("a mount namespace is joined by its path: the root is sought in there, nothing mounted", () => {
  using sandbox = started({ args: SLEEP });
  succeeded(sandbox.exec("touch", "/dev/shm/shared"));
  const mount = `/proc/${sandbox.pid()}/ns/mnt`;
  const linux = { namespaces: namespaces({ mount }), maskedPaths: [], readonlyPaths: [] };
  const joined = { root: { path: "/" }, mounts: [], linux };
  using member = started({ args: SLEEP, ...joined });
  assert.is(namespaceOf(member.pid(), "mnt"), namespaceOf(sandbox.pid(), "mnt"));
  assert.is(succeeded(member.exec("ls", "/dev/shm")).stdout, "shared\n");
});

testTsrun("paths to mask are refused in a joined mount namespace: its other members would lose them", () => {
  using sandbox = started({ args: SLEEP });
  const mount = `/proc/${sandbox.pid()}/ns/mnt`;
  const linux = { namespaces: namespaces({ mount }), maskedPaths: ["/proc/keys"] };
  const { path } = bundle({ root: { path: "/" }, mounts: [], linux });
  const said = complaint(runtime(["create", "--bundle", path, uniqueId()]));
  assert.match(said, /linux\.maskedPaths: needs a mount namespace/);
});

test("several namespaces of one sandbox are joined at once", () => {
  using sandbox = started({ args: SLEEP });
  const pid = sandbox.pid();
  const joined = {
    network: `/proc/${pid}/ns/net`,
    ipc: `/proc/${pid}/ns/ipc`,
    uts: `/proc/${pid}/ns/uts`,
    pid: `/proc/${pid}/ns/pid`,
  };
  using member = started({ args: SLEEP, linux: { namespaces: namespaces(joined) }, hostname: undefined });
  const shared: NamespaceFile[] = ["net", "ipc", "uts", "pid"];
  for (const file of shared) assert.is(namespaceOf(member.pid(), file), namespaceOf(pid, file));
  assert.is.not(namespaceOf(member.pid(), "mnt"), namespaceOf(pid, "mnt"));
});

test("a namespace whose members have all gone is joined by the path it is mounted at", () => {
  const at = join(freshDirectory("netns"), "net");
  writeFileSync(at, "");
  using sandbox = started({ args: SLEEP });
  using _ = mounted(at, "--bind", `/proc/${sandbox.pid()}/ns/net`);
  const network = namespaceOf(sandbox.pid(), "net");
  sandbox.delete("--force");
  using member = started({ args: SLEEP, linux: { namespaces: namespaces({ network: at }) } });
  assert.is(namespaceOf(member.pid(), "net"), network);
});

test("in a new PID namespace the program is process 1", () => {
  assert.is(inside(["sh", "-c", "echo $$"]), "1\n");
});

test("in a joined PID namespace the program is another's child-to-be, and sees process 1", () => {
  using sandbox = started({ args: SLEEP });
  const pidNamespace = `/proc/${sandbox.pid()}/ns/pid`;
  const seen = inside(["sh", "-c", "echo $$; cat /proc/1/cmdline"], {
    linux: { namespaces: namespaces({ pid: pidNamespace }) },
  });
  const [own, first] = seen.split("\n");
  assert.ok(Number(own) > 1, seen);
  assert.is(first?.replaceAll("\0", " "), "sleep 60 ");
});

test("when process 1 of a PID namespace ends, so do all that share it", async () => {
  using sandbox = started({ args: SLEEP });
  using member = started({
    args: SLEEP,
    linux: { namespaces: namespaces({ pid: `/proc/${sandbox.pid()}/ns/pid` }) },
  });
  sandbox.kill("KILL");
  await member.until("stopped");
});

// Refusals: each is one line that says where in config.json, and leaves nothing

for (const [what, path, kind] of [
  ["of another kind", "/proc/self/ns/net", "uts"],
  ["that is no namespace", "/etc/passwd", "network"],
  ["that is a directory", "/proc", "ipc"],
  ["that is gone", "/proc/4194304/ns/net", "network"],
  ["that is relative", "proc/self/ns/net", "network"],
] as const) {
  testTsrun(`a path ${what} is refused, and named`, () => {
    using box = container({
      args: SLEEP,
      hostname: undefined,
      linux: { namespaces: namespaces({ [kind]: path }) },
    });
    const said = complaint(box.call("create", "--bundle", box.bundle.path));
    assert.match(said, /linux\.namespaces\[\d\]/);
    assert.ok(said.includes(path), said);
    assert.is.not(box.call("state").status, 0);
  });
}

test("a kind that is listed twice is refused", () => {
  using box = container({ args: SLEEP, linux: { namespaces: [...namespaces(), { type: "uts" }] } });
  complaint(box.call("create", "--bundle", box.bundle.path));
});

test("an unknown kind is refused", () => {
  using box = container({ args: SLEEP, linux: { namespaces: [...namespaces(), { type: "universe" }] } });
  complaint(box.call("create", "--bundle", box.bundle.path));
});

for (const [obstacle, put] of Object.entries(OBSTACLES))
  testTsrun(`a ${obstacle} is no namespace to join, and holds nobody up`, () => {
    const path = join(freshDirectory("namespace"), "it");
    put(path);
    const outcome = ran({ args: ["true"], linux: { namespaces: namespaces({ network: path }) } });
    assert.match(complaint(outcome), /linux\.namespaces\[1\]\.path: /);
  });

test("the process that waits to be started is in the container's namespaces already", () => {
  using box = created({ args: SLEEP, linux: { namespaces: namespaces({ cgroup: true }) } });
  const pid = box.pid();
  for (const file of ["pid", "net", "ipc", "uts", "mnt", "cgroup"] as const) {
    assert.is.not(namespaceOf(pid, file), namespaceOf("self", file));
  }
});

leavesNothing();
test.run();
