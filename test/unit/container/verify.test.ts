import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilitiesAfterExec, capabilitiesIn } from "../../../src/container/verify/capability-sets.ts";
import { agrees } from "../../../src/container/verify/cgroup-values.ts";
import { IdMap, mappingsText } from "../../../src/container/verify/id-map.ts";

const AGREE: readonly (readonly [file: string, written: string, text: string])[] = [
  ["memory.max", "67108864", "67108864\n"],
  ["memory.max", "1000000", "999424\n"], // whole pages
  ["memory.max", "max", "max\n"],
  ["memory.high", "64M", "67108864\n"],
  ["hugetlb.2MB.max", "3000000", "2097152\n"],
  ["pids.max", "10", "10\n"],
  ["cpu.max", "50000 100000", "50000 100000\n"],
  ["cpu.max", "50000", "50000 100000\n"],
  ["cpuset.cpus", "3,0-1,2", "0-3\n"],
  [
    "io.max",
    "8:0 rbps=1048576",
    "8:16 rbps=1 wbps=max riops=max wiops=max\n8:0 rbps=1048576 wbps=max riops=9 wiops=max\n",
  ],
  ["io.max", "8:0 rbps=max", "\n"],
  ["io.weight", "200", "default 200\n8:0 100\n"],
  ["io.bfq.weight", "8:0 100", "default 200\n8:0 100\n"],
  ["rdma.max", "mlx4_0 hca_handle=2", "mlx4_0 hca_handle=2 hca_object=max\n"],
];

test("what the kernel shows of a limit is what was written", () => {
  for (const [file, written, text] of AGREE)
    assert.ok(agrees(file, written, text), `${file}: ${written}: ${text}`);
});

const DISAGREE: readonly (readonly [file: string, written: string, text: string])[] = [
  ["memory.max", "67108864", "max\n"],
  ["memory.max", "67108864", "67174400\n"],
  ["memory.max", "67108864", "33554432\n"],
  ["memory.max", "max", "67108864\n"],
  ["pids.max", "10", "9\n"],
  ["pids.max", "10", "\n"],
  ["cpu.max", "50000 100000", "max 100000\n"],
  ["cpuset.cpus", "0-3", "0-2\n"],
  ["cpuset.cpus", "0-3", "\n"],
  ["io.max", "8:0 rbps=1048576", "8:0 rbps=max wbps=1048576 riops=max wiops=max\n"],
  ["io.max", "8:0 rbps=1048576", "\n"],
  ["io.weight", "200", "default 100\n8:0 200\n"],
];

test("a limit with another value is told", () => {
  for (const [file, written, text] of DISAGREE)
    assert.not.ok(agrees(file, written, text), `${file}: ${written}: ${text}`);
});

const process = (uid: number, sets: Parameters<typeof capabilitiesAfterExec>[0]["capabilities"]) =>
  capabilitiesAfterExec({ args: ["x"], cwd: "/", user: { uid }, capabilities: sets ?? {} });
const [KILL, CHOWN, ADMIN] = ["CAP_KILL", "CAP_CHOWN", "CAP_SYS_ADMIN"] as const;

test("root's program gets what its bounding and inheritable sets have", () => {
  const sets = process(0, { bounding: [KILL, CHOWN], permitted: [KILL], inheritable: [ADMIN] });
  assert.equal([...sets.permitted].sort(), [CHOWN, KILL, ADMIN]);
  assert.equal(sets.effective, sets.permitted);
});

test("another user's program gets the ambient ones that are permitted and inheritable", () => {
  const all = { bounding: [KILL, CHOWN, ADMIN], effective: [KILL], ambient: [KILL, CHOWN, ADMIN] };
  const sets = process(1000, { ...all, permitted: [KILL, CHOWN], inheritable: [KILL, ADMIN] });
  assert.equal([...sets.permitted], [KILL]);
  assert.equal([...sets.ambient], [KILL]);
  assert.equal([...process(1000, { bounding: [KILL], permitted: [KILL] }).effective], []);
});

test("capabilities are read from proc's hexadecimal numbers, also those without a name", () => {
  assert.equal([...capabilitiesIn("0000000000000021")], [CHOWN, KILL]);
  assert.equal([...capabilitiesIn("4000000000000000")], ["capability 62"]);
  assert.equal([...capabilitiesIn("")], []);
});

test("ids are told as the container has them", () => {
  const map = new IdMap("         0     100000      10\n        50       1000          1\n");
  assert.equal([map.inside(100_003), map.inside(1000)], ["3", "50"]);
  assert.is(map.inside(0), "unmapped (0 outside)");
});

test("mappings are compared whatever their order, and ranges that continue each other are one", () => {
  const [first, second] = [
    { containerID: 0, hostID: 1000, size: 5 },
    { containerID: 5, hostID: 1005, size: 2 },
  ];
  assert.is(mappingsText([second, first]), "0 1000 7");
  assert.is(mappingsText([first, { ...second, hostID: 7 }]), "0 1000 5, 5 7 2");
  assert.is(mappingsText([]), "none");
});

test.run();
