import { test } from "uvu";
import * as assert from "uvu/assert";
import { subjectOf } from "../../harness/subject.ts";

for (const [file, subject] of [
  ["test/vm/memory.test.ts", "memory"],
  ["test/vm/systemd/limits.test.ts", "systemd/limits"],
  ["/test/unit/of/test/integration/exec/cgroup.test.ts", "exec/cgroup"],
  ["test/integration/exec/exec.test.ts", "exec"],
  ["test/unit/linux/mounts/mount-options.test.ts", "mounts/mount-options"],
  ["test/soak.ts", "soak"],
] as const) {
  test(`${file} is about ${subject}`, () => {
    assert.is(subjectOf(file), subject);
  });
}

test.run();
