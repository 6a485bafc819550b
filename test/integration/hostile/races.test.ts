// What an image, or a volume that others write to, becomes while its container is created.
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Bundle, bundle, DEFAULT_MOUNTS, type JsonObject, type Patch } from "../../harness/bundle.ts";
import { containerOf } from "../../harness/container.ts";
import { freshDirectory, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { hostile, outside, rightOrRefused, SECRET } from "../../harness/outside.ts";
import { type Outcome, succeeded } from "../../harness/runtime.ts";
import { swapping } from "../../harness/swapping.ts";

/** How many containers run while names are exchanged. */
const RUNS = 16;

const volume = freshDirectory("volume");
writeFileSync(join(volume, "file"), "content");

const CLIMB = `../../../../../../../..${outside}`;

/** Creates containers of a bundle while `a` and `b` are exchanged in a directory; judges each when it has run. */
async function whileSwapping(
  made: Bundle,
  directory: string,
  a: string,
  b: string,
  judge: (outcome: Outcome) => void,
) {
  await using swap = await swapping(directory, a, b);
  for (let run = 0; run < RUNS; run++) {
    using box = containerOf(made, uniqueId());
    swap.resume();
    const outcome = box.call("create", "--bundle", made.path);
    swap.pause();
    if (outcome.status === 0) {
      box.start();
      await box.until("stopped");
    }
    judge({ ...outcome, ...outcome.printed() });
  }
}

/** A bundle whose rootfs has a directory `spot` and a link `link` to `target`, beside it. */
function withDirectoryAndLink(target: string, patch: Patch): Bundle {
  const made = bundle(patch);
  mkdirSync(join(made.rootfs, "spot"));
  writeFileSync(join(made.rootfs, "spot/inside"), "inside");
  symlinkSync(target, join(made.rootfs, "link"));
  return made;
}

function mounting(mount: JsonObject): Patch {
  return { mounts: [...DEFAULT_MOUNTS, mount] };
}

const BIND = { type: "bind", source: volume, options: ["rbind"] };

const shell = (script: string) => ({ args: ["sh", "-c", script] });

for (const target of [CLIMB, "/", "/proc/self", "/proc/self/fd"]) {
  hostile(`a mount's place is exchanged with a link to ${target}`, async () => {
    const patch = {
      ...mounting({ destination: "/spot", ...BIND }),
      ...shell("grep -c ' /proc/self' /proc/self/mountinfo; true"),
    };
    const made = withDirectoryAndLink(target, patch);
    await whileSwapping(made, made.rootfs, "spot", "link", (outcome) => rightOrRefused(outcome, /^0\n/));
  });

  hostile(`a directory on the way to a mount's place is exchanged with a link to ${target}`, async () => {
    const patch = {
      ...mounting({ destination: "/spot/attr/b", ...BIND }),
      ...shell("grep -c ' /proc/.*/attr' /proc/self/mountinfo; true"),
    };
    const made = withDirectoryAndLink(target, patch);
    await whileSwapping(made, made.rootfs, "spot", "link", (outcome) => rightOrRefused(outcome, /^0\n/));
  });

  hostile(`a masked and a read-only path are exchanged with a link to ${target}`, async () => {
    const linux = { maskedPaths: ["/spot/inside"], readonlyPaths: ["/spot"] };
    const made = withDirectoryAndLink(target, {
      linux,
      ...shell("true"),
    });
    await whileSwapping(made, made.rootfs, "spot", "link", (outcome) => rightOrRefused(outcome, /^$/));
  });

  hostile(`a directory of a volume is exchanged with a link to ${target}`, async () => {
    const shared = freshDirectory("shared");
    mkdirSync(join(shared, "spot"));
    symlinkSync(target, join(shared, "link"));
    const made = bundle({
      ...shell("grep -c ' /proc/.*/attr' /proc/self/mountinfo; true"),
      mounts: [
        ...DEFAULT_MOUNTS,
        { destination: "/shared", type: "bind", source: shared, options: ["rbind"] },
        { destination: "/shared/spot/attr", ...BIND },
      ],
    });
    await whileSwapping(made, shared, "spot", "link", (outcome) => rightOrRefused(outcome, /^0\n/));
  });
}

hostile("the working directory is exchanged with a link that climbs out", async () => {
  const made = withDirectoryAndLink(CLIMB, {
    ...shell("pwd -P; ls .."),
    process: { cwd: "/spot" },
  });
  await whileSwapping(made, made.rootfs, "spot", "link", (outcome) =>
    rightOrRefused(outcome, /^\/(?!unreachable)/),
  );
});

hostile("a device's directory is exchanged with a link that climbs out", async () => {
  const linux = { devices: [{ path: "/spot/null", type: "c", major: 1, minor: 3 }] };
  const made = withDirectoryAndLink(CLIMB, { linux });
  await whileSwapping(made, made.rootfs, "spot", "link", (outcome) => rightOrRefused(outcome, /^$/));
});

// The container may find another directory than proc at /proc; but the procfs, wherever it is, has its masks.

for (const name of ["proc", "sys"]) {
  hostile(`/${name} is exchanged with a directory of the image`, async () => {
    const script = [
      `for at in /${name} /fake; do`,
      `  case $(stat -f -c %T $at) in proc) cat $at/keys; chmod 755 $at/sys 2>&1; ls $at/sys/net | wc -l;;`,
      "  sysfs) ls -A $at/firmware; chmod 755 $at/kernel 2>&1; echo 0;; esac",
      "done; true",
    ].join("\n");
    const made = bundle({
      ...shell(script),
      linux: { readonlyPaths: ["/proc/sys", "/sys/kernel"], maskedPaths: ["/proc/keys", "/sys/firmware"] },
    });
    cpSync(join(made.rootfs, name), join(made.rootfs, "fake"), { recursive: true });
    mkdirSync(join(made.rootfs, "fake/sys"), { recursive: true });
    await whileSwapping(made, made.rootfs, name, "fake", (outcome) =>
      rightOrRefused(outcome, /^chmod: .*Read-only file system\n\d+\n$/),
    );
  });
}

// What tmpcopyup copies is the image's

for (const [what, target] of [
  ["a file", `${CLIMB}/secret`],
  ["a file", join(outside, "secret")],
  ["a directory", CLIMB],
  ["a directory", outside],
] as const) {
  hostile(`${what} that tmpcopyup copies is exchanged with a link to ${target}`, async () => {
    const copied = { destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] };
    const made = bundle({
      ...shell("cat /data/spot /data/spot/secret /data/link 2> /dev/null; true"),
      mounts: [...DEFAULT_MOUNTS, copied],
    });
    const data = join(made.rootfs, "data");
    mkdirSync(data);
    if (what === "a file") writeFileSync(join(data, "spot"), "x".repeat(SECRET.length));
    else {
      mkdirSync(join(data, "spot"));
      writeFileSync(join(data, "spot/secret"), "x".repeat(SECRET.length));
    }
    symlinkSync(target, join(data, "link"));
    await whileSwapping(made, data, "spot", "link", (outcome) => rightOrRefused(outcome, /^(x+)?$/));
  });
}

