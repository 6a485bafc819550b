// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DEFAULT_MOUNTS, type JsonObject, namespaces } from "../../harness/bundle.ts";
import { ran } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { command } from "../../harness/mount.ts";
import { type Mount, mountAt } from "../../harness/mountinfo.ts";
import { complaint } from "../../harness/runtime.ts";
import { directoryWithMount, PROC, tableWith } from "../../harness/volumes.ts";

// Flags of bind mounts, by a source of which it and a mount below have them all, and one that has none

const FLAGS = ["ro", "nosuid", "nodev", "noexec", "nodiratime", "noatime", "nosymfollow"];

const lost = ({ options }: Mount) => FLAGS.filter((flag) => !options.includes(flag)).join(" ");
const had = ({ options }: Mount) => FLAGS.filter((flag) => options.includes(flag)).join(" ");

function flaggedDirectory() {
  const volume = directoryWithMount("private");
  for (const path of [`${volume.path}/sub`, volume.path])
    command("mount", "-o", `remount,bind,${FLAGS.join(",")}`, path);
  return volume;
}

/** What is mounted for each of these lists of options: at the place itself, and below. */
function mountedWith(source: string, lists: readonly (readonly string[])[]) {
  const place = (index: number) => `/with/${index}`;
  const mounts = lists.map((options, index) => ({
    destination: place(index),
    type: "bind",
    source,
    options,
  }));
  const table = tableWith(...mounts);
  const below = (index: number) => table.find(({ mountPoint }) => mountPoint === `${place(index)}/sub`);
  return lists.map((options, index) => ({
    options: options.join(","),
    own: mountAt(table, place(index)),
    below: below(index),
  }));
}

const CLEARING = [
  ["rw", "ro"],
  ["suid", "nosuid"],
  ["dev", "nodev"],
  ["exec", "noexec"],
  ["diratime", "nodiratime"],
  ["atime", "noatime"],
  ["relatime", "noatime"],
  ["strictatime", "noatime"],
  ["norelatime", "noatime"],
  ["symfollow", "nosymfollow"],
] as const;

testTsrun("an option that takes a flag away does so on a bind mount, alone and beside others", () => {
  using source = flaggedDirectory();
  const alone = CLEARING.map(([option]) => ["rbind", option]);
  const beside = CLEARING.map(([option]) => [option, "bind", "nosuid", "rprivate"]);
  const seen = mountedWith(source.path, [...alone, ...beside]);
  const wanted = [...CLEARING, ...CLEARING].map(([option, flag], index) =>
    index >= CLEARING.length && option === "suid" ? "" : flag,
  );
  assert.equal(
    seen.map(({ options, own }) => `${options}: ${lost(own)}`),
    seen.map(({ options }, index) => `${options}: ${wanted[index]}`),
  );
  for (const { options, below } of seen.slice(0, CLEARING.length))
    assert.is(`${options}: ${below && lost(below)}`, `${options}: `);
});

test("with a leading r it does so on all mounts below, too", () => {
  using source = flaggedDirectory();
  const seen = mountedWith(
    source.path,
    CLEARING.map(([option]) => ["rbind", `r${option}`]),
  );
  assert.equal(
    seen.map(({ own, below }) => [lost(own), below && lost(below)]),
    CLEARING.map(([, flag]) => [flag, flag]),
  );
});

for (const [options, flags, flagsBelow] of [
  [["rbind", "ro", "rw"], "", ""],
  [["rbind", "rw", "ro"], "ro", ""],
  [["rbind", "rro", "rrw"], "", ""],
  [["rbind", "rrw", "rro"], "ro", "ro"],
  [["rbind", "ro", "rrw"], "", ""],
  [["rbind", "rro", "rw"], "ro", "ro"],
  [["rbind", "noatime", "norelatime"], "noatime", ""],
  [["rbind", "noatime", "relatime"], "noatime", ""],
  [["rbind", "rnoatime", "rrelatime"], "noatime", "noatime"],
  [["rbind", "strictatime", "noatime"], "", ""],
  [["rbind", "noatime", "nostrictatime"], "noatime", ""],
  [["rbind", "noatime", "atime"], "", ""],
  [["rbind", "relatime", "norelatime"], "", ""],
] as const) {
  test(`of ${options}, the right one wins`, () => {
    using source = directoryWithMount("private");
    const [seen] = mountedWith(source.path, [options]);
    assert.equal(
      [seen?.own, seen?.below].map((mount) => mount && had(mount)),
      [flags, flagsBelow],
    );
  });
}

