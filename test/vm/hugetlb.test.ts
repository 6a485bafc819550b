// Runs beside other files.
import { writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DEFAULT_MOUNTS } from "../harness/bundle.ts";
import { started } from "../harness/container.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { succeeded } from "../harness/runtime.ts";
import { cgroupOf } from "./cgroup.ts";

const MIB = 1024 * 1024;
const PAGES = "/proc/sys/vm/nr_hugepages";

test("a container takes huge pages up to its limit", () => {
  writeFileSync(PAGES, "8");
  const huge = { destination: "/huge", type: "hugetlbfs", source: "hugetlbfs", options: ["pagesize=2M"] };
  using box = started({
    args: ["sleep", "60"],
    mounts: [...DEFAULT_MOUNTS, huge],
    linux: { resources: { hugepageLimits: [{ pageSize: "2MB", limit: 4 * MIB }] } },
  });
  succeeded(box.exec("fallocate", "-l", `${4 * MIB}`, "/huge/fits"));
  const cgroup = cgroupOf(box);
  assert.is(cgroup.number("hugetlb.2MB.max"), 4 * MIB);
  assert.is(cgroup.number("hugetlb.2MB.current"), 4 * MIB);
  assert.is.not(box.exec("fallocate", "-l", `${2 * MIB}`, "/huge/more").status, 0);
  assert.ok(cgroup.value("hugetlb.2MB.events", "max") > 0);
});

test.after(() => writeFileSync(PAGES, "0"));
leavesNothing();
test.run();
