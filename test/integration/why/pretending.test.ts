// Runs beside other files.
/** What a process of a container can have `tsrun why` say of it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { container } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { runtime, silent } from "../../harness/runtime.ts";

const WAITS = "sleep 60";

testTsrun("a container's process is no command of tsrun's, whatever it calls itself", () => {
  using box = container({});
  const { path } = box.bundle;
  using pretending = container({ args: ["sh", "kill", box.id], cwd: "/" });
  writeFileSync(join(pretending.bundle.rootfs, "kill"), WAITS);
  pretending.runDetached();
  silent(runtime(["create", "--bundle", path, box.id]));
  const { stdout } = silent(runtime(["why", box.id]));
  assert.match(stdout, /^container \S+ is created, and waits for `tsrun start \S+` for [^;]*$/);
  assert.not.match(stdout, "tsrun kill");
});

testTsrun("as much as fits a line is shown of a command that is longer than that", () => {
  using box = container({ args: ["sh", "-c", `${WAITS}; true`, "x".repeat(10_000)] });
  box.runDetached();
  const { stdout } = silent(runtime(["why", box.id]));
  assert.match(stdout, /^container \S+ is running: pid \d+ \(sh -c sleep 60; true x{100,200}…\), for /);
});

leavesNothing();
test.run();
