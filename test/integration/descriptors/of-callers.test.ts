// Runs beside other files.
import { closeSync, openSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, type Patch } from "../../harness/bundle.ts";
import { container, started } from "../../harness/container.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../../harness/leaks.ts";
import { type Call, complaint, type Outcome, runtime, silent } from "../../harness/runtime.ts";

/** Files that say `one`, `two` and `three`, opened: a call of the runtime reads them to their end. */
const directory = freshDirectory("descriptors");
const opened: number[] = [];
function descriptors(): number[] {
  const fresh = ["one", "two", "three"].map((text) => {
    const path = join(directory, text);
    writeFileSync(path, `${text}\n`);
    return openSync(path, "r");
  });
  opened.push(...fresh);
  return fresh;
}
test.after(() => {
  for (const fd of opened) closeSync(fd);
});

/** Says what is behind the first descriptors, and what the environment says of them. */
const SAY = [
  "sh",
  "-c",
  "for fd in 3 4 5 6 7 8 9; do read line <&$fd && echo $fd $line; done 2> /dev/null; env | grep ^LISTEN_ | sort",
];

/** Says that the sockets are meant for the process that runs the runtime itself. */
const ADDRESSED = { through: ["sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"'] };

function ran(flags: readonly string[], call: Call, patch: Patch = {}): Outcome {
  const { path } = bundle({ args: SAY, ...patch });
  return runtime(["run", ...flags, "--bundle", path, uniqueId()], { descriptors: descriptors(), ...call });
}

test("no descriptor of the caller gets into the container unasked", () => {
  assert.is(silent(ran([], {})).stdout, "");
});

for (const count of [1, 2, 3]) {
  test(`--preserve-fds ${count} passes that many descriptors after the standard streams`, () => {
    const wanted = ["3 one\n", "4 two\n", "5 three\n"].slice(0, count).join("");
    assert.is(silent(ran(["--preserve-fds", String(count)], {})).stdout, wanted);
  });
}

test("exec --preserve-fds passes them too", () => {
  using one = started({ args: ["sleep", "600"] });
  const call = runtime(["exec", "--preserve-fds", "2", one.id, ...SAY], { descriptors: descriptors() });
  assert.is(silent(call).stdout, "3 one\n4 two\n");
});

test("a created container keeps them until it is started", async () => {
  using one = container({ args: SAY });
  const create = ["create", "--preserve-fds", "3", "--bundle", one.bundle.path, one.id];
  const { printed } = silent(runtime(create, { descriptors: descriptors() }));
  one.start();
  await one.until("stopped");
  assert.is(printed().stdout, "3 one\n4 two\n5 three\n");
});

testTsrun("a descriptor that isn't open is refused, and nothing is left", async () => {
  const nothingLeft = watchLeaks();
  for (const [open, missing] of [
    [[], 3],
    [descriptors(), 6],
  ] as const) {
    const said = complaint(ran(["--preserve-fds", "5"], { descriptors: open }));
    assert.match(said, new RegExp(`--preserve-fds: descriptor ${missing} is not open`));
  }
  using one = started({ args: ["sleep", "600"] });
  const exec = runtime(["exec", "--preserve-fds", "4", one.id, "true"], { descriptors: descriptors() });
  assert.match(complaint(exec), /--preserve-fds: descriptor 6 is not open/);
  one.delete("--force");
  await nothingLeft("of the refused calls");
});

// Gaps: descriptor 3 or others are closed, later ones are the caller's

/** Says which descriptors are open, without opening one to look. */
const LIST = [
  "sh",
  "-c",
  "for fd in 3 4 5 6 7 8 9 10 11 12 13 14 15; do [ -h /proc/$$/fd/$fd ] && echo $fd $(readlink /proc/$$/fd/$fd); done; true",
];

const listed = (...open: readonly number[]) =>
  open.map((fd) => `${fd} ${join(directory, ["one", "two", "three"][fd - 3] ?? "")}\n`).join("");

/** Closes some of the three descriptors before the runtime is called. */
const closing = (fds: readonly number[], more = "") => ({
  through: ["sh", "-c", `exec ${fds.map((fd) => `${fd}<&-`).join(" ")}; ${more} exec "$0" "$@"`],
});

const KINDS = ["cgroup", "ipc", "mount", "network", "pid", "user", "uts"] as const;

/** What makes tsrun open descriptors of the host's: namespaces to join, a user namespace, a seccomp filter, a terminal. */
function configs(): Readonly<Record<string, Patch>> {
  const mappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  return {
    "of a plain container": {},
    "of namespaces that are joined": {
      hostname: undefined,
      linux: { namespaces: [{ type: "mount" }, { type: "uts", path: "/proc/self/ns/uts" }, { type: "pid" }] },
    },
    "of a user namespace": {
      linux: {
        namespaces: KINDS.map((type) => ({ type })),
        uidMappings: mappings,
        gidMappings: mappings,
      },
    },
    "of a seccomp filter": {
      linux: {
        seccomp: {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ names: ["swapon"], action: "SCMP_ACT_ERRNO" }],
        },
      },
    },
  };
}

