import { test } from "uvu";
import * as assert from "uvu/assert";
import { JsonError } from "../../../runtime-spec/json.ts";
import { SyscallError } from "../../../src/kernel/call.ts";
import { ERRNO } from "../../../src/kernel/errno.ts";
import { fail, isInternal, linesOf, UserError } from "../../../src/kernel/user-error.ts";

test("a user's error says where and what", () => {
  const error = new UserError("--pid-file /x", "cannot be written");
  assert.is(error.message, "--pid-file /x: cannot be written");
  assert.equal(linesOf(error), ["--pid-file /x: cannot be written"]);
  assert.is(error.property, null);
});

test("a user's error has a line for each problem", () => {
  assert.equal(linesOf(new UserError(["one\ntwo", "three"])), ["one\ntwo", "three"]);
});

test("a refused property is a place in config.json", () => {
  try {
    fail("root.path", "is missing");
  } catch (error) {
    assert.instance(error, UserError);
    if (!(error instanceof UserError)) return;
    assert.is(error.message, "config.json: root.path: is missing");
    assert.is(error.property, "root.path");
    assert.is(error.problem, "is missing");
  }
});

test("all but the errors of users are told as mistakes of tsrun's own", () => {
  assert.equal(linesOf(new TypeError("x is not a function")), [
    "internal error: TypeError: x is not a function; please report it, with what --debug shows",
  ]);
  assert.ok(isInternal(new Error("unreachable")));
  for (const error of [
    new UserError("x"),
    new SyscallError({ name: "close", args: [1] }, ERRNO.EBADF),
    new JsonError("config.json", 1, 1, "x"),
  ])
    assert.not(isInternal(error));
});

test.run();
