// Runs beside other files.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../../harness/bundle.ts";
import { ranIn } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint } from "../../harness/runtime.ts";
import { notebook } from "./scripts.ts";

for (const kind of ["prestart", "createRuntime", "createContainer"] as const) {
  testTsrun(`a ${kind} hook whose program is missing fails in one line that says no more than that`, () => {
    const { path } = bundle({ hooks: { [kind]: [{ path: "/nowhere" }] } });
    assert.match(
      complaint(ranIn(path)),
      /\(\/nowhere\): error running .* hook #0: cannot exec the hook: no such file or directory \(execve: ENOENT\)$/,
    );
  });
}

testTsrun("a hook whose interpreter is missing fails in a line that names it", () => {
  const notes = notebook();
  const hook = join(notes.directory, "hook");
  writeFileSync(hook, "#!/nowhere/sh\n", { mode: 0o755 });
  const { path } = bundle({ hooks: { createRuntime: [{ path: hook }] } });
  assert.match(
    complaint(ranIn(path)),
    /no such file or directory \(execve: ENOENT\); \/nowhere\/sh is missing, the interpreter/,
  );
});

leavesNothing();
test.run();
