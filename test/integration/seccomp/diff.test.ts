// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../../harness/bundle.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import {
  ask,
  config,
  contradicted,
  type Example,
  inContainer,
  profileFile,
  testKernel,
  testX64,
  type Verdict,
} from "./answers.ts";
import { ALLOWED, allowing, denying, engineProfile } from "./profiles.ts";

interface Compared {
  readonly calls: readonly string[];
  readonly one: Verdict;
  readonly other: Verdict;
  readonly examples: readonly Example[];
}

const compare = (...args: readonly string[]) => ask("--diff", ...args);

testX64("what one of two profiles allows and the other doesn't is told, with conditions and verdicts", () => {
  const [docker, containerd] = [config("docker-run"), config("workload-ctd17")];
  const { stdout, status, stderr } = compare(docker, containerd);
  assert.is(stderr, "");
  assert.is(status, 3);
  const [one = "", other = ""] = stdout.split("\n\n");
  assert.is(
    one,
    `${docker} alone allows:\n  x86-64, x86, x32 (${containerd}: EPERM) if arg0 == AF_VSOCK\n    socket`,
  );
  assert.match(
    other,
    `${containerd} alone allows:\n  x86-64, x86, x32 (${docker}: EPERM)\n    name_to_handle_at, pkey`,
  );
});

testTsrun("profiles that say the same in other words are told to allow the same", () => {
  const [one, other] = [
    ["mkdir", "rmdir"].map((name) => ({ names: [name], action: "SCMP_ACT_ERRNO" })),
    [{ names: ["rmdir", "mkdir", "mkdir"], action: "SCMP_ACT_ERRNO", errnoRet: 1 }],
  ].map((syscalls) => profileFile({ ...ALLOWED, syscalls }));
  const { stdout, status } = compare(one ?? "", other ?? "");
  assert.is(stdout, "Both allow the same.\n");
  assert.is(status, 0);
});

testTsrun("calls that no profile names are compared too, by number; so are errnos", () => {
  const [one, other] = [{ defaultErrnoRet: 1 }, { defaultErrnoRet: 38 }].map((more) =>
    profileFile(allowing(["getpid"], more)),
  );
  const { stdout, status } = compare(one ?? "", other ?? "");
  assert.match(
    stdout,
    /^both allow or both deny, but in different ways:\n {2}\S+ \(EPERM and ENOSYS\)\n {4}number 0 to /,
  );
  assert.is(status, 0);
  const free = compare(one ?? "", profileFile(ALLOWED));
  assert.match(free.stdout, /alone allows:\n.*\(.*: E(PERM|NOSYS)\)\n {4}number .*and above/s);
  assert.is(free.status, 3);
});

testKernel(
  "the kernel answers calls as differently as is said, under docker's profile and under podman's",
  () => {
    const engines = ["docker-run", "podman5-run"] as const;
    const { stdout } = compare("--json", ...engines.map(config));
    const { differences }: { readonly differences: readonly Compared[] } = JSON.parse(stdout);
    const examples = differences.flatMap((one) => one.examples);
    assert.ok(examples.length > 100, `only ${examples.length} calls`);
    for (const [index, engine] of engines.entries()) {
      const said = differences.map(({ calls, one, other, ...rest }) => ({
        ...(index === 0 ? one : other),
        ...{ call: calls.join(), examples: rest.examples },
      }));
      assert.equal(contradicted(said, inContainer(engineProfile(engine))), []);
    }
  },
);

testTsrun("a bundle can be compared with a profile, and JSON has it all", () => {
  const made = bundle({ linux: { seccomp: denying(["mkdir", "rmdir"]) } });
  const { stdout, status } = compare("--json", profileFile(denying(["rmdir"])), made.path);
  const { same, differences } = JSON.parse(stdout);
  assert.is(same, false);
  assert.is(status, 3);
  for (const one of differences) {
    assert.equal(one.calls, ["mkdir"]);
    assert.equal([one.one, one.other], [{ action: "allow" }, { action: "errno", errno: "EPERM" }]);
  }
});

leavesNothing();
test.run();
