import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Patch } from "../../harness/bundle.ts";
import { cgroupsNamed } from "../../harness/cgroups.ts";
import { type Container, container, orGone } from "../../harness/container.ts";
import { uniqueId, workDirectory } from "../../harness/environment.ts";
import { command } from "../../harness/mount.ts";
import { testToken } from "../../harness/run-file.ts";
import type { Call } from "../../harness/runtime.ts";

/** The call of a runtime whose containers' cgroups systemd makes. */
export const SYSTEMD: Call = { global: ["--systemd-cgroup"] };

/** A container that waits for its start in a scope: that of `patch`, or `tsrun-ID.scope`. */
export function createdInScope(patch: Patch = {}, call: Call = {}): Container {
  return orGone(container(patch), (box) => box.create({ ...SYSTEMD, ...call }));
}

/** The same, running. */
export function startedInScope(patch: Patch = {}): Container {
  return orGone(container(patch), (box) => box.runDetached(SYSTEMD));
}

/** The scope of a container whose config has no cgroupsPath. */
export function scopeOf({ id }: Container): string {
  return `tsrun-${id}.scope`;
}

/** A property of a unit, as systemd prints it. */
export function shown(unit: string, property: string): string {
  return command("systemctl", "show", "--property", property, "--value", unit).trim();
}

/** The directory of the cgroup that systemd says a unit has. */
export function cgroupOfUnit(unit: string): string {
  return join("/sys/fs/cgroup", shown(unit, "ControlGroup"));
}

/** What a file of a unit's cgroup holds. */
export function inCgroup(unit: string, file: string): string {
  return readFileSync(join(cgroupOfUnit(unit), file), "utf8").trim();
}

/** A slice that no other test uses, `PREFIX.slice`, which may limit the scopes in it; gone with `using`. */
export function slice(
  limits: readonly string[] = [],
): Disposable & { readonly name: string; readonly path: string } {
  const name = `${uniqueId().replaceAll("-", "_")}.slice`;
  command("systemctl", "start", name);
  if (limits.length > 0) command("systemctl", "set-property", "--runtime", name, ...limits);
  return {
    name,
    path: `/sys/fs/cgroup/${name}`,
    [Symbol.dispose]() {
      command("systemctl", "stop", name);
      command("systemctl", "revert", name);
    },
  };
}

/** Units and cgroups of this test file that are there. */
export function leftovers(): readonly string[] {
  const token = testToken(workDirectory);
  const units = command("systemctl", "list-units", "--all", "--plain", "--no-legend", "--full");
  const files = ["/run/systemd/transient", "/run/systemd/system.control"].filter(existsSync);
  const kept = command("find", ...files, "-name", `*${token}*`);
  return [
    ...units.split("\n").filter((line) => line.includes(token) && !line.includes(".mount")), // the test file's own tmpfs
    ...kept.split("\n").filter(Boolean),
    ...cgroupsNamed(token),
  ];
}
