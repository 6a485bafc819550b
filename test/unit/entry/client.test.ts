/** client.c, which root runs at each call before anything else, against what it may be given. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { measured } from "../../harness/measured.ts";
import { testIf } from "../../harness/skip.ts";
import { HAS_GCC } from "../agent/compile-c.ts";

const CASES = 100_000;
const FLAGS = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-fno-sanitize-recover=all"];

const directory = mkdtempSync(join(tmpdir(), "tsrun-client-"));
const [object, program] = [join(directory, "client.o"), join(directory, "fuzz-client")];
test.after(() => rmSync(directory, { recursive: true }));

function gcc(...words: readonly string[]): string {
  const { stderr } = spawnSync("gcc", [...FLAGS, ...words], { cwd: import.meta.dir, encoding: "utf8" });
  return stderr;
}

/** Those that this machine's compiler comes with. */
const SANITIZERS = ["-fsanitize=address,undefined", "-fsanitize=undefined"].find(
  (flag) =>
    HAS_GCC && gcc(flag, "-shared", "-fPIC", "-x", "c", "-o", join(directory, "none"), "/dev/null") === "",
);

testIf(SANITIZERS !== undefined, "needs gcc with sanitizers")(
  "no arguments, environment or answers lead the client astray",
  () => {
    const sanitized = SANITIZERS ?? "";
    // Its memcpy and memset are for itself alone.
    const renamed = ["memcpy", "memset"].map((name) => `-D${name}=client_${name}`);
    const source = resolve(import.meta.dir, "../../../src/entry/client.c");
    assert.is(gcc(sanitized, "-include", "fuzzed-call.h", ...renamed, "-c", "-o", object, source), "");
    assert.is(gcc(sanitized, "-o", program, "fuzz-client.c", object), "");
    const seed = String(Date.now() % 1e9);
    const { status, stdout, stderr } = spawnSync(program, [String(CASES), seed], { encoding: "utf8" });
    assert.is(status, 0, `with seed ${seed}: ${stderr}`);
    measured(`calls of tsrun with any words and a server that says anything (${sanitized})`, stdout.trim());
  },
);

test.run();
