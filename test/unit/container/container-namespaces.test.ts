import { test } from "uvu";
import * as assert from "uvu/assert";
import { OwnCaller } from "../../../src/agent/own-caller.ts";
import { isEnding, openNamespacesOf } from "../../../src/container/init/container-namespaces.ts";
import { processInfo } from "../../../src/container/state/process-info.ts";

test("a process that has been given the pid of an init since is not entered", () => {
  const { pid } = process;
  const startTime = processInfo(pid)?.startTime ?? 0;
  assert.equal(openNamespacesOf(new OwnCaller(), { pid, startTime }).joins, []);
  assert.is(isEnding({ pid, startTime }), false);
  const earlier = { pid, startTime: startTime - 1 };
  assert.throws(() => openNamespacesOf(new OwnCaller(), earlier), /its init has just ended/);
  assert.is(isEnding(earlier), true);
});

test.run();
