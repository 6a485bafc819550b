/** The units of systemd that `make install` brings. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { socketPath } from "../../src/serve/protocol.ts";
import { testIf } from "../harness/skip.ts";

const project = resolve(import.meta.dir, "../..");
const directory = mkdtempSync(join(tmpdir(), "tsrun-units-"));
const hasMake = Bun.which("make") !== null && existsSync(join(project, "bin/tsrun"));

const MANAGERS = { system: "--system", user: "--user" } as const;
const NAMES = ["tsrun.service", "tsrun.socket"] as const;
const read = (...path: readonly string[]) => readFileSync(join(project, "systemd", ...path), "utf8");

const canVerify = testIf(Bun.which("systemd-analyze") !== null, "needs systemd-analyze");
for (const [manager, flag] of Object.entries(MANAGERS))
  canVerify(`systemd finds no fault in the units of the ${manager}`, () => {
    const own = join(directory, manager);
    mkdirSync(own);
    for (const name of NAMES) {
      const text = read(manager, name).replace("/usr/local/bin/tsrun", "/bin/true"); // it looks for the program
      writeFileSync(join(own, name), text);
    }
    const verify = ["verify", flag, "--man=no", ...NAMES.map((name) => join(own, name))];
    const env = { ...process.env, XDG_RUNTIME_DIR: own, SYSTEMD_UNIT_PATH: `${own}:` };
    const { status, stderr } = spawnSync("systemd-analyze", verify, { encoding: "utf8", env });
    assert.is(status, 0, stderr);
    assert.is(stderr, "");
  });

test("a command looks for a server where the sockets are", () => {
  assert.match(read("system", "tsrun.socket"), `\nListenStream=${socketPath(0, {})}\n`);
  const ofUser = socketPath(1000, { XDG_RUNTIME_DIR: "/%t" });
  assert.match(read("user", "tsrun.socket"), `\nListenStream=${ofUser?.slice(1)}\n`);
});

testIf(hasMake, "needs make and bin/tsrun")("make uninstall removes all that make install brought", () => {
  const root = join(directory, "root");
  const make = (target: string) =>
    spawnSync("make", ["--old-file=bin/tsrun", target, `DESTDIR=${root}`, "PREFIX=/opt/it"], {
      ...{ cwd: project, encoding: "utf8" },
    });
  const files = () =>
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length));
  assert.is(make("install").status, 0);
  for (const manager of Object.keys(MANAGERS)) {
    for (const name of NAMES) assert.ok(files().includes(`/opt/it/lib/systemd/${manager}/${name}`), name);
    const service = readFileSync(join(root, "opt/it/lib/systemd", manager, "tsrun.service"), "utf8");
    assert.match(service, "\nExecStart=/opt/it/bin/tsrun --no-serve serve\n");
  }
  assert.not(
    files().some((file) => file.includes(".wants")),
    "nothing is turned on by itself",
  );
  assert.is(make("uninstall").status, 0);
  assert.equal(files(), []);
});

test.after(() => rmSync(directory, { recursive: true }));
test.run();
