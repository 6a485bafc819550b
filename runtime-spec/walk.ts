/** Checks a value against its schema: first what each property is, then the rules that tie properties together. */

import { INT64_MAX, isUnlimited, UINT64_MAX } from "./int64.ts";
import { type Key, type Report, show } from "./report.ts";
import type { Complain, Fields, Foreign, Required, Scalar, Schema } from "./schema.ts";

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
  reads: readonly string[] = [],
): Rule {
  // The walk calls it with values of its own schema only.
  return { of, check: check as Rule["check"], reads };
}

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
 * Reports every place where `value` is not what `schema` and `rules` say. Go's callers write `null` and `""` for
 * what is not set: such properties are removed from `value`.
 */
export function walk(schema: Schema, value: unknown, report: Report, rules: Rules): void {
  new Walk(report, rules).any(schema, value);
}

class Walk {
  readonly #report: Report;
  readonly #rules: Rules;

  constructor(report: Report, rules: Rules) {
    this.#report = report;
    this.#rules = rules;
  }

  any(schema: Schema, value: unknown): void {
    if (schema.kind === "object") this.#object(schema, schema.fields, value);
    else if (schema.kind === "array") this.#array(schema.item, schema.min, value);
    else if (schema.kind === "map") this.#map(schema.value, schema.complain, value);
    else {
      const complaint = complainOf(schema, value);
      if (complaint !== undefined) this.#report.problem(complaint);
    }
  }

  #at(key: Key, schema: Schema, value: unknown): void {
    this.#report.enter(key);
    this.any(schema, value);
    this.#report.leave();
  }

  #array(item: Schema, min: number, value: unknown): void {
    if (!Array.isArray(value)) this.#report.problem(`must be an array, found ${show(value)}`);
    else if (value.length < min) this.#report.problem("must not be empty");
    else for (let index = 0; index < value.length; index++) this.#at(index, item, value[index]);
  }

  #map(schema: Schema, complain: Complain | undefined, value: unknown): void {
    if (!isObject(value)) {
      this.#report.problem(`must be an object, found ${show(value)}`);
      return;
    }
    for (const name of Object.keys(value)) {
      const complaint = complain?.(name);
      if (complaint !== undefined) this.#report.problem(`${complaint}, found ${show(name)}`, name);
      else this.#at(name, schema, value[name]);
    }
  }

  #object(schema: Schema, fields: Fields, value: unknown): void {
    if (!isObject(value)) {
      this.#report.problem(`must be an object, found ${show(value)}`);
      return;
    }
    const before = this.#report.problems.length;
    for (const name in fields) {
      const field = fields[name];
      if (field !== undefined) this.#property(name, field, value);
    }
    this.#applyRules(schema, value, before);
  }

  #property(name: string, field: Schema | Required | Foreign, owner: Record<string, unknown>): void {
    const value = owner[name];
    if (field.kind === "required") {
      if (value === undefined || value === null) this.#report.problem("is required", name);
      else this.#at(name, field.schema, value);
    } else if (value === null || value === "") delete owner[name];
    else if (value === undefined) return;
    else if (field.kind === "foreign") this.#report.warning(`is for ${field.platform}, and ignored`, name);
    else this.#at(name, field, value);
  }

  /** Runs the rules of `schema`, but those that would read something of which a problem has been found `since`. */
  #applyRules(schema: Schema, value: unknown, since: number): void {
    const rules = this.#rules.get(schema);
    if (rules === undefined) return;
    const unsound = this.#report.problems.slice(since);
    for (const { check, reads } of rules) {
      const places = reads.map((path) => this.#report.path(path.split(".")));
      const hit = unsound.some(
        ({ path }) => places.length === 0 || places.some((place) => covers(place, path)),
      );
      if (!hit) check(value, this.#report);
    }
  }
}

/** Whether one of two paths contains the other. */
function covers(one: string, other: string): boolean {
  return one.startsWith(other) || other.startsWith(one);
}

function complainOf(scalar: Scalar, value: unknown): string | undefined {
  switch (scalar.kind) {
    case "boolean":
      return typeof value === "boolean" ? undefined : `must be true or false, found ${show(value)}`;
    case "integer":
      return complainOfInteger(scalar.min, scalar.max, value);
    case "enum":
      if (typeof value !== "string") return `must be a string, found ${show(value)}`;
      if (scalar.values.includes(value)) return undefined;
      return `is not ${scalar.noun}: ${show(value)} (one of: ${scalar.values.join(", ")})`;
    case "string":
      return complainOfString(scalar.complain, value);
  }
}

function complainOfInteger(min: number, max: number, value: unknown): string | undefined {
  if (typeof value !== "number") return `must be a number, found ${show(value)}`;
  if (!Number.isInteger(value)) return `must be an integer, found ${show(value)}`;
  if (value < 0 && min === 0) return `must not be negative, found ${show(value)}`;
  if (value < min || value > max) return `must be from ${bound(min)} to ${bound(max)}, found ${show(value)}`;
  if (Number.isSafeInteger(value) || isUnlimited(value)) return undefined;
  return `must not be beyond 2^53 (but 2^64-1 and 2^63-1, for no limit), found ${show(value)}`;
}

function bound(value: number): string {
  if (value === UINT64_MAX) return "2^64-1";
  if (Math.abs(value) === INT64_MAX) return value < 0 ? "-2^63" : "2^63-1";
  return String(value);
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
