import { existsSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { RLIMITS } from "../../../src/kernel/rlimits.ts";
import { testIf } from "../../harness/skip.ts";

/** The same on x86-64 and arm64. */
const HEADER = "/usr/include/asm-generic/resource.h";

testIf(existsSync(HEADER), `needs ${HEADER}`)(
  "each limit has the kernel's number, and none is missing",
  () => {
    const defined = readFileSync(HEADER, "utf8").matchAll(/^# *define (RLIMIT_\w+)\s+(\d+)/gm);
    assert.equal(RLIMITS, Object.fromEntries([...defined].map(([, name, number]) => [name, Number(number)])));
  },
);

test.run();