for (const [whose, patch] of Object.entries(configs()))
  testTsrun(`a gap among preserved descriptors ${whose} stays closed`, () => {
    for (const [fds, count, open] of [
      [[3], 2, [4]],
      [[3, 4], 3, [5]],
      [[4], 3, [3, 5]],
    ] as const) {
      const { path } = bundle({ args: LIST, ...patch });
      const call = { ...closing(fds), descriptors: descriptors() };
      const outcome = runtime(["run", "--preserve-fds", String(count), "--bundle", path, uniqueId()], call);
      assert.is(silent(outcome).stdout, listed(...open));
    }
  });

testTsrun("a wide gap holds nothing that tsrun opens meanwhile", () => {
  const through = ["sh", "-c", 'exec 9<&5 3<&- 4<&- 5<&-; exec "$0" "$@"'];
  for (const patch of Object.values(configs())) {
    const { path } = bundle({ args: LIST, ...patch });
    const run = ["run", "--preserve-fds", "7", "--bundle", path, uniqueId()];
    const { stdout } = silent(runtime(run, { through, descriptors: descriptors() }));
    assert.is(stdout, `9 ${join(directory, "three")}\n`);
  }
});

testTsrun("so it does from create to start, and nothing of the host is in it meanwhile", async () => {
  using one = container({ args: LIST });
  const create = ["create", "--preserve-fds", "3", "--bundle", one.bundle.path, one.id];
  const { printed } = silent(runtime(create, { ...closing([3, 4]), descriptors: descriptors() }));
  const { pid } = one.state();
  for (const fd of [3, 4]) assert.is(readlinkSync(`/proc/${pid}/fd/${fd}`), "anon_inode:[eventfd]");
  one.start();
  await one.until("stopped");
  assert.is(printed().stdout, listed(5));
});

testTsrun("exec keeps gaps, too", () => {
  using one = started({ args: ["sleep", "600"] });
  const flags = ["exec", "--preserve-fds", "3"];
  const call = { ...closing([3, 4]), descriptors: descriptors() };
  assert.is(silent(runtime([...flags, one.id, ...LIST], call)).stdout, listed(5));
});

testTsrun("gaps may be among the sockets to listen on, and after them", () => {
  const call = { ...closing([3], "export LISTEN_PID=$$;"), env: { LISTEN_FDS: "2" } };
  const ran = (flags: readonly string[], { descriptors: fds = descriptors() }) => {
    const { path } = bundle({ args: LIST });
    return silent(runtime(["run", ...flags, "--bundle", path, uniqueId()], { ...call, descriptors: fds }))
      .stdout;
  };
  assert.is(ran([], {}), listed(4));
  assert.is(ran(["--preserve-fds", "1"], {}), listed(4, 5));
});

testTsrun("among more than 64 descriptors a gap is refused", () => {
  const many = Array.from({ length: 70 }, () => descriptors()[0] ?? 0);
  const call = { ...closing([5]), descriptors: many };
  const { path } = bundle({ args: LIST });
  const run = (count: number) =>
    runtime(["run", "--preserve-fds", String(count), "--bundle", path, uniqueId()], call);
  assert.match(silent(run(64)).stdout, /^3 .*\n4 .*\n6 .*\n7 /);
  assert.match(complaint(run(70)), /--preserve-fds: descriptor 5 is not open/);
});

// Socket activation: sd_listen_fds(3)

test("LISTEN_FDS sockets are passed, and the container's process is told so", () => {
  const { stdout } = silent(ran([], { ...ADDRESSED, env: { LISTEN_FDS: "2" } }));
  assert.is(stdout, "3 one\n4 two\nLISTEN_FDS=2\nLISTEN_PID=1\n");
});

test("preserved descriptors come after those to listen on", () => {
  const { stdout } = silent(ran(["--preserve-fds", "1"], { ...ADDRESSED, env: { LISTEN_FDS: "2" } }));
  assert.is(stdout, "3 one\n4 two\n5 three\nLISTEN_FDS=2\nLISTEN_PID=1\n");
});

test("LISTEN_FDS for another process, or without a number, is nobody's", () => {
  for (const env of [{ LISTEN_FDS: "2", LISTEN_PID: "1" }, { LISTEN_FDS: "2" }] as const)
    assert.is(silent(ran([], { env })).stdout, "");
  assert.is(silent(ran([], { ...ADDRESSED, env: { LISTEN_FDS: "many" } })).stdout, "");
  assert.is(silent(ran([], { ...ADDRESSED, env: { LISTEN_FDS: "0" } })).stdout, "");
});

testTsrun("LISTEN_FDS that aren't open are refused", () => {
  const outcome = ran([], { ...ADDRESSED, env: { LISTEN_FDS: "4" } });
  assert.match(complaint(outcome), /LISTEN_FDS: descriptor 6 is not open/);
});

testTsrun("the caller's LISTEN_FDS replaces the one of config.json", () => {
  const process = { env: ["PATH=/bin", "LISTEN_FDS=9", "LISTEN_PID=77"] };
  const { stdout } = silent(ran([], { ...ADDRESSED, env: { LISTEN_FDS: "1" } }, { process }));
  assert.is(stdout, "3 one\nLISTEN_FDS=1\nLISTEN_PID=1\n");
});

leavesNothing();
test.run();
