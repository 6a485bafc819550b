/** Checks a value against its schema: first what each property is, then the rules that tie properties together. */

import { INT64_MAX, INT64_MIN, type Integer, UINT64_MAX } from "./int64.ts";
import { type Key, type Report, show } from "./report.ts";
import type { Complain, Fields, Foreign, Scalar, Schema } from "./schema.ts";
import { settleUnknown } from "./unknown.ts";

/** A rule about the values of one schema that a single property cannot tell. */
export interface Rule {
  readonly of: Schema;
  readonly check: (value: unknown, report: Report) => void;
  readonly reads: readonly string[];
}

/**
 * `check` is called when every property that it `reads` is sound; without `reads`, when the whole value is.
 * It finds the report at the value's place.
 */
export function rule<T>(
  of: Schema<T>,
  check: (value: T, report: Report) => void,
  reads: readonly Path<T>[] = [],
): Rule {
  // The walk calls it with values of its own schema only.
  return { of, check: check as Rule["check"], reads };
}

/** `limit`, or `memory.limit`: a property of a T, or what is below one. */
type Path<T> = (keyof T & string) | `${keyof T & string}.${string}`;

export type Rules = ReadonlyMap<Schema, readonly Rule[]>;

export function rulesBySchema(rules: readonly Rule[]): Rules {
  const bySchema = new Map<Schema, Rule[]>();
  for (const rule of rules) {
    const others = bySchema.get(rule.of);
    if (others === undefined) bySchema.set(rule.of, [rule]);
    else others.push(rule);
  }
  return bySchema;
}

/**
 * Reports every place where `value` is not what `schema` and `rules` say. Go's callers write `null`, and `""` in
 * optional strings, for what is not set: such properties are removed from `value`. Go reads names whatever the case of
 * their letters: such properties get the name that they have in the specification.
 */
export function walk(schema: Schema, value: unknown, report: Report, rules: Rules): void {
  if (schema.kind === "object") walkObject(schema, schema.fields, value, report, rules);
  else if (schema.kind === "array") walkArray(schema.item, schema.min, value, report, rules);
  else if (schema.kind === "map") walkMap(schema.value, schema.complain, value, report, rules);
  else {
    const complaint = complainOf(schema, value);
    if (complaint !== undefined) report.misfit(complaint);
  }
}

/** Walks what stands at `key`. A sound scalar, the usual case, costs no bookkeeping. */
function walkAt(key: Key, schema: Schema, value: unknown, report: Report, rules: Rules): void {
  if (isScalar(schema)) {
    const complaint = complainOf(schema, value);
    if (complaint !== undefined) report.misfit(complaint, key);
    return;
  }
  report.enter(key);
  walk(schema, value, report, rules);
  report.leave();
}

function walkArray(item: Schema, min: number, value: unknown, report: Report, rules: Rules): void {
  if (!Array.isArray(value)) report.misfit(`must be an array, found ${show(value)}`);
  else if (value.length < min) report.misfit("must not be empty");
  else for (let index = 0; index < value.length; index++) walkAt(index, item, value[index], report, rules);
}

function walkMap(
  item: Schema,
  complain: Complain | undefined,
  value: unknown,
  report: Report,
  rules: Rules,
): void {
  if (!isObject(value)) {
    report.misfit(`must be an object, found ${show(value)}`);
    return;
  }
  for (const name of Object.keys(value)) {
    const found = value[name];
    const complaint = complainOfName(complain, name);
    if (found === null) unset(value, name, report);
    else if (complaint !== undefined) report.misfit(`${complaint}, found ${show(name)}`, name);
    else walkAt(name, item, found, report, rules);
  }
}

