// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type JsonObject, namespaces } from "../../harness/bundle.ts";
import { container, created, inside, ran, started } from "../../harness/container.ts";
import { isTsrun, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { namespaceOf, status } from "../../harness/processes.ts";
import { complaint, refusal } from "../../harness/runtime.ts";

const SLEEP = ["sleep", "60"];

const MAPPED: JsonObject = {
  namespaces: namespaces({ user: true }),
  uidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
  gidMappings: [{ containerID: 0, hostID: 200000, size: 65536 }],
};

test("a user namespace has the mappings of config.json", () => {
  const maps = inside(["cat", "/proc/self/uid_map", "/proc/self/gid_map"], { linux: MAPPED });
  assert.equal(
    maps
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/\s+/)),
    [
      ["0", "100000", "65536"],
      ["0", "200000", "65536"],
    ],
  );
});

test("a mapping in several parts is kept", () => {
  const parts = [
    { containerID: 0, hostID: 100000, size: 1000 },
    { containerID: 1000, hostID: 500, size: 1 },
    { containerID: 1001, hostID: 101001, size: 64535 },
  ];
  const linux = { ...MAPPED, uidMappings: parts, gidMappings: parts };
  const kept = parts.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");
  for (const map of ["uid_map", "gid_map"])
    assert.is(
      inside(["sh", "-c", `while read -r line; do echo $line; done < /proc/self/${map}`], { linux }),
      kept,
    );
  using box = started({ args: SLEEP, linux, process: { user: { uid: 1000, gid: 1002 } } });
  assert.is(status(box.pid()).get("Uid"), "500\t500\t500\t500");
  assert.is(status(box.pid()).get("Gid"), "101002\t101002\t101002\t101002");
});

test("root in a user namespace is the mapped user outside", () => {
  using box = started({ args: SLEEP, linux: MAPPED });
  const seen = status(box.pid());
  assert.is(seen.get("Uid"), "100000\t100000\t100000\t100000");
  assert.is(seen.get("Gid"), "200000\t200000\t200000\t200000");
});

test("a waiting container's process is already the mapped user outside", () => {
  using box = created({ args: SLEEP, linux: MAPPED });
  assert.is(status(box.pid()).get("Uid"), "100000\t100000\t100000\t100000");
});

test("another user of a user namespace is mapped too, with its groups", () => {
  const process = { user: { uid: 7, gid: 8, additionalGids: [9, 10] } };
  using box = started({ args: SLEEP, linux: MAPPED, process });
  const seen = status(box.pid());
  assert.is(seen.get("Uid"), "100007\t100007\t100007\t100007");
  assert.is(seen.get("Gid"), "200008\t200008\t200008\t200008");
  assert.is(seen.get("Groups"), "200009 200010");
});

test("the mounts and devices of the default config work in a user namespace", () => {
  const script = "echo x > /dev/null && head -c 1 /dev/zero | wc -c && touch /dev/shm/x && ls /sys/class/net";
  assert.is(inside(["sh", "-c", script], { linux: MAPPED }), "1\nlo\n");
});

test("a program in a user namespace can't write what is root's outside", () => {
  const seen = inside(["sh", "-c", "touch /etc/x 2>&1 || true"], { linux: MAPPED });
  assert.match(seen, /Permission denied/);
});

test("a user namespace is joined by its path, with the network namespace it owns", () => {
  using sandbox = started({ args: SLEEP, linux: MAPPED });
  const pid = sandbox.pid();
  using member = started({
    args: SLEEP,
    linux: {
      ...MAPPED,
      namespaces: namespaces({ user: `/proc/${pid}/ns/user`, network: `/proc/${pid}/ns/net` }),
    },
  });
  assert.is(namespaceOf(member.pid(), "user"), namespaceOf(pid, "user"));
  assert.is(namespaceOf(member.pid(), "net"), namespaceOf(pid, "net"));
});

test("mappings beside the path of a user namespace are those that it has, or are refused", () => {
  using sandbox = started({ args: SLEEP, linux: MAPPED });
  const joined = { ...MAPPED, namespaces: namespaces({ user: `/proc/${sandbox.pid()}/ns/user` }) };
  const other = [{ containerID: 0, hostID: 300000, size: 65536 }];
  for (const field of ["uidMappings", "gidMappings"])
    assert.match(refusal(ran({ linux: { ...joined, [field]: other } })), isTsrun ? field : /mapping/);
});

test("a user namespace without mappings is refused", () => {
  const { gidMappings, ...linux } = MAPPED;
  assert.ok(gidMappings !== undefined);
  using box = container({ args: SLEEP, linux });
  complaint(box.call("create", "--bundle", box.bundle.path));
});

testTsrun("of mappings that are too long for the kernel it is said that they are", () => {
  const uidMappings = Array.from({ length: 340 }, (_, id) => ({
    containerID: id,
    hostID: 200_000 + id,
    size: 1,
  }));
  const gidMappings = [{ containerID: 0, hostID: 200_000, size: 65_536 }];
  const said = complaint(
    ran({ linux: { namespaces: namespaces({ user: true }), uidMappings, gidMappings } }),
  );
  assert.match(said, /linux\.uidMappings: .*EINVAL.*; they take 4310 bytes, and must fit into one page/);
});

leavesNothing();
test.run();
