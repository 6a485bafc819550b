import type { Value, Variant } from "../../dbus/values.ts";

/** A property of a unit with its value, as systemd's calls take them (org.freedesktop.systemd1(5)). */
export type UnitProperty = readonly [name: string, value: Variant];

export const property = (name: string, signature: string, value: Value): UnitProperty => [
  name,
  { signature, value },
];

/** systemd's value for no limit. */
export const INFINITY = 2n ** 64n - 1n;
