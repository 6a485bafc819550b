// Runs beside other files.
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type JsonObject, namespaces, type Patch } from "../../harness/bundle.ts";
import { orGone, started } from "../../harness/container.ts";
import { testTsrun, workDirectory } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { PEERS, startedBy, testPeer } from "../../harness/peer.ts";
import { runtime, silent } from "../../harness/runtime.ts";
import { edit, inProcess, inside, MAPPING, pathOf, RICH, SLEEP, verified } from "./verified.ts";

chmodSync(workDirectory, 0o711); // runc opens the rootfs as the root of a user namespace

/** The same in a user namespace, where devices are the host's. */
const MAPPED: Patch = {
  ...RICH,
  root: { path: "rootfs", readonly: false },
  linux: {
    ...(RICH["linux"] as JsonObject), // as it is above
    devices: [],
    namespaces: namespaces({ user: true }),
    uidMappings: MAPPING,
    gidMappings: MAPPING,
  },
};

const KINDS: readonly (readonly [name: string, patch: Patch])[] = [
  ["an ordinary container", SLEEP],
  ["a container with something of everything", RICH],
  ["a container in a user namespace", MAPPED],
];

for (const [name, patch] of KINDS)
  testTsrun(`${name} has what its config.json says`, () => {
    using box = started(patch);
    const { differs, changed, unseen, outcome } = verified(box.id);
    assert.equal({ differs, changed, unseen }, { differs: [], changed: [], unseen: [] });
    assert.is(outcome.status, 0);
  });

for (const peer of PEERS) {
  for (const [name, patch] of KINDS)
    testPeer(peer, `${name} of ${peer} has what its config.json says`, async () => {
      await using box = await startedBy(peer, patch);
      const { differs, changed, unseen, outcome } = verified(
        "--pid",
        String(box.pid),
        "--bundle",
        box.bundle.path,
      );
      assert.equal({ differs, changed, unseen }, { differs: [], changed: [], unseen: [] });
      assert.is(outcome.status, 0);
    });

  testPeer(peer, `what was changed in a container of ${peer} is told`, async () => {
    await using box = await startedBy(peer, RICH);
    inside(box.pid, "mount -t tmpfs none /home; mount -o remount,bind,exec,ro /dev/shm; umount /proc/keys");
    writeFileSync(`/proc/${box.pid}/oom_score_adj`, "400");
    const { differs, outcome } = verified("--pid", String(box.pid), "--bundle", box.bundle.path);
    assert.equal(differs.map(pathOf), [
      "process.oomScoreAdj",
      "mounts[3].options",
      "mounts",
      "linux.maskedPaths[3]",
    ]);
    assert.is(outcome.status, 1);
  });
}

testTsrun("trouble comes first, a line each with its path, what is there and what was asked", () => {
  using box = started(SLEEP);
  edit(box.bundle, inProcess({ oomScoreAdj: 7, cwd: "/tmp" }));
  const { stdout, status } = runtime(["verify", box.id]);
  const score = readFileSync(`/proc/${box.pid()}/oom_score_adj`, "utf8").trim();
  const [first, second, last] = stdout.split("\n");
  assert.is(first, `process.oomScoreAdj: ${score}; asked: 7`);
  assert.is(second, "changed by the program itself, it seems: process.cwd: /; asked: /tmp");
  assert.match(last ?? "", /^\d+ as asked, 1 different, 1 changed by the program itself$/);
  assert.is(status, 1);
});

testTsrun(
  "a container of a pod has the sandbox's namespaces, and that can't be told once the sandbox is gone",
  () => {
    using sandbox = started(SLEEP);
    const path = `/proc/${sandbox.pid()}/ns/net`;
    using box = started({ ...SLEEP, linux: { namespaces: namespaces({ network: path }) } });
    assert.equal(verified(box.id).differs, []);
    edit(box.bundle, (config) => ({
      ...config,
      linux: { ...config.linux, namespaces: namespaces({ network: "/proc/self/ns/net" }) },
    }));
    assert.match(
      verified(box.id).differs[0] ?? "",
      /^linux\.namespaces\[1\]\.path: network namespace net:\[\d+\]$/,
    );
    edit(box.bundle, (config) => ({
      ...config,
      linux: { ...config.linux, namespaces: namespaces({ network: path }) },
    }));
    silent(runtime(["delete", "--force", sandbox.id]));
    const { unseen, outcome } = verified(box.id);
    assert.match(
      unseen[0] ?? "",
      /^linux\.namespaces\[1\]\.path: \/proc\/\d+\/ns\/net is gone, so it can't be compared/,
    );
    assert.is(outcome.status, 2);
  },
);

testTsrun("a paused container is verified", () => {
  using box = started(SLEEP);
  silent(box.call("pause"));
  assert.is(verified(box.id).outcome.status, 0);
  silent(box.call("resume"));
});

testTsrun("verifying changes nothing, and leaves nothing open in the container", () => {
  using box = orGone(started(RICH), () => {});
  const state = () => [
    readFileSync(`/proc/${box.pid()}/mountinfo`, "utf8"),
    silent(runtime(["ps", "--format", "json", box.id])).stdout,
  ];
  const before = state();
  verified(box.id);
  assert.equal(state(), before);
});

leavesNothing();
test.run();
