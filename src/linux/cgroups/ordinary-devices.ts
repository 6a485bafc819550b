/**
 * The device program of ordinary containers, compiled in advance: Kubernetes and podman write one rule, "deny all", for
 * every container that is not privileged. Compiling it each time would take half a millisecond.
 */
import type { Device, DeviceRule } from "../../../runtime-spec/config-linux.ts";

/** The result of compileDeviceRules for that rule and the defaults; a test compares them. */
const PROGRAM =
  "YRIAAAAAAABhFAQAAAAAAGEVCAAAAAAAvyMAAAAAAABXAgAA//8AAHcDAAAQAAAAv0YAAAAAAABnBgAAFAAAAE9WAAAAAAAAtwAAAAAAAABWAgEAAQAAAAUACgAAAAAAFgYNAAMAEAAWBgwACAAQABYGCwAHABAAFgYKAAUAEAAWBgkACQAQABYGCAAAAFAAFgYHAAIAUAAWBgYAyACgABYEBQCIAAAABQAAAAAAAABXAwAA/v///1YDAQAAAAAAtwAAAAEAAACVAAAAAAAAALcAAAABAAAAlQAAAAAAAAA=";

/** The program when the rules are the ordinary ones, or none at all; else null. */
export function ordinaryDeviceProgram(
  rules: readonly DeviceRule[] = [],
  devices: readonly Device[] = [],
): Uint8Array | null {
  if (devices.length > 0 || rules.length > 1 || (rules[0] !== undefined && !deniesAll(rules[0]))) return null;
  return Uint8Array.fromBase64(PROGRAM);
}

function deniesAll({ allow, type, major, minor, access }: DeviceRule): boolean {
  const all = (type === undefined || type === "a") && major === undefined && minor === undefined;
  return !allow && all && access === "rwm";
}