// Renames elsewhere

test("whoever renames files elsewhere doesn't keep a container from being made", async () => {
  const elsewhere = freshDirectory("elsewhere");
  mkdirSync(join(elsewhere, "a"));
  mkdirSync(join(elsewhere, "b"));
  const made = bundle({ linux: { maskedPaths: ["/deep/down/link", "/deep/down/link2"] } });
  mkdirSync(join(made.rootfs, "deep/down"), { recursive: true });
  symlinkSync("../../etc/../etc/../etc/../etc/group", join(made.rootfs, "deep/down/link"));
  symlinkSync("../../etc/../etc/../etc/../etc/passwd", join(made.rootfs, "deep/down/link2"));
  await whileSwapping(made, elsewhere, "a", "b", (outcome) => assert.is(succeeded(outcome).stdout, ""));
});

test("nor a tmpfs from having what the image has there", async () => {
  const elsewhere = freshDirectory("elsewhere");
  mkdirSync(join(elsewhere, "a"));
  mkdirSync(join(elsewhere, "b"));
  const copied = { destination: "/link", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] };
  const made = bundle({ args: ["ls", "/etc"], mounts: [...DEFAULT_MOUNTS, copied] });
  mkdirSync(join(made.rootfs, "etc"), { recursive: true });
  writeFileSync(join(made.rootfs, "etc/of-the-image"), "");
  symlinkSync("../etc/../etc/../etc/../etc", join(made.rootfs, "link"));
  await whileSwapping(made, elsewhere, "a", "b", (outcome) =>
    assert.match(succeeded(outcome).stdout, /^of-the-image$/m),
  );
});

leavesNothing();
test.run();
