import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Seccomp, SeccompAction } from "../../../../runtime-spec/config-linux-seccomp.ts";
import { OwnCaller } from "../../../../src/agent/own-caller.ts";
import { filterFor } from "../../../../src/linux/seccomp/filter.ts";
import { filterOf } from "../../../../src/linux/seccomp/load.ts";
import { decision } from "./decision.ts";

const allowing = (more: Partial<Seccomp> = {}): Seccomp => ({ defaultAction: "SCMP_ACT_ALLOW", ...more });
const rule = (name: string, action: SeccompAction) => ({ names: [name], action });
const listened = allowing({
  syscalls: [rule("mkdirat", "SCMP_ACT_NOTIFY")],
  listenerPath: "/run/agent.sock",
  listenerMetadata: "about it",
});

/** linux/seccomp.h */
const [LOG, SPEC_ALLOW, NEW_LISTENER, WAIT_KILLABLE_RECV] = [2, 4, 8, 32];

test("without a profile there is no filter", async () => {
  assert.is(await filterOf(new OwnCaller(), undefined), null);
});

test("the same profile gives the same filter again", () => {
  const first = filterFor(new OwnCaller(), listened);
  assert.equal(filterFor(new OwnCaller(), listened), first);
  assert.is(decision(first?.program ?? new Uint8Array(), "mkdirat"), "USER_NOTIF");
});

test("without a list of flags there is SPEC_ALLOW, with an empty one there is none", () => {
  assert.is(filterFor(new OwnCaller(), allowing())?.flags, SPEC_ALLOW);
  assert.is(filterFor(new OwnCaller(), allowing({ flags: [] }))?.flags, 0);
});

test("flags are seccomp(2)'s, but for TSYNC: the filter's loader has one thread", () => {
  const flags = [
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
  ] as const;
  assert.is(filterFor(new OwnCaller(), allowing({ flags }))?.flags, LOG | SPEC_ALLOW);
});

test("a listener is asked for when there is something to notify it of", () => {
  const flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] as const;
  const filter = filterFor(new OwnCaller(), { ...listened, flags });
  assert.is(filter?.flags, NEW_LISTENER | WAIT_KILLABLE_RECV);
  assert.equal(filter?.listener, { path: "/run/agent.sock", metadata: "about it" });
  const silent = filterFor(new OwnCaller(), allowing({ flags, listenerPath: "/run/agent.sock" }));
  assert.is(silent?.flags, 0);
  assert.is(silent?.listener, null);
});

for (const [action, complaint] of [
  ["SCMP_ACT_ERRNO", /denies execve \(EPERM, operation not permitted\), with which .*: add "execve"/],
  ["SCMP_ACT_KILL", /kills a process that calls execve/],
  ["SCMP_ACT_KILL_PROCESS", /kills a process that calls execve/],
  ["SCMP_ACT_TRAP", /kills a process that calls execve/],
] as const) {
  test(`a profile with ${action} for execve is refused: nothing could run under it`, () => {
    assert.throws(
      () => filterFor(new OwnCaller(), allowing({ syscalls: [rule("execve", action)] })),
      complaint,
    );
  });
}

test("it is refused again, though compiled before", () => {
  const deadly = allowing({ syscalls: [rule("execve", "SCMP_ACT_TRAP")] });
  for (let time = 0; time < 2; time++) assert.throws(() => filterFor(new OwnCaller(), deadly), /execve/);
});

test("a profile that allows nothing but execve is taken", () => {
  const syscalls = [rule("execve", "SCMP_ACT_ALLOW")];
  const filter = filterFor(new OwnCaller(), { defaultAction: "SCMP_ACT_KILL_PROCESS", syscalls });
  assert.is(decision(filter?.program ?? new Uint8Array(), "read"), "KILL_PROCESS");
});

test("with a listener the init's waits must pass too, or be for the listener to decide", () => {
  const syscalls = [rule("mkdirat", "SCMP_ACT_NOTIFY"), rule("execve", "SCMP_ACT_NOTIFY")];
  const profile = { defaultAction: "SCMP_ACT_ERRNO", listenerPath: "/run/agent.sock" } as const;
  assert.throws(() => filterFor(new OwnCaller(), { ...profile, syscalls }), /denies futex .*: add "futex"/);
  assert.ok(
    filterFor(new OwnCaller(), { ...profile, syscalls: [...syscalls, rule("futex", "SCMP_ACT_NOTIFY")] }),
  );
});

test.run();