testTsrun("defaults takes no option away", () => {
  using source = directoryWithMount("private");
  const [seen] = mountedWith(source.path, [["rbind", "noexec", "defaults"]]);
  assert.is(seen && had(seen.own), "noexec");
});

test("norelatime is the kernel's default, as with mount(8), and strictatime stays beside what undoes others", () => {
  using source = directoryWithMount("private");
  const seen = mountedWith(source.path, [
    ["bind", "norelatime"],
    ["bind", "strictatime", "atime"],
    ["bind", "strictatime", "nostrictatime"],
  ]);
  assert.equal(
    seen.map(({ own }) => own.options.includes("relatime")),
    [true, false, true],
  );
});

test("rbind takes the mounts below along wherever it is among the options, beside bind, too", () => {
  using source = directoryWithMount("private");
  const lists = [
    ["rbind", "rprivate", "ro", "bind"], // as CRI-O writes it
    ["bind", "rbind"],
    ["rbind", "bind"],
    ["bind", "ro", "rbind"],
    ["bind", "rprivate"],
  ];
  assert.equal(
    mountedWith(source.path, lists).map(({ options, below }) => `${options}: ${below !== undefined}`),
    lists.map((options) => `${options}: ${options.includes("rbind")}`),
  );
});

for (const [option, own, below] of [
  ["private", /^$/, /^master:\d+$/],
  ["rprivate", /^$/, /^$/],
  ["slave", /^master:\d+$/, /^master:\d+$/],
  ["rslave", /^master:\d+$/, /^master:\d+$/],
  ["shared", /^shared:\d+ master:\d+$/, /^master:\d+$/],
  ["rshared", /^shared:\d+ master:\d+$/, /^shared:\d+ master:\d+$/],
  ["unbindable", /^unbindable$/, /^master:\d+$/],
  ["runbindable", /^unbindable$/, /^unbindable$/],
] as const) {
  test(`${option} is the propagation of a bind mount${option.startsWith("r") ? " and of what lies below" : ", and of nothing below"}`, () => {
    using source = directoryWithMount("shared");
    command("mount", "--make-shared", `${source.path}/sub`);
    const [seen] = mountedWith(source.path, [["rbind", option]]);
    assert.match(seen?.own.propagation.join(" ") ?? "", own);
    assert.match(seen?.below?.propagation.join(" ") ?? "none", below);
  });
}

test("of several kinds of propagation each is set, in their order", () => {
  using source = directoryWithMount("shared");
  const lists = [
    ["rbind", "slave", "shared"],
    ["rbind", "shared", "private"],
    ["rbind", "rprivate", "shared"],
  ];
  const kinds = mountedWith(source.path, lists).map(({ own }) =>
    own.propagation.join(" ").replace(/:\d+/g, ""),
  );
  assert.equal(kinds, ["shared master", "", "shared"]);
});

// Unknown options

const CGROUP = { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" };

for (const [type, own] of [
  ["proc", false],
  ["sysfs", false],
  ["tmpfs", false],
  ["devpts", false],
  ["mqueue", false],
  ["cgroup", false],
  ["cgroup", true],
  ["cgroup2", true],
] as const) {
  testTsrun(
    `an option that ${type} doesn't know is an error${own ? ", in a new cgroup namespace, too" : ""}`,
    () => {
      const mount = { destination: "/x", type, source: type, options: ["nosuid", "sparkling"] };
      const linux = { namespaces: namespaces({ cgroup: own }) };
      const said = complaint(ran({ mounts: [PROC, mount], linux }));
      assert.match(said, /mounts\[1\]/);
      assert.match(said, /sparkling/);
    },
  );
}

test("a cgroup mount takes the options that cgroup2 has, and leaves the host's as they are", () => {
  const options = ["ro", "nsdelegate", "memory_recursiveprot"];
  const outcome = ran({
    mounts: [...DEFAULT_MOUNTS, { ...CGROUP, options } as JsonObject],
    linux: { namespaces: namespaces({ cgroup: true }) },
  });
  assert.is(outcome.status, 0, outcome.stderr);
});

leavesNothing();
test.run();
