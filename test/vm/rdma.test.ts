// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cgroup2Controllers } from "../harness/cgroups.ts";
import { container } from "../harness/container.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { complaint } from "../harness/runtime.ts";
import { testIf } from "../harness/skip.ts";

// The machine has the controller and no such device.

testIf(cgroup2Controllers().has("rdma"), "needs cgroup controller rdma")(
  "a limit of an RDMA device that isn't there is refused, and named",
  () => {
    const linux = { resources: { rdma: { mlx5_7: { hcaHandles: 3, hcaObjects: 10000 } } } };
    using box = container({ linux });
    const said = complaint(box.call("create", "--bundle", box.bundle.path));
    assert.match(said, /linux\.resources\.rdma\["?mlx5_7"?\]/);
  },
);

leavesNothing();
test.run();
