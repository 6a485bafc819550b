import { test } from "uvu";
import * as assert from "uvu/assert";
import { readStats, statsJson, UNLIMITED } from "../../../../src/linux/cgroups/stats.ts";
import { FakeHierarchy } from "./fake-cgroup.ts";

const CPU = "usage_usec 30\nuser_usec 20\nsystem_usec 10\n";
const statsOf = (files: { readonly [path: string]: string }) => {
  using cgroup = new FakeHierarchy({ "cpu.stat": CPU, "cgroup.procs": "7\n8\n", ...files });
  return readStats(cgroup.mount);
};

test("CPU time is in nanoseconds", () => {
  const stats = statsOf({ "cpu.stat": `${CPU}nr_periods 4\nnr_throttled 2\nthrottled_usec 5\n` });
  assert.equal(stats.cpu, {
    usage: { total: 30000, kernel: 10000, user: 20000 },
    throttling: { periods: 4, throttledPeriods: 2, throttledTime: 5000 },
  });
});

test("pressure is told where the kernel keeps it", () => {
  const line = "avg10=1.50 avg60=0.00 avg300=0.25 total=961";
  const { psi } = statsOf({
    "cpu.pressure": `some ${line}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n`,
  }).cpu;
  assert.equal(psi?.some, { avg10: 1.5, avg60: 0, avg300: 0.25, total: 961 });
});

test("swap is memory and swap together", () => {
  const { memory } = statsOf({
    "memory.stat": "anon 1\nfile 4096\n",
    "memory.current": "100\n",
    "memory.max": "1000\n",
    "memory.peak": "500\n",
    "memory.swap.current": "10\n",
    "memory.swap.max": "50\n",
  });
  assert.is(memory.cache, 4096);
  assert.equal(memory.usage, { limit: 1000, usage: 100, max: 500, failcnt: 0 });
  assert.equal(memory.swap, { limit: 1050, usage: 110, max: 0, failcnt: 0 });
  assert.equal(memory.raw, { anon: 1, file: 4096 });
});

test("no memory limit is the largest number, in all its digits", () => {
  const stats = statsOf({ "memory.current": "1\n", "memory.max": "max\n" });
  assert.is(stats.memory.usage.limit, UNLIMITED);
  assert.match(statsJson(stats), /"usage":\{"limit":18446744073709551615,"usage":1,/);
});

test("figures beyond 2^53 keep their digits", () => {
  const stats = statsOf({
    "cpu.stat": "usage_usec 9007199254740\nuser_usec 9007199254740993\nsystem_usec 1\n",
    "memory.current": "1\n",
    "memory.max": "4611686018427387904\n",
    "memory.swap.current": "1\n",
    "memory.swap.max": "8192\n",
  });
  assert.is(stats.cpu.usage.total, 9007199254740000);
  assert.is(stats.memory.usage.limit, 4611686018427387904n);
  assert.is(stats.memory.swap.limit, 4611686018427396096n);
});

test("processes are counted, by the controller or one by one", () => {
  assert.equal(statsOf({}).pids, { current: 2, limit: 0 });
  assert.equal(statsOf({ "pids.current": "3\n", "pids.max": "20\n" }).pids, { current: 3, limit: 20 });
  assert.equal(statsOf({ "pids.current": "3\n", "pids.max": "max\n" }).pids, { current: 3, limit: 0 });
});

test("io.stat becomes blkio's tables", () => {
  const { blkio } = statsOf({ "io.stat": "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n8:16 \n" });
  assert.equal(blkio.ioServiceBytesRecursive, [
    { major: 8, minor: 0, op: "Read", value: 10 },
    { major: 8, minor: 0, op: "Write", value: 20 },
  ]);
  assert.equal(
    blkio.ioServicedRecursive.map(({ value }) => value),
    [1, 2],
  );
});

test("huge pages are told by size", () => {
  const { hugetlb } = statsOf({
    "hugetlb.2MB.current": "0\n",
    "hugetlb.2MB.rsvd.current": "4194304\n",
    "hugetlb.2MB.events": "max 3\n",
    "hugetlb.2MB.events.local": "max 0\n",
  });
  assert.equal(hugetlb, { "2MB": { usage: 4194304, max: 0, failcnt: 3 } });
});

test("a cgroup without controllers has zeros", () => {
  const { memory, blkio, hugetlb } = statsOf({});
  assert.equal(memory.usage, { limit: 0, usage: 0, max: 0, failcnt: 0 });
  assert.equal([blkio.ioServicedRecursive, hugetlb], [[], {}]);
});

test.run();
