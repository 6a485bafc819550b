// Runs beside other files.
// Descriptors that the set-up takes: their number does not grow with what config.json lists.
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { formatJson } from "../../../runtime-spec/json.ts";
import { bundle, DEFAULT_MOUNTS, type JsonObject, namespaces } from "../../harness/bundle.ts";
import { ranIn } from "../../harness/container.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { succeeded } from "../../harness/runtime.ts";

const IDS = [{ containerID: 0, hostID: 200_000, size: 65_536 }];
const FEW = ["prlimit", "--nofile=64:64"];

const KINDS: Readonly<Record<string, JsonObject>> = {
  "bind mounts": { type: "bind", source: "/usr", options: ["rbind", "ro"] },
  tmpfs: { type: "tmpfs", source: "many", options: ["size=4k"] },
};

for (const [kind, mount] of Object.entries(KINDS))
  for (const [where, linux] of [
    ["", {}],
    [" in a user namespace", { namespaces: namespaces({ user: true }), uidMappings: IDS, gidMappings: IDS }],
  ] as const)
    test(`350 ${kind}${where} need no more than 64 descriptors`, () => {
      const many = Array.from({ length: 350 }, (_, index) => ({
        ...mount,
        destination: `/many/below/${index}`,
      }));
      const script = "wc -l < /proc/self/mountinfo; ls /proc/self/fd";
      const made = bundle({
        args: ["sh", "-c", script],
        process: { rlimits: [] },
        mounts: [...DEFAULT_MOUNTS, ...many],
        linux,
      });
      const below = join(made.rootfs, "many/below");
      mkdirSync(below, { recursive: true });
      for (const { destination } of many) mkdirSync(join(made.rootfs, destination));
      chmodSync(made.path, 0o755);
      const [mounts, ...descriptors] = succeeded(ranIn(made.path, { through: FEW })).stdout.split("\n");
      assert.ok(Number(mounts) >= 350, mounts);
      assert.equal(descriptors, ["0", "1", "2", "3", ""]); // the last is ls's own
    });

for (const [where, linux] of [
  ["", {}],
  [" in a user namespace", { namespaces: namespaces({ user: true }), uidMappings: IDS, gidMappings: IDS }],
] as const)
  test(`so many sources beside a config.json with a long path have room${where}`, () => {
    const many = Array.from({ length: 350 }, (_, index) => ({
      ...{ destination: `/many/${index}`, type: "bind", source: "here", options: ["rbind", "ro"] },
    }));
    const room = { destination: "/many", type: "tmpfs", source: "many" };
    const made = bundle({ args: ["true"], mounts: [...DEFAULT_MOUNTS, room, ...many], linux });
    mkdirSync(join(made.rootfs, "many"));
    const deep = join(made.path, ...Array.from({ length: 14 }, () => "d".repeat(250)));
    mkdirSync(join(deep, "here"), { recursive: true });
    const config = { ...made.config, root: { path: made.rootfs } };
    writeFileSync(join(deep, "config.json"), formatJson(config));
    chmodSync(made.path, 0o755);
    succeeded(ranIn(deep));
  });

test("so have many masked and read-only paths, however short", () => {
  const names = Array.from({ length: 1000 }, (_, index) => `/${index}`);
  const linux = { maskedPaths: names, readonlyPaths: names };
  const made = bundle({ args: ["true"], process: { rlimits: [] }, linux });
  for (const name of names) writeFileSync(join(made.rootfs, name), "");
  succeeded(ranIn(made.path, { through: FEW }));
});

test("350 id-mapped sources in the rootfs have room, too, for the agent that opens them", () => {
  const many = Array.from({ length: 350 }, (_, index) => ({
    ...{ destination: `/many/${index}`, type: "bind", source: "rootfs/usr", options: ["bind", "idmap"] },
  }));
  const room = { destination: "/many", type: "tmpfs", source: "many" };
  const linux = { namespaces: namespaces({ user: true }), uidMappings: IDS, gidMappings: IDS };
  const made = bundle({ args: ["true"], mounts: [...DEFAULT_MOUNTS, room, ...many], linux });
  mkdirSync(join(made.rootfs, "many"));
  chmodSync(made.path, 0o755);
  succeeded(ranIn(made.path));
});

test("nor do 350 devices in a user namespace", () => {
  const devices = Array.from({ length: 350 }, (_, index) => ({
    ...{ path: `/dev/many/${index}/null`, type: "c", major: 1, minor: 3 },
  }));
  const linux = { namespaces: namespaces({ user: true }), uidMappings: IDS, gidMappings: IDS, devices };
  const args = ["sh", "-c", "ls -d /dev/many/*/null | wc -l"];
  const made = bundle({ args, process: { rlimits: [] }, linux });
  chmodSync(made.path, 0o755);
  assert.is(succeeded(ranIn(made.path, { through: FEW })).stdout, "350\n");
});

leavesNothing();
test.run();
