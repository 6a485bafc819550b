import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { complaintOf } from "../../../src/linux/criu/complaint.ts";
import { restoredMounts, savedMounts } from "../../../src/linux/criu/external-mounts.ts";
import { REQUEST, RESPONSE } from "../../../src/linux/criu/messages.ts";
import { decode, encode } from "../../../src/linux/criu/protobuf.ts";
import { externalStreams, restoredStreams, streamsAfter } from "../../../src/linux/criu/streams.ts";
import type { MountEntry } from "../../../src/linux/mounts/mount-table.ts";
import { streamNames } from "../../../src/linux/process/streams.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

// Protocol Buffers: the bytes are those of the reference in protobuf.dev, "Encoding".

const SAMPLE = {
  a: { kind: "int", number: 1 },
  b: { kind: "string", number: 2 },
  c: { kind: "message", number: 3, fields: { a: { kind: "int", number: 1 } } },
} as const;

test("numbers, strings and messages are encoded as the reference has them", () => {
  assert.is(hex(encode(SAMPLE, { a: 150 })), "089601");
  assert.is(hex(encode(SAMPLE, { b: "testing" })), "120774657374696e67");
  assert.is(hex(encode(SAMPLE, { c: { a: 150 } })), "1a03089601");
});

test("a negative number takes ten bytes, and comes back", () => {
  const bytes = encode(SAMPLE, { a: -2 });
  assert.is(hex(bytes), "08feffffffffffffffff01");
  assert.is(decode(SAMPLE, bytes).a, -2);
});

test("what is undefined is left out; false, 0 and an empty text are not", () => {
  assert.is(encode(SAMPLE, { a: undefined }).length, 0);
  assert.is(hex(encode(REQUEST, { notifySuccess: false })), "1800");
  assert.is(hex(encode(SAMPLE, { a: 0, b: "" })), "08001200");
});

test("fields of a field's number above 15 and lists of messages come back", () => {
  const options = {
    imagesDirectory: 5,
    freezeCgroup: "/sys/fs/cgroup/x",
    external: ["net[1]:a", "pid[2]:b"],
    externalMounts: [
      { key: "/data", value: "/data" },
      { key: "/é", value: "/é" },
    ],
    pageServer: { address: "127.0.0.1", port: 27 },
  };
  assert.equal(decode(REQUEST, encode(REQUEST, { type: 1, options })), { type: 1, options });
});

test("a reader skips what it doesn't know, and says of what is no message", () => {
  // Fields 99 of 8 bytes, 98 of 4 and 97 of a text, then `type`.
  const bytes = Buffer.from(
    ["9906", "0102030405060708", "9506", "01020304", "8a06", "0378797a", "0806"].join(""),
    "hex",
  );
  assert.equal(decode(RESPONSE, bytes), { type: 6 });
  for (const broken of ["08", "1205616263", "0b"])
    assert.throws(() => decode(SAMPLE, Buffer.from(broken, "hex")), /not a message/);
});

// Mounts

const entry = (point: string, root = "/", id = "1"): MountEntry => ({
  point,
  root,
  id,
  type: "x",
  source: "none",
  options: ["rw"],
  superOptions: ["rw"],
  propagation: [],
  shared: false,
  readonly: false,
});
const place = { bundle: "/b", cgroups: "/sys/fs/cgroup" };
const config = {
  ociVersion: "1.0.2",
  root: { path: "rootfs" },
  mounts: [
    { destination: "/proc", type: "proc" },
    { destination: "/data/", type: "bind", source: "data", options: ["rbind"] },
    { destination: "/data/own", type: "tmpfs" },
    { destination: "/one", source: "/host/one", options: ["bind"] },
    { destination: "/sys/fs/cgroup", type: "cgroup" },
  ],
  linux: { maskedPaths: ["/proc/keys", "/proc/acpi", "/proc/none"] },
};

