/**
 * The engine under the model: a schema is plain data, written once; its TypeScript type is inferred from it
 * ({@link Infer}), and walk.ts checks a value against it at run time.
 *
 * Why our own: every `create` loads this cold, before any JavaScript is compiled. A compiled binary that loads the
 * model and validates containerd's default config takes 0.65 ms longer than an empty one, all rules included, and
 * 0.9 ms with a pod's seccomp profile of 400 names. Valibot 1.5, with the properties' types alone, takes 0.7 and
 * 1.1 ms. (Median of 500 runs each; schemas of this engine without the rules: 0.5 and 0.6 ms.)
 */

import type { Integer } from "./int64.ts";

/** Carries the TypeScript type of a schema; it has no value at run time. */
declare const TYPE: unique symbol;

/** What accepts values of type T. */
export type Schema<T = unknown> = (Scalar | Container) & { readonly [TYPE]?: T };

export type Scalar =
  | { readonly kind: "string"; readonly complain: Complain | undefined }
  | { readonly kind: "enum"; readonly noun: string; readonly values: readonly string[] }
  | { readonly kind: "flags"; readonly noun: string; readonly values: readonly string[] }
  | { readonly kind: "integer"; readonly min: Integer; readonly max: Integer }
  | { readonly kind: "boolean" };

export type Container =
  | { readonly kind: "array"; readonly item: Schema; readonly min: number }
  | { readonly kind: "map"; readonly complain: Complain | undefined; readonly value: Schema }
  | { readonly kind: "object"; readonly fields: Fields };

/** Says what a string must be ("must be absolute") when it is not; the walk adds what was found. */
export type Complain = (value: string) => string | undefined;

/** Marks a property that must be there. */
export interface Required<T = unknown> {
  readonly kind: "required";
  readonly schema: Schema<T>;
}

/** A property of the spec for another platform: it is ignored here, and has no type. */
export interface Foreign {
  readonly kind: "foreign";
  readonly platform: string;
}

export type Fields = { readonly [name: string]: Schema | Required | Foreign };

/** The TypeScript type of the values that a schema accepts. */
export type Infer<S> = S extends Required<infer T> ? T : S extends { readonly [TYPE]?: infer T } ? T : never;

type InferFields<F extends Fields> = Flat<
  { readonly [K in keyof F as F[K] extends Required ? K : never]: Infer<F[K]> } & {
    readonly [K in keyof F as F[K] extends Required | Foreign ? never : K]?: Infer<F[K]>;
  }
>;
type Flat<T> = { [K in keyof T]: T[K] };

export const boolean: Schema<boolean> = { kind: "boolean" };
export const string: Schema<string> = { kind: "string", complain: undefined };

/** A string of which `complain` finds nothing to complain. */
export function stringThat(complain: Complain): Schema<string> {
  return { kind: "string", complain };
}

/** One of the given words; `noun` names them in a message: "is not a namespace type". */
export function oneOf<const V extends readonly string[]>(noun: string, values: V): Schema<V[number]> {
  return { kind: "enum", noun, values };
}

/** One of the given words, or a number: a mask of bits. */
export function flags<const V extends readonly string[]>(
  noun: string,
  values: V,
): Schema<V[number] | Integer> {
  return { kind: "flags", noun, values };
}

/** An integer from `min` to `max`. */
export function integer(min: number, max: number): Schema<number> {
  return { kind: "integer", min, max };
}

/** An integer that may be beyond 2^53: see int64.ts. */
export function wideInteger(min: Integer, max: bigint): Schema<Integer> {
  return { kind: "integer", min, max };
}

/** A list with at least `min` items. */
export function array<T>(item: Schema<T>, min = 0): Schema<readonly T[]> {
  return { kind: "array", item, min };
}

/** An object whose names are chosen by the writer of the config; `complain` judges the names. */
export function map<T>(value: Schema<T>, complain?: Complain): Schema<{ readonly [key: string]: T }> {
  return { kind: "map", complain, value };
}

/** An object with known properties; others are ignored, as the spec asks, with a warning. */
export function object<const F extends Fields>(fields: F): Schema<InferFields<F>> {
  return { kind: "object", fields };
}

export function required<T>(schema: Schema<T>): Required<T> {
  return { kind: "required", schema };
}

export function foreign(platform: string): Foreign {
  return { kind: "foreign", platform };
}
