import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Capabilities, Process } from "../../../../runtime-spec/config.ts";
import { untilFiltered } from "../../../../src/linux/seccomp/load.ts";

const process = (capabilities: Capabilities, noNewPrivileges: boolean): Process => ({
  args: ["true"],
  cwd: "/",
  capabilities,
  noNewPrivileges,
});

test("with noNewPrivileges nothing more is needed to load a filter", () => {
  const bound = process({ permitted: ["CAP_KILL"] }, true);
  assert.is(untilFiltered(bound), bound);
});

test("without it CAP_SYS_ADMIN is kept where execve forgets it, and nowhere else", () => {
  const sets = { bounding: ["CAP_KILL"], effective: [], permitted: ["CAP_KILL"], inheritable: ["CAP_KILL"] };
  const { capabilities } = untilFiltered(process({ ...sets, ambient: ["CAP_KILL"] }, false));
  assert.equal(capabilities, {
    ...sets,
    effective: ["CAP_SYS_ADMIN"],
    permitted: ["CAP_KILL", "CAP_SYS_ADMIN"],
    ambient: ["CAP_KILL"],
  });
});

test("an ambient CAP_SYS_ADMIN that is not permitted stays without effect", () => {
  const sets = { permitted: ["CAP_KILL"], inheritable: ["CAP_SYS_ADMIN"], ambient: ["CAP_SYS_ADMIN"] };
  assert.equal(untilFiltered(process(sets, false)).capabilities?.ambient, []);
});

test.run();
