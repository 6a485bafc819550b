/** The rules that decide which devices a container may use: the config's, then those that every container has. */
import type { DeviceRule } from "../../../runtime-spec/config-linux-resources.ts";
import { fail } from "../../kernel/user-error.ts";
import { RESOURCES } from "./cgroup-write.ts";

/** A rule, perhaps for a device with a node in /dev. */
interface DefaultRule extends DeviceRule {
  /** Its path in containers: without effect if linux.devices has a device of its own at that path. */
  readonly path?: string;
}

const character = (major: number, minor?: number): DeviceRule => ({
  allow: true,
  type: "c",
  major,
  access: "rwm",
  ...(minor === undefined ? {} : { minor }),
});

/**
 * What every container may do, as in runc (libcontainer/specconv, AllowedDevices). As in runc these come after the
 * config's rules, so that no config can take them away. Making any node is allowed (CAP_MKNOD decides about that),
 * using it is not. /dev/console is not listed: in a container it is a pseudoterminal.
 */
export const DEFAULT_RULES: readonly DefaultRule[] = [
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
  { path: "/dev/null", ...character(1, 3) },
  { path: "/dev/random", ...character(1, 8) },
  { path: "/dev/full", ...character(1, 7) },
  { path: "/dev/tty", ...character(5, 0) },
  { path: "/dev/zero", ...character(1, 5) },
  { path: "/dev/urandom", ...character(1, 9) },
  /** Pseudoterminals (/dev/pts/N), and /dev/ptmx. */
  character(136),
  character(5, 2),
  /** /dev/net/tun */
  character(10, 200),
];

/**
 * The rules for a container; the last one that matches decides. If the config has none, everything but the defaults is
 * denied. @throws UserError
 */
export function containerDeviceRules(
  rules: readonly DeviceRule[] | undefined,
  devices: readonly { readonly path: string }[] | undefined,
): readonly DeviceRule[] {
  for (const [index, { access }] of (rules ?? []).entries())
    if (!access)
      fail(
        `${RESOURCES}.devices[${index}].access`,
        'must say what the rule is about: some of "r", "w" and "m"',
      );
  const defaults = DEFAULT_RULES.filter(({ path }) => !devices?.some((device) => device.path === path));
  return [...(rules ?? []), ...defaults];
}

/** Whether the rules allow every device, as those of a privileged container do: then no program is needed. */
export function allowsEverything(rules: readonly DeviceRule[]): boolean {
  const lastForAll = rules.findLastIndex((rule) => rule.allow && isForAll(rule));
  return lastForAll >= 0 && rules.slice(lastForAll).every(({ allow }) => allow);
}

/** Whether a rule covers every device and every access, so that no earlier rule counts. */
function isForAll({ type, major, minor, access }: DeviceRule): boolean {
  return (
    (type ?? "a") === "a" &&
    (major ?? -1) === -1 &&
    (minor ?? -1) === -1 &&
    ["r", "w", "m"].every((letter) => access?.includes(letter))
  );
}
