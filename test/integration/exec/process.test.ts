// Runs beside other files.
// Who the process of an exec is: its environment, ids, capabilities and limits.
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities, namespaces } from "../../harness/bundle.ts";
import { started } from "../../harness/container.ts";
import { freshDirectory, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { parseStatus, status } from "../../harness/processes.ts";
import { complaint, runtime, silent, succeeded } from "../../harness/runtime.ts";
import { box, exec, execProcess, leavesBox, SLEEP } from "./box.ts";

test("the environment and working directory are the container's", () => {
  const seen = succeeded(exec([], ["sh", "-c", "pwd; echo $OWN $CALLERS"], { env: { CALLERS: "x" } })).stdout;
  assert.is(seen, "/etc\n1\n");
});

test("--cwd is the working directory", () => {
  assert.is(succeeded(exec(["--cwd", "/bin"], ["pwd"])).stdout, "/bin\n");
});

test("--env adds to the environment, as often as it is given, and wins", () => {
  const flags = ["--env", "A=1", "--env", "B=two words", "--env", "OWN=other"];
  assert.is(succeeded(exec(flags, ["sh", "-c", 'echo "$A|$B|$OWN"'])).stdout, "1|two words|other\n");
});

test("what is wrong with exec's process is not said to be in config.json", () => {
  assert.match(
    complaint(exec([], ["nowhere"])),
    /^tsrun: error: process\.args\[0\]: "nowhere": executable file not found/,
  );
  assert.match(
    complaint(execProcess({ args: ["nowhere"] })),
    /^tsrun: error: process\.args\[0\]: "nowhere": executable/,
  );
});

testTsrun("the log tells of capabilities that exec leaves out", () => {
  const directory = freshDirectory("log");
  const file = join(directory, "process.json");
  const process = { user: { uid: 0, gid: 0 }, args: ["/bin/true"], cwd: "/" };
  writeFileSync(file, JSON.stringify({ ...process, capabilities: { bounding: ["CAP_NOR_THIS"] } }));
  const call = { global: ["--log", join(directory, "log")] };
  silent(exec(["--cap", "CAP_NOT_THIS"], ["true"], call));
  silent(exec(["--process", file], [], call));
  assert.match(
    readFileSync(join(directory, "log"), "utf8"),
    /^.* level=warning .*CAP_NOT_THIS.*\n.* level=warning .*CAP_NOR_THIS.*\n$/,
  );
});

for (const [flag, value] of [
  ["--env", "NAME"],
  ["--env", "=value"],
  ["--cwd", "etc"],
] as const) {
  test(`${flag} ${value} is refused as it would be in config.json`, () => {
    const failed = exec([flag, value], ["true"]);
    assert.is(failed.status, 255);
    assert.ok(complaint(failed).includes(value));
  });
}

test("a variable that --env sets again is there once: getenv(3) would take the first", () => {
  const seen = succeeded(exec(["--env", "OWN=2", "--env", "OWN=3"], ["/usr/bin/env"])).stdout;
  assert.equal(seen.match(/^OWN=.*$/gm), ["OWN=3"]);
});

for (const [user, uid, gid] of [
  ["1000", "1000", "0"],
  ["1000:1001", "1000", "1001"],
] as const) {
  test(`--user ${user} is user ${uid} and group ${gid}`, () => {
    const seen = parseStatus(succeeded(exec(["--user", user], ["cat", "/proc/self/status"])).stdout);
    assert.is(seen.get("Uid")?.split("\t")[0], uid);
    assert.is(seen.get("Gid")?.split("\t")[0], gid);
  });
}

for (const user of ["root", "1:x", "-1", ":5"]) {
  test(`--user ${user} is refused, as it isn't made of numbers`, () => {
    complaint(exec(["--user", user], ["true"]));
  });
}

for (const flags of [
  ["--user", "4294967295"],
  ["--user", "4294967296"],
  ["--user", "5:4294967295"],
  ["--additional-gids", "4294967296"],
]) {
  testTsrun(`${flags.join(" ")} is refused: the kernel would take it for another id`, () => {
    assert.match(complaint(exec(flags, ["true"])), /takes ids from 0 to 4294967294/);
  });
}

test("the capabilities, limits and noNewPrivileges are the container's", () => {
  const seen = parseStatus(succeeded(exec([], ["cat", "/proc/self/status"])).stdout);
  const init = status(box.pid());
  for (const field of ["CapBnd", "CapEff", "CapPrm", "CapInh", "NoNewPrivs", "Umask"] as const) {
    assert.is(seen.get(field), init.get(field), field);
  }
  const limits = succeeded(exec([], ["cat", "/proc/self/limits"])).stdout;
  assert.is(limits, readFileSync(`/proc/${box.pid()}/limits`, "utf8"));
});

test("the oomScoreAdj is the container's", () => {
  using one = started({ args: ["sleep", "60"], process: { oomScoreAdj: 500 } });
  assert.is(succeeded(one.exec("cat", "/proc/self/oom_score_adj")).stdout, "500\n");
});

testTsrun("the oomScoreAdj of a process file is the program's", () => {
  const { stdout } = execProcess({ args: ["cat", "/proc/self/oom_score_adj"], oomScoreAdj: 600 });
  assert.is(stdout, "600\n");
});

test("exec's program starts with default dispositions and an empty mask", () => {
  const seen = parseStatus(succeeded(exec([], ["cat", "/proc/self/status"])).stdout);
  for (const field of ["SigBlk", "SigIgn"]) assert.is(seen.get(field), "0".repeat(16), field);
});

test("--process takes all of the process from a file", () => {
  const outcome = execProcess({
    args: ["sh", "-c", "pwd; echo $A; cat /proc/self/status; exit 4"],
    cwd: "/bin",
    env: ["PATH=/bin", "A=file"],
    user: { uid: 5, gid: 6, additionalGids: [7] },
    capabilities: capabilities(["CAP_KILL"], { ambient: true }),
    noNewPrivileges: true,
  });
  assert.is(outcome.status, 4);
  assert.match(outcome.stdout, /^\/bin\nfile\n/);
  const seen = parseStatus(outcome.stdout);
  assert.is(seen.get("Uid"), "5\t5\t5\t5");
  assert.is(seen.get("Gid"), "6\t6\t6\t6");
  assert.is(seen.get("Groups"), "7");
  assert.is(seen.get("CapEff"), "0000000000000020");
  assert.is(seen.get("NoNewPrivs"), "1");
});

testTsrun("the umask of a process file is the program's", () => {
  const { stdout } = execProcess({ args: ["sh", "-c", "umask"], user: { uid: 0, gid: 0, umask: 0o077 } });
  assert.is(stdout, "0077\n");
});

test("a process file with a mistake is refused", () => {
  complaint(execProcess({ args: "true" }));
  complaint(execProcess({ cwd: "relative" }));
});

test("a process file that isn't there is refused", () => {
  assert.match(
    complaint(exec(["--process", "/not/there"], [])),
    "--process /not/there: cannot be read: ENOENT",
  );
});

test("--cap is ambient, too, where the container's process may inherit it", () => {
  const may = capabilities(["CAP_CHOWN", "CAP_KILL"]);
  for (const [inheritable, ambient] of [
    [["CAP_CHOWN"], "0000000000000001"],
    [["CAP_KILL"], "0000000000000000"],
    [undefined, "0000000000000000"],
  ] as const) {
    using one = started({
      args: SLEEP,
      process: { capabilities: { ...may, inheritable } },
    });
    const read = ["grep", "^CapAmb", "/proc/self/status"];
    const call = ["exec", "--user", "1000", "--cap", "CAP_CHOWN", one.id, ...read];
    assert.is(succeeded(runtime(call)).stdout, `CapAmb:\t${ambient}\n`);
  }
});

testTsrun("--cap takes a capability as docker writes it", () => {
  using one = started({ args: SLEEP, process: { capabilities: capabilities(["CAP_KILL"]) } });
  const read = [one.id, "grep", "^CapEff", "/proc/self/status"];
  for (const word of ["CAP_CHOWN", "CHOWN", "chown"])
    assert.is(
      succeeded(runtime(["exec", "--cap", word, ...read])).stdout,
      "CapEff:\t0000000000000021\n",
      word,
    );
});

test("--user UID alone changes the user, and leaves group and additional groups the container's", () => {
  using one = started({ args: SLEEP, process: { user: { uid: 1, gid: 1001, additionalGids: [33] } } });
  const read = ["sh", "-c", "id -u; id -g; grep ^Groups /proc/self/status"];
  const { stdout } = succeeded(runtime(["exec", "--user", "1000", one.id, ...read]));
  assert.is(stdout.trimEnd(), "1000\n1001\nGroups:\t33");
  assert.match(
    succeeded(runtime(["exec", "--user", "1000:7", one.id, ...read])).stdout,
    /^1000\n7\nGroups:\t33/,
  );
});

test("--cwd may be below a directory that the user may search, and root of the user namespace may not", () => {
  const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  using box = started({ args: ["sleep", "60"], linux });
  const place = join(box.bundle.rootfs, "private");
  mkdirSync(join(place, "work"), { recursive: true });
  chownSync(place, 101000, 300000); // a group that is not mapped: root has no say
  chmodSync(place, 0o700);
  const flags = ["--user", "1000:1000", "--cwd", "/private/work"];
  assert.is(succeeded(runtime(["exec", ...flags, box.id, "pwd"])).stdout, "/private/work\n");
});

test("--additional-gids come after the container's own, also with another user", () => {
  const user = { uid: 5, gid: 6, additionalGids: [7] };
  using box = started({ args: ["sleep", "60"], process: { user } });
  const groups = ["sh", "-c", "grep ^Groups /proc/self/status"];
  assert.is(succeeded(box.exec(...groups)).stdout.trim(), "Groups:\t7");
  for (const flags of [[], ["--user", "8:9"]]) {
    const { stdout } = succeeded(runtime(["exec", "--additional-gids", "10", ...flags, box.id, ...groups]));
    assert.is(stdout.trim(), "Groups:\t7 10");
  }
});

test("exec of a process from a file has the container's capabilities, limits and oom_score_adj", () => {
  const rlimits = [{ type: "RLIMIT_NOFILE", soft: 77, hard: 88 }];
  using box = started({ args: ["sleep", "60"], process: { oomScoreAdj: 300, rlimits } });
  const file = join(freshDirectory("exec"), "process.json");
  const show = ["sh", "-c", "grep ^Cap /proc/self/status; ulimit -n; cat /proc/self/oom_score_adj"];
  writeFileSync(file, JSON.stringify({ args: show, cwd: "/", env: ["PATH=/bin"] }));
  const { stdout } = succeeded(runtime(["exec", "--process", file, box.id]));
  assert.is(stdout, succeeded(box.exec(...show)).stdout);
  assert.match(stdout, /\n77\n300\n$/);
});

leavesBox();
leavesNothing();
test.run();
