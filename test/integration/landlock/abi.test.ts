// Runs beside other files.
// What kernels differ in.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../../harness/bundle.ts";
import { ran } from "../../harness/container.ts";
import { isTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, runtime } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";
import { ABI, confined, PLACE, sh, testAbi, WRITES_TMP } from "./policies.ts";

testAbi(1)("what is not allowed is refused, and the rest works", () => {
  const { stdout, stderr } = sh("echo yes > /tmp/a && cat /tmp/a; echo no > /var/a");
  assert.is(stdout, "yes\n");
  assert.match(stderr, /^sh: can't create \/var\/a: Permission denied\n$/);
});

testAbi(1)(
  "a right that the kernel lacks is left out with a line of --debug, or refused where the policy is strict",
  () => {
    const ruleset = [{ handledAccessFs: ["make_dir", 2 ** 40] }];
    const what = `0x10000000000 needs another ABI: this kernel's is ABI ${ABI}`;
    const { path } = bundle({ annotations: confined({ ruleset }), args: ["sh", "-c", "mkdir /tmp/a; :"] });
    const debugged = runtime(["--debug", "run", "--bundle", path, uniqueId()]);
    assert.match(debugged.stderr, /mkdir: can't create directory '\/tmp\/a': Permission denied/);
    assert.ok(
      debugged.stderr.includes(`${PLACE}.ruleset[0].handledAccessFs: left out: ${what}\n`),
      debugged.stderr,
    );
    assert.is(
      complaint(ran({ annotations: confined({ ruleset }, true), args: ["true"] })),
      `tsrun: error: ${PLACE}.ruleset[0].handledAccessFs: ${what}`,
    );
  },
);

testIf(isTsrun && ABI > 0 && ABI < 6, `needs a Landlock before ABI 6: this kernel has ${ABI}`)(
  "a scope is left out where the kernel is too old, or refused with the ABI that it takes",
  () => {
    const policy = { ...WRITES_TMP, ruleset: [{ scoped: ["signal"] }] };
    const outcome = sh("echo no > /var/a", { annotations: confined(policy) });
    assert.match(outcome.stderr, /^sh: can't create \/var\/a: Permission denied\n$/);
    assert.is(
      complaint(ran({ annotations: confined(policy, true), args: ["true"] })),
      `tsrun: error: ${PLACE}.ruleset[0].scoped: signal needs ABI 6 (Linux 6.12): this kernel's is ABI ${ABI}`,
    );
  },
);

leavesNothing();
test.run();
