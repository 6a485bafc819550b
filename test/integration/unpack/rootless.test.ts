import { existsSync, lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { uniqueId } from "../../harness/environment.ts";
import { asDirectory, imageOf, layout, TOLD, talking } from "../../harness/images.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { AS_USER, call, GID, home, knowing, UID } from "../../harness/ordinary-user.ts";
import {
  byCopy,
  type Call,
  complaint,
  invocation,
  runtime,
  silent,
  succeeded,
} from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";
import { directory, type Entry, file, hardLink, tar } from "../../harness/tar.ts";
import { configOf, treeOf } from "../../harness/unpacked.ts";
import { waitUntil } from "../../harness/wait.ts";

const hasHelpers = ["newuidmap", "newgidmap"].every((name) => Bun.which(name) !== null);
const testRanges = testIf(hasHelpers, "needs newuidmap and newgidmap");
const GRANTED = { through: knowing("tsrun-test:600000:65536\n") };
const NONE = { through: knowing("") };

let count = 0;
const freshBundle = () => join(home, `bundle-${++count}`);

const unpack = (image: string, bundle: string, how: Call = {}) =>
  call(["unpack", "--rootless", image, bundle], how);

testRanges("an ordinary user unpacks with the ids that are granted, and runs what the config says", () => {
  const bundle = freshBundle();
  silent(unpack(asDirectory(layout([talking()])), bundle, GRANTED));
  const { stdout } = call(["run", "--bundle", bundle, uniqueId()], GRANTED);
  assert.is(stdout, TOLD);
  assert.equal(configOf(bundle).linux?.uidMappings, [
    { containerID: 0, hostID: UID, size: 1 },
    { containerID: 1, hostID: 600_000, size: 65_536 },
  ]);
  assert.is(statSync(bundle).uid, UID);
  assert.is(statSync(bundle).mode & 0o777, 0o700);
});

const OWNED: readonly Entry[] = [
  file("root", "1"),
  file("su", "2", { mode: 0o4755, uid: 5, gid: 6 }),
  directory("d", { uid: 65_536, mode: 0o500 }),
  file("d/x", "3", { uid: 7 }),
  { name: "null", type: "3", device: [1, 3], mode: 0o666 },
];

testRanges(
  "owners are those of the namespace, set-user-ID stays, and a device is an empty file, with a warning",
  () => {
    const bundle = freshBundle();
    const { stderr } = succeeded(unpack(imageOf(OWNED), bundle, GRANTED));
    assert.is(
      stderr,
      "tsrun: warning: null: a device, which only root of the host can make: an empty file is there\n",
    );
    const status = (name: string) => lstatSync(join(bundle, "rootfs", name));
    assert.equal([status("root").uid, status("root").gid], [UID, GID]);
    assert.equal(
      [status("su").uid, status("su").gid, status("su").mode & 0o7777],
      [600_004, 600_005, 0o4755],
    );
    assert.equal([status("d").uid, status("d/x").uid], [665_535, 600_006]);
    assert.ok(status("null").isFile());
  },
);

testRanges("an id that isn't granted is refused, and all is removed, whoever owns it by then", () => {
  const bundle = freshBundle();
  const said = complaint(
    unpack(imageOf([...OWNED.slice(0, 4), file("far", "", { uid: 70_000 })]), bundle, GRANTED),
  );
  assert.match(said, /"far": has the owner 70000:0, which this user namespace doesn't map/);
  assert.not(existsSync(bundle));
});

test("without granted ids all is the user's own, and the container's process is its root; both are said", () => {
  const bundle = freshBundle();
  const { stderr } = succeeded(unpack(imageOf(OWNED.slice(0, 4)), bundle, NONE));
  assert.match(stderr, /warning: \/etc\/subuid and \/etc\/subgid grant you no ids/);
  assert.match(
    stderr,
    /warning: su and 2 more: owned by an id that the user namespace doesn't have: you own it/,
  );
  for (const name of ["root", "su", "d", "d/x"]) assert.is(lstatSync(join(bundle, "rootfs", name)).uid, UID);
  const talks = freshBundle();
  succeeded(unpack(asDirectory(layout([talking()])), talks, NONE));
  const { stdout } = call(["run", "--bundle", talks, uniqueId()], NONE);
  assert.is(stdout, "hello world from 0:0:0 in /tmp/work\n");
});

test("an ordinary user without --rootless, and root with it, are told so", () => {
  const image = imageOf([file("a")]);
  assert.match(complaint(call(["unpack", image, freshBundle()])), /ordinary user.*--rootless/);
  assert.match(
    complaint(runtime(["unpack", "--rootless", image, freshBundle()])),
    /--rootless: is for ordinary users/,
  );
  assert.equal(
    readdirSync(home).filter((name) => name === `bundle-${count}`),
    [],
  );
});

test("what is wrong with an image is said once, and ends with a status of its own", () => {
  const outcome = unpack(imageOf([hardLink("a", "nowhere")]), freshBundle(), NONE);
  const lines = outcome.stderr.split("\n").filter((line) => line.includes("error"));
  assert.is(outcome.status, 1);
  assert.is(lines.length, 1, outcome.stderr);
});

test("in a user namespace that is there already, as podman unshare makes it, root unpacks with its ids", () => {
  const bundle = freshBundle();
  const inside = [...AS_USER, "unshare", "--user", "--map-root-user", ...byCopy()];
  succeeded(runtime(["unpack", "--rootless", imageOf([file("a", "1")]), bundle], { through: inside }));
  assert.equal(configOf(bundle).linux?.uidMappings, [{ containerID: 0, hostID: UID, size: 1 }]);
  assert.equal(treeOf(join(bundle, "rootfs")), { a: "1" });
});

testRanges("SIGTERM to the user's tsrun ends it, and nothing is left", async () => {
  const many = Array.from({ length: 20_000 }, (_, at) => file(`f${at}`, "content", { uid: 5 }));
  const image = asDirectory(layout([{ layers: [{ archive: tar(many) }] }]));
  const bundle = freshBundle();
  const through = [...GRANTED.through, ...AS_USER];
  const {
    file: program,
    argv,
    options,
  } = invocation(["unpack", "--rootless", image, bundle], { root: null, through });
  const child = Bun.spawn([program, ...argv], { ...options, stderr: "pipe" });
  await waitUntil(() => existsSync(join(bundle, "rootfs/f3")), "it unpacks");
  child.kill("SIGTERM");
  assert.is(await child.exited, 1);
  assert.match(await new Response(child.stderr).text(), /was ended/);
  assert.not(existsSync(bundle));
});

leavesNothing();
test.run();
