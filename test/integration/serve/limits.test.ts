// Runs beside other files.
/** A server with few open files does few commands at a time, and the others do their work themselves. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../../harness/bundle.ts";
import { testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { startRuntime } from "../../harness/runtime.ts";
import { isWell, serving } from "./serving.ts";

const LIMITED = (files: number) => ["sh", "-c", `ulimit -n ${files}; exec "$@"`, "sh"];

for (const files of [24, 64])
  testTsrun(`no command fails because its server may open only ${files} files`, async () => {
    await using server = await serving({ through: LIMITED(files) });
    const { path } = bundle({ args: ["true"] });
    const runs = Array.from({ length: 12 }, () =>
      startRuntime(["run", "--bundle", path, uniqueId()], server.call),
    );
    for (const run of runs) {
      const { status, stderr } = await run.ended();
      assert.equal([status, stderr], [0, ""]);
    }
    assert.ok(isWell(server), server.printed());
    assert.ok(server.served() < runs.length);
  });

leavesNothing();
test.run();