function walkObject(schema: Schema, fields: Fields, value: unknown, report: Report, rules: Rules): void {
  if (!isObject(value)) {
    report.misfit(`must be an object, found ${show(value)}`);
    return;
  }
  const before = report.misfits.length;
  settleUnknown(fields, value, report);
  for (const name in fields) {
    const field = fields[name];
    const found = value[name];
    if (field === undefined) continue;
    if (field.kind === "required") {
      if (found === undefined || found === null) report.misfit("is required", name);
      else walkAt(name, field.schema, found, report, rules);
    } else if (found === undefined) continue;
    else if (found === null || (found === "" && isText(field))) unset(value, name, report);
    else if (field.kind === "foreign") report.warning(`is for ${field.platform}, and ignored`, name);
    else walkAt(name, field, found, report, rules);
  }
  for (const rule of rules.get(schema) ?? []) {
    if (report.misfits.length === before || isSound(rule, report, before)) rule.check(value, report);
  }
}

function unset(value: Record<string, unknown>, name: string, report: Report): void {
  delete value[name];
  report.changed = true;
}

/** Whether none of the misfits found `since` is in what the rule reads. */
function isSound({ reads }: Rule, report: Report, since: number): boolean {
  if (reads.length === 0) return false;
  const places = reads.map((read) => report.path(read.split(".")));
  return report.misfits.slice(since).every((path) => places.every((place) => !covers(place, path)));
}

/** Whether one of two paths is the other or leads to it: `mounts` covers `mounts[1].type`. */
function covers(one: string, other: string): boolean {
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  return long.startsWith(short) && ["", ".", "["].includes(long.charAt(short.length));
}

function isText({ kind }: Schema | Foreign): boolean {
  return kind === "string" || kind === "enum";
}

function isScalar(schema: Schema): schema is Scalar {
  return schema.kind !== "object" && schema.kind !== "array" && schema.kind !== "map";
}

function complainOf(scalar: Scalar, value: unknown): string | undefined {
  switch (scalar.kind) {
    case "boolean":
      return typeof value === "boolean" ? undefined : `must be true or false, found ${show(value)}`;
    case "integer":
      return complainOfInteger(scalar.min, scalar.max, value);
    case "enum":
      return complainOfWord(scalar.noun, scalar.values, value);
    case "flags":
      return typeof value === "string"
        ? complainOfWord(scalar.noun, scalar.values, value)
        : complainOfInteger(1, UINT64_MAX, value);
    case "string":
      return complainOfString(scalar.complain, value);
  }
}

function complainOfWord(noun: string, values: readonly string[], value: unknown): string | undefined {
  if (typeof value !== "string") return `must be a string, found ${show(value)}`;
  if (values.includes(value)) return undefined;
  return `is not ${noun}: ${show(value)} (one of: ${values.join(", ")})`;
}

function complainOfName(complain: Complain | undefined, name: string): string | undefined {
  return name.includes("\0") ? "must not contain a NUL byte" : complain?.(name);
}

function complainOfInteger(min: Integer, max: Integer, value: unknown): string | undefined {
  if (typeof value !== "number" && typeof value !== "bigint") return `must be a number, found ${show(value)}`;
  if (typeof value === "number" && !Number.isInteger(value))
    return `must be an integer, found ${show(value)}`;
  if (value < 0 && min === 0) return `must not be negative, found ${show(value)}`;
  if (value < min || value > max) return `must be from ${bound(min)} to ${bound(max)}, found ${show(value)}`;
  if (typeof value === "bigint" || Number.isSafeInteger(value)) return undefined;
  return `must be written in digits alone, found ${show(value)}`; // 1e18 may be anything near it
}

/** A bound as messages write it: `2^64-1`. */
export function bound(value: Integer): string {
  if (value === UINT64_MAX) return "2^64-1";
  if (value === INT64_MAX) return "2^63-1";
  return value === INT64_MIN ? "-2^63" : String(value);
}

function complainOfString(complain: Complain | undefined, value: unknown): string | undefined {
  if (typeof value !== "string") return `must be a string, found ${show(value)}`;
  if (value.includes("\0")) return `must not contain a NUL byte, found ${show(value)}`;
  const complaint = complain?.(value);
  return complaint === undefined ? undefined : `${complaint}, found ${show(value)}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
