// Runs beside other files.
// Standard streams that a program opens anew, as images do whose logs are links to /dev/stdout.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces } from "../harness/bundle.ts";
import { ran, started } from "../harness/container.ts";
import { testTsrun, uniqueId } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { runtime, succeeded } from "../harness/runtime.ts";

test("standard output that is a file can be opened anew by a user who is not root", () => {
  const { path } = bundle({
    args: ["sh", "-c", "echo one > /dev/stdout; echo two >> /dev/stderr"],
    process: { user: { uid: 1000, gid: 1000 } },
  });
  const { stdout, stderr } = succeeded(runtime(["run", "--bundle", path, uniqueId()]));
  assert.equal([stdout, stderr], ["one\n", "two\n"]);
});

const MAPPINGS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: MAPPINGS, gidMappings: MAPPINGS };

for (const uid of [0, 1000]) {
  testTsrun(`so it can by user ${uid} of a user namespace, and with exec, too`, () => {
    const args = ["sh", "-c", "echo one > /dev/stdout"];
    const process = { user: { uid, gid: uid } };
    assert.is(succeeded(ran({ args, process, linux: MAPPED })).stdout, "one\n");
    using box = started({ args: ["sleep", "60"], process, linux: MAPPED });
    assert.is(succeeded(box.exec(...args)).stdout, "one\n");
  });
}

leavesNothing();
test.run();
