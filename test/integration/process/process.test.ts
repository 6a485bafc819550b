// Runs beside other files.
import { readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { inside, ran, started } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { succeeded } from "../../harness/runtime.ts";
import { statusInside } from "./status-inside.ts";

// Personality: runc 1.1 has none

const MACHINES: { readonly [arch: string]: string } = { x64: "i686", arm64: "armv8l" };

testTsrun("personality LINUX32 is a 32-bit machine to the process and to what is executed later", () => {
  const machine = MACHINES[process.arch];
  using one = started({ args: ["sleep", "60"], linux: { personality: { domain: "LINUX32" } } });
  assert.is(succeeded(one.exec("uname", "-m")).stdout, `${machine}\n`);
  assert.is(readFileSync(`/proc/${one.pid()}/personality`, "utf8"), "00000008\n");
});

testTsrun("personality LINUX is that of the machine, whatever the caller's", () => {
  const patch = { linux: { personality: { domain: "LINUX" } } };
  const seen = inside(["uname", "-m"], patch, { through: ["setarch", "linux32"] });
  assert.is(seen, inside(["uname", "-m"]));
});

// Signals

test("the program starts with default dispositions and an empty signal mask", () => {
  const seen = statusInside();
  for (const field of ["SigBlk", "SigIgn", "SigPnd", "ShdPnd"]) {
    assert.is(seen.get(field), "0".repeat(16), field);
  }
});

testTsrun("it does so when the caller ignores signals", () => {
  const through = ["sh", "-c", 'trap "" HUP INT USR1 PIPE TERM; exec "$@"', "sh"];
  assert.is(statusInside({}, { through }).get("SigIgn"), "0".repeat(16));
});

test("the program leads a session of its own", () => {
  const script = 'read _ _ _ _ _ session _ < /proc/self/stat; echo "$session $$"';
  assert.is(inside(["sh", "-c", script]), "1 1\n");
});

test("a user other than root can read its own /proc files", () => {
  const { status: ended } = ran({
    args: ["sh", "-c", "cat /proc/self/environ > /dev/null && readlink /proc/self/exe"],
    process: { user: { uid: 1000, gid: 1000 } },
  });
  assert.is(ended, 0);
});

test("the nice value is the caller's", () => {
  const through = ["nice", "-n", "3"];
  const nice = Math.min(getPriority() + 3, 19); // the tests may run with less priority than usual
  assert.is(inside(["sh", "-c", "cut -d' ' -f19 /proc/self/stat"], {}, { through }), `${nice}\n`);
});

leavesNothing();
test.run();
