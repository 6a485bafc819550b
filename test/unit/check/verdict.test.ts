import { test } from "uvu";
import * as assert from "uvu/assert";
import { Forbidden, Missing, Skipped, verdictOn } from "../../../src/check/verdict.ts";
import { SyscallError } from "../../../src/kernel/call.ts";
import { ERRNO } from "../../../src/kernel/errno.ts";
import { UserError } from "../../../src/kernel/user-error.ts";

for (const [errno, state] of [
  ["EPERM", "forbidden"],
  ["EACCES", "forbidden"],
  ["EROFS", "forbidden"],
  ["EUSERS", "forbidden"],
  ["ENOSPC", "forbidden"],
  ["ENOSYS", "missing"],
  ["ENODEV", "missing"],
  ["EINVAL", "missing"],
  ["ENOENT", "missing"],
  ["EOPNOTSUPP", "missing"],
] as const) {
  test(`a feature whose system call gives ${errno} is ${state}`, () => {
    const verdict = verdictOn(new SyscallError({ name: "fsopen", args: ["x"] }, ERRNO[errno]));
    const { why, ...rest } = verdict.state === "works" ? { why: "", ...verdict } : verdict;
    assert.equal(rest, { state, syscall: "fsopen", errno });
    assert.match(why, `fsopen "x": ${errno}`);
  });
}

test("a trial may end with words of its own", () => {
  assert.equal(verdictOn(new Missing("gone")), { state: "missing", why: "gone" });
  assert.equal(verdictOn(new Forbidden("no")), { state: "forbidden", why: "no" });
  assert.equal(verdictOn(new Skipped("how")), { state: "skipped", why: "how" });
});

test("what the host lacks for a config is missing, without the place in a config that nobody has", () => {
  assert.equal(verdictOn(new UserError("linux.seccomp", "needs it")), {
    state: "missing",
    why: "needs it",
  });
});

test("a mistake in a trial is no verdict", () => {
  assert.throws(() => verdictOn(new TypeError("x is not a function")), /x is not a function/);
});

test.run();
