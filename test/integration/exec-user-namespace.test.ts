// Runs beside other files.
// Who exec is in a container with a user namespace before it is the process's user: its root, and not the host's.
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DEFAULT_MOUNTS, namespaces } from "../harness/bundle.ts";
import { started } from "../harness/container.ts";
import { freshDirectory } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { complaint, runtime, succeeded } from "../harness/runtime.ts";

const IDS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: IDS, gidMappings: IDS };

/** A directory of the host with one that its root alone may enter, and in there one that all might read. */
function volume(): string {
  const path = freshDirectory("volume");
  mkdirSync(join(path, "private/inner"), { recursive: true });
  chmodSync(path, 0o755);
  chmodSync(join(path, "private"), 0o700);
  writeFileSync(join(path, "private/inner/secret"), "secret\n");
  return path;
}

for (const user of ["0", "1000:1000"])
  test(`exec as ${user} is not led by a link into a directory of the host's root`, () => {
    const mount = { destination: "/www", type: "bind", source: volume(), options: ["rbind"] };
    using box = started({ args: ["sleep", "60"], mounts: [...DEFAULT_MOUNTS, mount], linux: MAPPED });
    succeeded(box.exec("ln", "-s", "/www/private/inner", "/tmp/work"));
    assert.match(box.exec("cat", "/www/private/inner/secret").stderr, /Permission denied/);
    const flags = ["--user", user, "--cwd", "/tmp/work"];
    const said = complaint(runtime(["exec", ...flags, box.id, "cat", "secret"]));
    assert.match(said, /process\.cwd.*EACCES/);
  });

leavesNothing();
test.run();
