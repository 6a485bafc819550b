/**
 * Device rules as properties of a unit. systemd can't express a denial within what is allowed, so its properties allow
 * everything that any rule allows, or more; the container's own device program decides.
 */
import type { DeviceRule } from "../../../runtime-spec/config-linux-resources.ts";
import type { Value } from "../../dbus/values.ts";
import { BPF_DEVCG_ACC_MKNOD, BPF_DEVCG_ACC_READ, BPF_DEVCG_ACC_WRITE } from "../../kernel/bpf.ts";
import { ANY, type DeviceAccess, deviceAccess, NO_ACCESS } from "../cgroups/device-access.ts";
import { allowsEverything } from "../cgroups/device-rules.ts";
import { property, type UnitProperty } from "./unit-property.ts";

const EVERYTHING = policy("auto", []);

/** `DevicePolicy` and `DeviceAllow` (systemd.resource-control(5)) for a container's rules. */
export function deviceProperties(rules: readonly DeviceRule[]): readonly UnitProperty[] {
  if (allowsEverything(rules)) return EVERYTHING;
  const allowed = (["c", "b"] as const).flatMap((type) =>
    deviceAccess(type, rules)
      .filter(({ access }) => access !== NO_ACCESS)
      .map((entry) => allowance(type, entry)),
  );
  const expressed = allowed.filter((entry) => entry !== null);
  return expressed.length === allowed.length ? policy("strict", expressed) : EVERYTHING;
}

function policy(name: "auto" | "strict", allowed: readonly Value[]): readonly UnitProperty[] {
  return [property("DevicePolicy", "s", name), property("DeviceAllow", "a(ss)", allowed)];
}

/** Null for a minor number with any major, which systemd can't express. */
function allowance(type: "b" | "c", { major, minor, access }: DeviceAccess): Value | null {
  const kind = type === "b" ? "block" : "char";
  const letters = [
    access & BPF_DEVCG_ACC_READ ? "r" : "",
    access & BPF_DEVCG_ACC_WRITE ? "w" : "",
    access & BPF_DEVCG_ACC_MKNOD ? "m" : "",
  ].join("");
  if (major === ANY) return minor === ANY ? [`${kind}-*`, letters] : null;
  return [minor === ANY ? `${kind}-${major}` : `/dev/${kind}/${major}:${minor}`, letters];
}
