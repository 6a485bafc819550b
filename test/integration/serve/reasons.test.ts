// Runs beside other files.
/** What tsrun says about who has done a command: itself, or a tsrun server. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { started } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { type Call, refusal, runtime, succeeded } from "../../harness/runtime.ts";
import { serving } from "./serving.ts";

const NOWHERE = "/nonexistent/socket";

/** What --debug says of a `list`. */
function told(call: Call, ...flags: readonly string[]): string {
  const { stderr } = succeeded(runtime(["list", "--quiet"], { ...call, global: ["--debug", ...flags] }));
  return stderr.trim();
}

const at = (socket: string): Call => ({ env: { TSRUN_SERVE: socket } });

testTsrun("--debug says that a command was served", async () => {
  await using server = await serving();
  assert.is(told(server.call), `served by tsrun serve, pid ${server.pid}`);
  using box = started({ args: ["sleep", "60"] });
  const { stderr } = succeeded(runtime(["exec", box.id, "true"], { ...server.call, global: ["--debug"] }));
  assert.match(stderr, `served by tsrun serve, pid ${server.pid}\n# `);
});

testTsrun("--debug says why a command was not served", async () => {
  assert.is(told(at("off")), 'not served: TSRUN_SERVE is "off"');
  assert.is(told(at(NOWHERE)), `not served: ${NOWHERE}: no tsrun server listens there`);
  await using server = await serving();
  const { call } = server;
  assert.is(told(call, "--no-serve"), "not served: --no-serve");
  assert.is(told({ ...call, through: ["unshare", "--net"] }), "not served: another net namespace");
  assert.is(told({ ...call, env: { ...call.env, NOTIFY_SOCKET: "/x" } }), "not served: $NOTIFY_SOCKET");
  const { stderr } = runtime(["features"], { ...call, global: ["--debug"] });
  assert.is(stderr, "not served: a command that is not taken: features\n");
});

testTsrun("serve --json without --status is refused, as it would stay", () => {
  assert.match(refusal(runtime(["serve", "--json"], at(NOWHERE))), "serve: --json goes with --status");
});

testTsrun("asking why is no command", async () => {
  await using server = await serving();
  told({ ...server.call, through: ["unshare", "--net"] });
  const { served, refused } = server.status();
  assert.equal([served, refused], [{}, { "another net namespace": 1 }]);
});

testTsrun("features and check say whether commands would be served", async () => {
  const ask = (call: Call) => ({
    features: JSON.parse(succeeded(runtime(["features"], call)).stdout).annotations,
    check: JSON.parse(runtime(["check", "--json"], call).stdout).served,
    table: runtime(["check"], call).stdout.split("\n")[1],
  });
  const none = `${NOWHERE}: no tsrun server listens there`;
  const without = ask(at(NOWHERE));
  assert.is(without.features["org.tsrun.serve.enabled"], "false");
  assert.is(without.features["org.tsrun.serve.reason"], none);
  assert.equal(without.check, { why: none });
  assert.is(without.table, `Commands are not served: ${none}.`);

  await using server = await serving();
  const served = ask(server.call);
  assert.is(served.features["org.tsrun.serve.enabled"], "true");
  assert.is(served.features["org.tsrun.serve.reason"], undefined);
  assert.equal(served.check, { pid: server.pid });
  assert.is(served.table, `Commands are served by tsrun serve, pid ${server.pid}.`);
});

leavesNothing();
test.run();
