/**
 * The engine under the model: a schema is plain data, written once; its TypeScript type is inferred from it
 * ({@link Infer}), and `walk` checks a value against it at run time.
 */

/** One thing that is wrong (or doubtful) in a config; `path` reads like `mounts[3].options[0]`. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

/** Carries the TypeScript type of a schema; it has no value at run time. */
declare const TYPE: unique symbol;

export type Schema<T = unknown> = Shape & { readonly [TYPE]?: T };

/** What a schema is at run time. */
export type Shape =
  | { readonly kind: "string"; readonly complaint: Complaint | undefined }
  | { readonly kind: "enum"; readonly noun: string; readonly values: readonly string[] }
  | { readonly kind: "integer"; readonly min: number; readonly max: number }
  | { readonly kind: "boolean" }
  | { readonly kind: "array"; readonly item: Schema; readonly min: number }
  | { readonly kind: "map"; readonly key: Complaint | undefined; readonly value: Schema }
  | ObjectShape;

export interface ObjectShape {
  readonly kind: "object";
  readonly fields: Fields;
}

/** Says what a string must be ("must be absolute") when it is not; the engine adds what was found. */
export type Complaint = (value: string) => string | undefined;

/** Marks a property that must be there. */
export interface Required<T = unknown> {
  readonly kind: "required";
  readonly schema: Schema<T>;
}

export type Fields = { readonly [name: string]: Schema | Required };

/** The TypeScript type of the values that a schema accepts. */
export type Infer<S> = S extends Required<infer T> ? T : S extends { readonly [TYPE]?: infer T } ? T : never;

type InferFields<F extends Fields> = Flat<
  { readonly [K in keyof F as F[K] extends Required ? K : never]: Infer<F[K]> } & {
    readonly [K in keyof F as F[K] extends Required ? never : K]?: Infer<F[K]>;
  }
>;
type Flat<T> = { [K in keyof T]: T[K] };

export const boolean: Schema<boolean> = { kind: "boolean" };
export const string: Schema<string> = { kind: "string", complaint: undefined };

/** A string of which `complaint` has nothing to complain. */
export function stringThat(complaint: Complaint): Schema<string> {
  return { kind: "string", complaint };
}

/** One of the given words; `noun` names them in a message: "is not a namespace type". */
export function oneOf<const V extends readonly string[]>(noun: string, values: V): Schema<V[number]> {
  return { kind: "enum", noun, values };
}

/** An integer from `min` to `max`; beyond 2^53 see `isUnlimited`. */
export function integer(min: number, max: number): Schema<number> {
  return { kind: "integer", min, max };
}

/** A list with at least `min` items. */
export function array<T>(item: Schema<T>, min = 0): Schema<readonly T[]> {
  return { kind: "array", item, min };
}

/** An object whose keys are chosen by the writer of the config. */
export function map<T>(value: Schema<T>, key?: Complaint): Schema<{ readonly [key: string]: T }> {
  return { kind: "map", key, value };
}

/** An object with known properties; others are ignored, as the spec asks. */
export function object<const F extends Fields>(fields: F): ObjectShape & Schema<InferFields<F>> {
  return { kind: "object", fields };
}

export function required<T>(schema: Schema<T>): Required<T> {
  return { kind: "required", schema };
}

/** Collects what is found, and knows where the walk is. */
export class Report {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  readonly #place: (string | number)[] = [];

  enter(key: string | number): void {
    this.#place.push(key);
  }

  leave(): void {
    this.#place.pop();
  }

  /** Something is wrong here, or `below` here. */
  problem(message: string, ...below: readonly (string | number)[]): void {
    this.problems.push({ path: pathOf([...this.#place, ...below]), message });
  }

  warning(message: string, ...below: readonly (string | number)[]): void {
    this.warnings.push({ path: pathOf([...this.#place, ...below]), message });
  }
}

/** `["mounts", 3, "options"]` is written `mounts[3].options`. */
function pathOf(keys: readonly (string | number)[]): string {
  let path = "";
  for (const key of keys) {
    if (typeof key === "number") path += `[${key}]`;
    else if (!/^\w+$/.test(key)) path += `[${JSON.stringify(key)}]`;
    else path += path === "" ? key : `.${key}`;
  }
  return path;
}

/** Reports every place where `value` is not what `schema` says. A `null` counts as absent and is removed. */
export function walk(schema: Schema, value: unknown, report: Report): void {
  if (schema.kind === "object") walkObject(schema.fields, value, report);
  else if (schema.kind === "array") walkArray(schema.item, schema.min, value, report);
  else if (schema.kind === "map") walkMap(schema.value, schema.key, value, report);
  else {
    const wrong = complain(schema, value);
    if (wrong !== undefined) report.problem(wrong);
  }
}

type Scalar = Exclude<Shape, { readonly kind: "object" | "array" | "map" }>;

function complain(scalar: Scalar, value: unknown): string | undefined {
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
      return complainOfString(scalar.complaint, value);
  }
}

function complainOfInteger(min: number, max: number, value: unknown): string | undefined {
  if (typeof value !== "number") return `must be a number, found ${show(value)}`;
  if (!Number.isInteger(value)) return `must be an integer, found ${show(value)}`;
  if (value < min || value > max) return `must be from ${min} to ${max}, found ${show(value)}`;
  return undefined;
}

function complainOfString(complaint: Complaint | undefined, value: unknown): string | undefined {
  if (typeof value !== "string") return `must be a string, found ${show(value)}`;
  if (value.includes("\0")) return `must not contain a NUL byte, found ${show(value)}`;
  const wrong = complaint?.(value);
  return wrong === undefined ? undefined : `${wrong}, found ${show(value)}`;
}

function walkArray(item: Schema, min: number, value: unknown, report: Report): void {
  if (!Array.isArray(value)) {
    report.problem(`must be an array, found ${show(value)}`);
    return;
  }
  if (value.length < min) report.problem("must not be empty");
  for (let index = 0; index < value.length; index++) {
    report.enter(index);
    walk(item, value[index], report);
    report.leave();
  }
}

function walkMap(schema: Schema, complaint: Complaint | undefined, value: unknown, report: Report): void {
  if (!isObject(value)) {
    report.problem(`must be an object, found ${show(value)}`);
    return;
  }
  for (const key of Object.keys(value)) {
    report.enter(key);
    const wrong = complaint?.(key);
    if (wrong !== undefined) report.problem(`the name ${wrong}`);
    walk(schema, value[key], report);
    report.leave();
  }
}

function walkObject(fields: Fields, value: unknown, report: Report): void {
  if (!isObject(value)) {
    report.problem(`must be an object, found ${show(value)}`);
    return;
  }
  for (const name in fields) {
    const field = fields[name];
    if (field === undefined) continue;
    const found = value[name];
    if (found === null) delete value[name];
    report.enter(name);
    if (found !== undefined && found !== null)
      walk(field.kind === "required" ? field.schema : field, found, report);
    else if (field.kind === "required") report.problem("is required");
    report.leave();
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A found value as it would stand in the JSON, cut when long. */
function show(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
