import { test } from "uvu";
import * as assert from "uvu/assert";
import { Program } from "../../../src/agent/program.ts";
import { ERRNO } from "../../../src/kernel/errno.ts";
import { joinKeyring, makeKeyring } from "../../../src/linux/process/keyring.ts";

const JOIN_SESSION_KEYRING = 1; // linux/keyctl.h

for (const [what, add] of [
  ["made", makeKeyring],
  ["joined", joinKeyring],
] as const)
  test(`a session keyring that can't be ${what} is an error, but on a kernel without keyrings`, () => {
    const program = new Program();
    add(program, "_ses.a");
    const [join] = program.steps;
    assert.equal(join?.call.args.slice(0, 2), [JOIN_SESSION_KEYRING, "_ses.a"]);
    assert.equal(join?.tolerate, [ERRNO.ENOSYS]);
  });

test.run();
