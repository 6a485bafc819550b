import { parseVariant } from "../../dbus/gvariant.ts";
import type { Variant } from "../../dbus/values.ts";
import { fail, UserError } from "../../kernel/user-error.ts";
import type { UnitProperty } from "./unit-property.ts";

export const UNIT_PROPERTY_ANNOTATION = "org.systemd.property.";

/**
 * Properties that the config's author gives the unit by annotations: `org.systemd.property.TimeoutStopUSec` with the
 * value `uint64 10000000`. A name that ends in `Sec` takes seconds, as unit files do. The format is
 * runc's, and podman and others write it. @throws UserError
 */
export function annotatedProperties(annotations: Readonly<Record<string, string>> = {}): UnitProperty[] {
  return Object.entries(annotations)
    .filter(([key]) => key.startsWith(UNIT_PROPERTY_ANNOTATION))
    .map(([key, text]) => {
      const where = `annotations["${key}"]`;
      const name = key.slice(UNIT_PROPERTY_ANNOTATION.length);
      if (!/^[A-Za-z]{3,}$/.test(name))
        return fail(
          where,
          `"${name}" is not the name of a unit's property: use at least three letters, and only letters`,
        );
      const value = parsed(where, text);
      const seconds = /^(.*[a-z])Sec$/.exec(name)?.[1];
      return seconds === undefined ? [name, value] : [`${seconds}USec`, microseconds(where, value)];
    });
}

function parsed(where: string, text: string): Variant {
  try {
    return parseVariant(text);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return fail(where, `${JSON.stringify(text)}: ${error.problem}`);
  }
}

function microseconds(where: string, { signature, value }: Variant): Variant {
  if (!"ynqiuxtd".includes(signature) || Number(value) < 0)
    return fail(where, "must be a number of seconds, since its name ends in Sec");
  if (Number(value) * 1_000_000 >= 2 ** 64) return fail(where, "does not fit into 64 bits as microseconds");
  if (typeof value === "bigint") return { signature: "t", value: value * 1_000_000n };
  return { signature: "t", value: BigInt(Math.round(Number(value) * 1_000_000)) };
}
