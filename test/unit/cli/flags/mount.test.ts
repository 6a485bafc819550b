/** `tsrun spec --mount`, in docker's words. */
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OwnCaller } from "../../../../src/agent/own-caller.ts";
import { mountFrom } from "../../../../src/cli/flags/mount.ts";
import { UserError } from "../../../../src/kernel/user-error.ts";

const directory = mkdtempSync(join(tmpdir(), "tsrun-mount,"));
test.after(() => rmdirSync(directory));

const mount = (text: string) => mountFrom(new OwnCaller(), text);

function complaint(text: string): string {
  try {
    mount(text);
  } catch (error) {
    if (error instanceof UserError) return error.message.replace(`spec: --mount ${text}: `, "");
    throw error;
  }
  return "none";
}

test("a bind mount is recursive, and so is readonly", () => {
  const expected = { destination: "/www", type: "bind", source: "/etc" };
  assert.equal(mount("type=bind,source=/etc,target=/www"), { ...expected, options: ["rbind"] });
  for (const readonly of ["readonly", "ro", "readonly=true", "ro=1"])
    assert.equal(mount(`type=bind,src=/etc,dst=/www,${readonly}`), {
      ...expected,
      options: ["rbind", "rro"],
    });
  assert.equal(mount("destination=/www,readonly=false,type=bind,source=/etc").options, ["rbind"]);
  assert.equal(
    mount("type=bind,source=/etc,target=/www,bind-propagation=rslave,bind-nonrecursive,ro").options,
    ["bind", "rslave", "ro"],
  );
});

test("a relative source is the caller's", () => {
  assert.is(mount("type=bind,source=src,target=/src").source, join(process.cwd(), "src"));
});

test("a field with a comma is written in double quotes", () => {
  assert.is(mount(`type=bind,"source=${directory}",target=/x`).source, directory);
});

test("a tmpfs is writable by everybody, as docker's", () => {
  const expected = { destination: "/tmp", type: "tmpfs", source: "tmpfs" };
  const usual = ["nosuid", "nodev", "noexec"];
  assert.equal(mount("type=tmpfs,target=/tmp"), { ...expected, options: [...usual, "mode=1777"] });
  assert.equal(mount("type=tmpfs,target=/tmp,tmpfs-size=64m,tmpfs-mode=700,readonly"), {
    ...expected,
    options: [...usual, "mode=700", "size=64m", "ro"],
  });
});

for (const [text, said] of [
  ["source=/etc,target=/x", "type is missing: bind or tmpfs"],
  ["type=volume,source=a,target=/x", 'type must be bind or tmpfs, not "volume"'],
  ["type=bind,target=/x", "source is missing: what of the host is to be mounted?"],
  ["type=bind,source=/nowhere,target=/x", "source /nowhere does not exist"],
  ["type=bind,source=/etc", "target is missing: where is it to be in the container?"],
  ["type=bind,source=/etc,target=x", 'target must be an absolute path, not "x"'],
  ["type=bind,source=/etc,target=/x,readonly=yes", 'readonly must be true or false, not "yes"'],
  ["type=bind,source=/etc,target=/x,ro,ro", "readonly is given twice"],
  ["type=bind,source,target=/x", "source needs a value: source=…"],
  ["type=bind,sorce=/etc,target=/x", 'unknown field "sorce" (did you mean source?)'],
  [
    "/etc:/x",
    'unknown field "/etc:/x" (one of type, source, target, readonly, bind-propagation, bind-nonrecursive, tmpfs-size, tmpfs-mode)',
  ],
  [
    "type=bind,source=/etc,target=/x,bind-propagation=no",
    'bind-propagation must be private or rprivate or shared or rshared or slave or rslave, not "no"',
  ],
  ["type=bind,source=/etc,target=/x,tmpfs-size=1m", "tmpfs-size is for type=tmpfs alone"],
  ["type=tmpfs,source=/etc,target=/x", "source is for type=bind alone"],
  ["type=tmpfs,target=/x,tmpfs-size=much", 'tmpfs-size must be a size such as 64m, not "much"'],
  ["type=tmpfs,target=/x,tmpfs-mode=9", 'tmpfs-mode must be a mode in octal digits such as 1777, not "9"'],
] as const)
  test(`--mount ${text} is refused: ${said}`, () => {
    assert.is(complaint(text), said);
  });

test.run();
