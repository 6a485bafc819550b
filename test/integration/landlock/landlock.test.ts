// Runs beside other files.
import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, capabilities, namespaces, type Patch } from "../../harness/bundle.ts";
import { compiled, testCompiled } from "../../harness/compile.ts";
import { container, orGone, ran, ranIn, started } from "../../harness/container.ts";
import { isTsrun, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { command } from "../../harness/mount.ts";
import { call, own, ran as ranByUser } from "../../harness/ordinary-user.ts";
import { complaint, type Outcome, runtime, silent, succeeded } from "../../harness/runtime.ts";
import { COLD } from "../../harness/served.ts";
import { checked, row } from "../check/checked.ts";
import { ABI, CONFINED, confined, PLACE, sh, testAbi, WRITES_TMP } from "./policies.ts";

const REFUSE = compiled("test/integration/check/refuse.c");

const MAPPINGS = [{ containerID: 0, hostID: 100000, size: 65536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: MAPPINGS, gidMappings: MAPPINGS };
/** Writes where it may, then where it may not. */
const WRITES = "echo yes > /tmp/a && cat /tmp/a; echo no > /var/a; ls / || cat /tmp/a";

/** A container in which everybody may write everywhere, as far as modes go. */
function open(patch: Patch): string {
  const { path, rootfs } = bundle(patch);
  for (const directory of ["tmp", "var"]) chmodSync(join(rootfs, directory), 0o777);
  return path;
}

for (const [whose, patch] of [
  ["root", {}],
  ["an ordinary user", { process: { user: { uid: 1000, gid: 1000 } } }],
  ["root of a user namespace", { linux: MAPPED }],
  ["a user of a user namespace", { linux: MAPPED, process: { user: { uid: 1000, gid: 1000 } } }],
] as const satisfies readonly (readonly [string, Patch])[])
  testAbi(1)(`a process of ${whose} writes beneath the paths that are allowed, and nowhere else`, () => {
    const path = open({ ...CONFINED, ...patch, args: ["sh", "-c", WRITES] });
    const outcome = ranIn(path);
    assert.match(outcome.stdout, /^yes\n(.*\n)*yes\n$/);
    assert.match(outcome.stderr, /can't create \/var\/a: Permission denied\n/);
    assert.match(outcome.stderr, /ls: can't open '\/': Permission denied\n$/);
  });

testAbi(1)("an ordinary user's container is confined, and so is what the user executes in it", () => {
  const policy = {
    ...WRITES_TMP,
    pathBeneath: [...WRITES_TMP.pathBeneath, { allowedAccess: ["abi.read_write"], parent: ["/dev/shm"] }],
  };
  const script = "echo yes > /dev/shm/a && cat /dev/shm/a; echo no > /dev/a";
  const more = { annotations: confined(policy) };
  const confirm = ({ stdout, stderr }: Outcome) => {
    assert.is(stdout, "yes\n");
    assert.match(stderr, /can't create \/dev\/a: Permission denied/);
  };
  const id = uniqueId();
  confirm(ranByUser({ args: ["sh", "-c", script], more }));
  try {
    silent(call(["run", "--detach", "--bundle", own({ args: ["sleep", "60"], more }), id]));
    confirm(call(["exec", id, "sh", "-c", script]));
  } finally {
    succeeded(call(["delete", "--force", id]));
  }
});

testAbi(1)("without the annotation it writes everywhere", () => {
  assert.is(succeeded(sh("echo yes > /var/a && cat /var/a", {})).stdout, "yes\n");
});

testAbi(1)(
  "a process that exec adds has the same ruleset, whatever the container has done to the paths",
  () => {
    using one = started({ ...CONFINED, args: ["sleep", "60"] });
    const { stderr, stdout } = one.exec("sh", "-c", "echo no > /var/a; echo yes > /tmp/a; cat /tmp/a");
    assert.match(stderr, /can't create \/var\/a: Permission denied/);
    assert.is(stdout, "yes\n");
    const gone = {
      ...WRITES_TMP,
      pathBeneath: [...WRITES_TMP.pathBeneath, { allowedAccess: ["write_file"], parent: ["/tmp/b"] }],
    };
    using other = orGone(
      container({ annotations: confined(gone, true), args: ["sh", "-c", "rm /tmp/b; sleep 60"] }),
      (made) => {
        writeFileSync(join(made.bundle.rootfs, "tmp/b"), "");
        made.runDetached();
      },
    );
    assert.is(other.exec("sh", "-c", "while [ -e /tmp/b ]; do :; done; echo still").stdout, "still\n");
  },
);

testAbi(1)("a startContainer hook is confined, too, and a createRuntime hook is not", () => {
  const hook = (script: string) => [{ path: "/bin/sh", args: ["sh", "-c", script] }];
  const outcome = ran({
    ...CONFINED,
    hooks: {
      createRuntime: hook("touch /tmp && test -w /etc"),
      startContainer: hook("echo no > /var/a || touch /tmp/denied"),
    },
    args: ["ls", "/tmp"],
  });
  assert.is(succeeded(outcome).stdout, "denied\n");
});

testAbi(1)("a path is resolved in the container's root, wherever its links lead", () => {
  const policy = {
    ...WRITES_TMP,
    variable: [{ name: "out", literal: ["/absolute", "/relative"] }],
    pathBeneath: [
      ...WRITES_TMP.pathBeneath,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the policy
      { allowedAccess: ["abi.read_write"], parent: ["${out}"] },
    ],
  };
  const script = "echo one > /var/log/a && echo two > /run/a && cat /var/log/a /run/a; echo no > /root/a";
  const { path, rootfs } = bundle({ annotations: confined(policy), args: ["sh", "-c", script] });
  command("mkdir", "-p", join(rootfs, "var/log"), join(rootfs, "run"));
  symlinkSync("/var/log", join(rootfs, "absolute"));
  symlinkSync("../../../../run", join(rootfs, "relative"));
  const outcome = ranIn(path);
  assert.is(outcome.stdout, "one\ntwo\n");
  assert.match(outcome.stderr, /can't create \/root\/a: Permission denied/);
});

testAbi(1)("a rule about a file gives it the rights that files have", () => {
  const policy = {
    ...WRITES_TMP,
    pathBeneath: [...WRITES_TMP.pathBeneath, { allowedAccess: ["abi.read_write"], parent: ["/var/file"] }],
  };
  const script = "echo yes > /var/file; cat /var/file; echo no > /var/other";
  const { path, rootfs } = bundle({ annotations: confined(policy, true), args: ["sh", "-c", script] });
  writeFileSync(join(rootfs, "var/file"), "");
  for (const missing of ["usr", "etc", "sbin"]) command("mkdir", "-p", join(rootfs, missing));
  const outcome = ranIn(path);
  assert.is(outcome.stdout, "yes\n");
  assert.match(outcome.stderr, /can't create \/var\/other: Permission denied/);
});

testAbi(4)("ports that no rule allows are neither bound nor connected to", () => {
  const policy = {
    ruleset: [{ handledAccessNet: ["bind_tcp", "connect_tcp"] }],
    netPort: [
      { allowedAccess: ["bind_tcp"], port: [8080, 8081] },
      { allowedAccess: [2], port: [8080] }, // connect_tcp
    ],
  };
  const { stdout, stderr } = sh(
    [
      "httpd -p 127.0.0.1:8080 -h /etc",
      "nc 127.0.0.1 8080 < /dev/null && echo connected",
      "nc 127.0.0.1 8081 < /dev/null",
      "httpd -p 127.0.0.1:8082 -h /etc || echo unbound",
    ].join("; "),
    { annotations: confined(policy) },
  );
  assert.match(stdout, /^connected\n/);
  assert.match(stdout, /unbound\n$/);
  assert.match(stderr, /nc: can't connect to remote host \(127\.0\.0\.1\): Permission denied\n/);
  assert.match(stderr, /httpd: bind: Permission denied\n$/);
});

testAbi(6)("scoped signals reach the processes of the same domain alone", () => {
  const annotations = confined({ ruleset: [{ scoped: ["signal"] }] });
  using one = started({ annotations, args: ["sleep", "60"] });
  const { stdout, stderr } = one.exec("sh", "-c", "sleep 60 & kill $! && echo killed; kill -0 1");
  assert.is(stdout, "killed\n");
  assert.match(stderr, /can't kill pid 1: Operation not permitted/);
  using free = started({ args: ["sleep", "60"] });
  silent(free.exec("sh", "-c", "kill -0 1"));
});

testAbi(1)("a seccomp filter needs to allow nothing for it", () => {
  const seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [
      {
        names: ["landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "prctl"],
        action: "SCMP_ACT_ERRNO",
      },
    ],
  };
  const outcome = sh("echo yes > /tmp/a && cat /tmp/a; echo no > /var/a", {
    ...CONFINED,
    linux: { seccomp },
  });
  assert.is(outcome.stdout, "yes\n");
  assert.match(outcome.stderr, /Permission denied/);
});

testAbi(1)("CAP_SYS_ADMIN stands in for noNewPrivileges, and without both it is refused", () => {
  const process = (names: readonly string[]) => ({
    noNewPrivileges: false,
    capabilities: capabilities(names),
  });
  const outcome = sh("echo no > /var/a", { ...CONFINED, process: process(["CAP_SYS_ADMIN"]) });
  assert.match(outcome.stderr, /can't create \/var\/a: Permission denied/);
  const words = `${PLACE}: Landlock needs process.noNewPrivileges, or CAP_SYS_ADMIN in process.capabilities.effective`;
  const { path } = bundle({ ...CONFINED, process: process(["CAP_KILL"]) });
  for (const args of [["validate"], ["run"]])
    assert.is(
      complaint(runtime([...args, "--bundle", path, ...(args[0] === "run" ? [uniqueId()] : [])])),
      `tsrun: error: ${words}`,
    );
});

testAbi(1)("descriptors that the container keeps stay as they are", () => {
  const { path } = bundle({ ...CONFINED, args: ["sh", "-c", "ls /proc/self/fd; echo no > /var/a"] });
  const outcome = runtime(["run", "--preserve-fds", "2", "--bundle", path, uniqueId()], {
    descriptors: [0, 0],
  });
  assert.is(outcome.stdout, "0\n1\n2\n3\n4\n5\n"); // 5 is of ls itself
  assert.match(outcome.stderr, /Permission denied/);
});

testAbi(1)("a program that no rule lets execute is refused with the right that is missing", () => {
  const reads = { ...WRITES_TMP, pathBeneath: [{ allowedAccess: ["read_file"], parent: ["/"] }] };
  const refused = "process.args[0]: cannot exec /bin/true: permission denied (execve: EACCES)";
  const why = `${PLACE}.pathBeneath gives no execute for /bin/busybox`;
  const outcome = ran({ annotations: confined(reads), args: ["true"] });
  assert.is(complaint(outcome), `tsrun: error: config.json: ${refused}; ${why}`);
  using one = started({ ...CONFINED, args: ["sleep", "60"] });
  writeFileSync(join(one.bundle.rootfs, "tmp/program"), "#!/bin/sh\n", { mode: 0o755 });
  assert.match(complaint(one.exec("/tmp/program")), /pathBeneath gives no execute for \/tmp\/program$/);
});

testAbi(1)("where a script may run but not its interpreter, the refusal names that", () => {
  const policy = { abi: 1, pathBeneath: [{ allowedAccess: ["abi.read_execute"], parent: ["/var"] }] };
  const { path, rootfs } = bundle({ annotations: confined(policy), args: ["/var/script"] });
  writeFileSync(join(rootfs, "var/script"), "#!/bin/sh\n", { mode: 0o755 });
  assert.match(
    complaint(ranIn(path)),
    /permission denied \(execve: EACCES\); .*pathBeneath gives no execute and read_file for \/bin\/busybox$/,
  );
});

testAbi(1)("a path that is not there gets no rule, unless the policy is strict", () => {
  const policy = {
    abi: 1,
    pathBeneath: [{ allowedAccess: ["abi.read_execute"], parent: ["/", "/not/there"] }],
  };
  silent(ran({ annotations: confined(policy), args: ["true"] }));
  assert.is(
    complaint(ran({ annotations: confined(policy, true), args: ["true"] })),
    `tsrun: error: ${PLACE}.pathBeneath[0].parent[1] (/not/there): openat2 "/not/there": ENOENT (no such file or directory); does it exist in the container?`,
  );
});

testAbi(1)("verify says that nobody can see it, and checkpoint refuses it", () => {
  using one = started({ ...CONFINED, args: ["sleep", "60"] });
  assert.match(
    runtime(["verify", one.id]).stdout,
    /annotations\["org\.tsrun\.landlock"\].*the kernel does not tell it/,
  );
  assert.match(
    complaint(one.call("checkpoint")),
    /config\.json: annotations\["org\.tsrun\.landlock"\]: criu cannot save what this asks for$/,
  );
});

testAbi(1)("a limit that leaves no descriptors for a ruleset is named", () => {
  const rlimits = [{ type: "RLIMIT_NOFILE", hard: 6, soft: 6 }];
  const outcome = ran({ ...CONFINED, process: { rlimits }, args: ["true"] });
  assert.match(complaint(outcome), /dup3: EBADF .*; process\.rlimits allows too few open files/);
});

if (isTsrun)
  testCompiled("without Landlock the container runs with a warning, unless the policy is strict", () => {
    const create = "444";
    const through = [REFUSE, "38", create]; // ENOSYS
    const filtered = { through, env: COLD };
    const outcome = ran({ ...CONFINED, args: ["sh", "-c", "echo yes > /var/a && cat /var/a"] }, filtered);
    assert.is(outcome.stdout, "yes\n");
    assert.match(
      outcome.stderr,
      /^tsrun: warning: config\.json: annotations\["org\.tsrun\.landlock"\]: nothing of it is in force: .*execute needs ABI 1 \(Linux 5\.13\).*: this kernel has no Landlock, or it is off/,
    );
    const refused = ran({ annotations: confined(WRITES_TMP, true), args: ["true"] }, filtered);
    assert.match(
      refused.stderr,
      /handledAccessFs: execute needs ABI 1 .*: this kernel has no Landlock, or it is off\n/,
    );
    assert.is(refused.status, 1);
  });

testTsrun("check and features tell the ABI of this kernel", () => {
  const { annotations } = JSON.parse(silent(runtime(["features"])).stdout);
  assert.is(annotations["org.tsrun.landlock.abi"], String(ABI));
  const landlock = row(checked(), "landlock");
  assert.is(landlock.state, ABI > 0 ? "works" : "missing");
  assert.is(landlock.note, ABI > 0 ? `ABI ${ABI}` : undefined);
});

testTsrun("all that is wrong with a policy is told with its place", () => {
  const policy = {
    ruleset: [{ handledAccessFs: ["exec"], scope: ["signal"] }],
    pathBeneath: [{ allowedAccess: ["execute"] }],
    netPort: [{ allowedAccess: [], port: [65536] }],
  };
  const { path } = bundle({ annotations: confined(policy) });
  const { stderr, status } = runtime(["validate", "--bundle", path]);
  assert.is(status, 1);
  for (const place of [
    'ruleset[0].handledAccessFs[0]: is not a right of Landlock over files: "exec" (one of: abi.all,',
    "pathBeneath[0].parent: is required",
    "netPort[0].allowedAccess: must not be empty",
    "netPort[0].port[0]: must be from 0 to 65535, found 65536",
    "ruleset[0].scope: is not known to tsrun",
  ])
    assert.ok(stderr.includes(`${PLACE}.${place}`), stderr);
  for (const [policy, said] of [
    ["{}", ": restricts nothing: it needs a ruleset, a pathBeneath or a netPort"],
    ['{"ruleset":', ":1:12: expected a value, found the end of the text"],
    [
      '{"pathBeneath":[{"allowedAccess":["abi.all"],"parent":["/"]}]}',
      '.pathBeneath[0].allowedAccess: abi.all depends on the ABI: the policy must name one, as in "abi": 6',
    ],
    [
      '{"pathBeneath":[{"allowedAccess":["execute"],"parent":["bin"]}]}',
      '.pathBeneath[0].parent[0]: must be absolute, found "bin"',
    ],
  ] as const)
    assert.is(complaint(ran({ annotations: confined(policy) })), `tsrun: error: ${PLACE}${said}`);
});

testTsrun("a dry run lists the ruleset, and without the annotation nothing of it", () => {
  const listed = (patch: Patch) =>
    silent(runtime(["run", "--dry-run", "--bundle", bundle(patch).path, uniqueId()])).stdout;
  const text = listed(CONFINED);
  const calls = [...text.matchAll(/landlock_\w+|PR_SET_NO_NEW_PRIVS|execve/g)].map(([name]) => name);
  assert.is(calls[0], "landlock_create_ruleset");
  assert.equal(calls.slice(-3), ["PR_SET_NO_NEW_PRIVS", "landlock_restrict_self", "execve"]);
  assert.not.match(listed({}), /landlock_/);
});

leavesNothing();
test.run();
