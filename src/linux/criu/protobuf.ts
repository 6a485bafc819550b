/**
 * The part of Protocol Buffers' wire format (protobuf.dev, "Encoding") that criu(8) needs: a message is a list of
 * fields, each with a number, a type and a value; unknown fields are skipped.
 */
import { UserError } from "../../kernel/user-error.ts";

/** Kinds of fields. An enum travels as an int, a message as its bytes. */
type Field =
  | { readonly kind: "int" | "bool" | "string"; readonly number: number }
  | { readonly kind: "strings"; readonly number: number }
  | { readonly kind: "message" | "messages"; readonly number: number; readonly fields: Fields };

/** A message's fields by our names for them. */
type Fields = { readonly [name: string]: Field };

type ValueOf<F> = F extends { readonly kind: "int" }
  ? number
  : F extends { readonly kind: "bool" }
    ? boolean
    : F extends { readonly kind: "string" }
      ? string
      : F extends { readonly kind: "strings" }
        ? readonly string[]
        : F extends { readonly kind: "message"; readonly fields: infer M }
          ? Message<M>
          : F extends { readonly kind: "messages"; readonly fields: infer M }
            ? readonly Message<M>[]
            : never;

/** A message's values by the names of its fields; what is undefined is left out. */
export type Message<M> = { readonly [Name in keyof M]?: ValueOf<M[Name]> | undefined };

type Value = number | boolean | string | Message<Fields>;

/** Wire types. */
const VARINT = 0;
const BYTES = 2;
const FIXED = { 1: 8, 5: 4 } as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes of a message. */
export function encode<M extends Fields>(fields: M, message: Message<M>): Uint8Array {
  const values: { readonly [name: string]: unknown } = message;
  const bytes = Object.entries(fields).flatMap(([name, field]) =>
    listOf(values[name]).flatMap((value) => encodeField(field, value)),
  );
  return Uint8Array.from(bytes);
}

/** A field's values: none, one, or those of a list. */
function listOf(value: unknown): readonly Value[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]) as readonly Value[]; // as Message<M> says
}

function encodeField(field: Field, value: Value): readonly number[] {
  if (typeof value === "number" || typeof value === "boolean")
    return [...varint(field.number * 8 + VARINT), ...varint(Number(value))];
  const bytes = typeof value === "string" ? encoder.encode(value) : encode(messageFields(field), value);
  return [...varint(field.number * 8 + BYTES), ...varint(bytes.length), ...bytes];
}

function messageFields(field: Field): Fields {
  if ("fields" in field) return field.fields;
  throw new Error(`field ${field.number} is no message`);
}

/** Seven bits a byte, the lowest first; a negative number is one of 64 bits. */
function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

/** Reads a message. @throws Error for bytes that are no message */
export function decode<M extends Fields>(fields: M, bytes: Uint8Array): Message<M> {
  const byNumber = new Map(Object.entries(fields).map(([name, field]) => [field.number, { name, field }]));
  const values: { [name: string]: unknown } = {};
  const reader = new Reader(bytes);
  while (!reader.atEnd) {
    const key = reader.varint();
    const raw = reader.value(key % 8);
    const known = byNumber.get(Math.floor(key / 8));
    if (known !== undefined) values[known.name] = decoded(known.field, raw, values[known.name]);
  }
  return values as Message<M>; // its values were read by `fields`
}

function decoded(field: Field, raw: number | Uint8Array, before: unknown): unknown {
  if (typeof raw === "number") return field.kind === "bool" ? raw !== 0 : raw;
  const value = "fields" in field ? decode(field.fields, raw) : decoder.decode(raw);
  if (field.kind !== "strings" && field.kind !== "messages") return value;
  return Array.isArray(before) ? [...before, value] : [value];
}

class Reader {
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get atEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  /** A number of 64 bits, with its sign. */
  varint(): number {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(BigInt.asIntN(64, value));
    }
    throw new UserError("not a message: a number does not end");
  }

  /** A value of that wire type; one of fixed size as bytes, since no field of ours has such a type. */
  value(type: number): number | Uint8Array {
    if (type === VARINT) return this.varint();
    const length = type === BYTES ? this.varint() : type === 1 || type === 5 ? FIXED[type] : -1;
    if (length < 0 || this.at + length > this.bytes.length)
      throw new UserError(`not a message: a value of type ${type} does not end`);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}