test("bind mounts, what is recursively below them, cgroups of the caller and masked files are criu's not to save", () => {
  const table = [
    ...["/", "/proc", "/data", "/data/deep", "/data/own", "/one", "/one/deep", "/sys/fs/cgroup"].map(
      (point) => entry(point),
    ),
    entry("/proc/keys", "/null"),
    entry("/proc/acpi"),
  ];
  assert.equal(
    savedMounts(config, place, table).map(({ key, value }) => `${key} ${value}`),
    [
      "/data /data",
      "/data/deep /data/deep",
      "/one /one",
      "/sys/fs/cgroup /sys/fs/cgroup",
      "/proc/keys /dev/null",
    ],
  );
});

test("each is mounted from where the bundle and the host have it", () => {
  assert.equal(
    restoredMounts(config, place, [entry("/b/data/deep"), entry("/host/one/deep")]).map(
      ({ key, value }) => `${key} ${value}`,
    ),
    [
      "/data /b/data",
      "/data/deep /b/data/deep",
      "/one /host/one",
      "/sys/fs/cgroup /sys/fs/cgroup",
      "/dev/null /dev/null",
    ],
  );
});

test("in a user namespace the devices are the host's, in a cgroup namespace the cgroups are not", () => {
  const linux = { ...config.linux, namespaces: [{ type: "user" }, { type: "cgroup" }] as const };
  const names = savedMounts({ ...config, linux }, place, [
    entry("/dev/null", "/null"),
    entry("/sys/fs/cgroup"),
  ]);
  assert.equal(names, [{ key: "/dev/null", value: "/dev/null" }]);
});

// Streams

test("pipes and files of the host are replaced by tsrun's streams, each once", () => {
  const names = ["pipe:[7]", "file[1a:2b]", "file[1a:2b]"];
  assert.equal(externalStreams(names, [entry("/", "/", "27")]), ["file[1a:2b]"]);
  assert.equal(restoredStreams(names), [
    { key: "pipe:[7]", fd: 0 },
    { key: "file[1a:2b]", fd: 1 },
  ]);
  assert.equal(restoredStreams(["/dev/null", "", "/dev/pts/0"]), []);
});

test("a file on one of the container's own mounts is not outside", () => {
  assert.equal(externalStreams(["file[1a:2b]", "/dev/null"], [entry("/", "/", "26")]), []);
});

test("the streams have the names that criu knows them by", () => {
  const file = `${mkdtempSync(join(tmpdir(), "streams-"))}/out`;
  const print =
    'import { streamNames } from "./src/linux/process/streams.ts"; console.error(JSON.stringify(streamNames([0, 1, 2])));';
  const out = openSync(file, "w");
  try {
    const { stderr } = Bun.spawnSync([process.execPath, "-e", print], { stdio: ["ignore", out, "pipe"] });
    const [input, output, error] = JSON.parse(stderr.toString()) as string[];
    const mount = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${out}`, "utf8"))?.[1];
    const [mountHex, inodeHex] = [Number(mount), statSync(file).ino].map((number) => number.toString(16));
    assert.is(input, "/dev/null");
    assert.is(output, `file[${mountHex}:${inodeHex}]`);
    assert.match(error ?? "", /^(pipe|socket):\[\d+\]$/);
  } finally {
    closeSync(out);
    rmSync(dirname(file), { recursive: true });
  }
});

test("after a restore those that were replaced are tsrun's own", () => {
  const [own0 = "", own1 = ""] = streamNames([0, 1, 2]);
  assert.equal(streamsAfter([0, 1, 2], ["pipe:[7]", "file[1a:2b]", "file[1a:2b]"]), [own0, own1, own1]);
  assert.equal(streamsAfter([0, 1, 2], ["/dev/null", "", "/dev/pts/0"]), ["/dev/null", "", "/dev/pts/0"]);
});

// What criu says

test("a complaint is criu's first error that says something", () => {
  const printed =
    "Error (criu/util.c:642): exited, status=1\nError (criu/vdso.c:381): vdso: Unexpected area\nError (criu/x.c:1): later\n";
  assert.is(
    complaintOf({ response: null, printed }, "/nowhere/dump.log"),
    "criu: vdso: Unexpected area; `criu check` may tell more",
  );
  assert.is(complaintOf({ response: { success: true }, printed: "" }, "/nowhere"), undefined);
  assert.match(
    complaintOf({ response: { errorMessage: "why" }, printed: "" }, "/nowhere") ?? "",
    /^criu: why;/,
  );
});

test.run();
