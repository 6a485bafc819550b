/**
 * Values on a D-Bus (D-Bus specification, "Type System" and "Marshaling"), little-endian as both architectures are.
 *
 * A signature is a string of types. What JavaScript has for them: a boolean for `b`; numbers for `y n q i u d`; numbers
 * or bigints for `x t`; strings for `s o g`; an array for `a…` (bytes for `ay`), for `(…)` and for `{…}`; for `v` the
 * value with its type.
 */
import { UserError } from "../kernel/user-error.ts";

export type Value = boolean | number | bigint | string | Uint8Array | Variant | readonly Value[];

export interface Variant {
  readonly signature: string;
  readonly value: Value;
}

/** Sizes in bytes, and alignments, of the types that are numbers. */
const SIZES: { readonly [type: string]: number } = { y: 1, n: 2, q: 2, b: 4, i: 4, u: 4, x: 8, t: 8, d: 8 };

/** `["s", "a(sv)", "u"]` for `sa(sv)u`. @throws Error for what is no signature */
export function splitSignature(signature: string): string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length; ) {
    const end = endOfType(signature, at);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}

function endOfType(signature: string, start: number): number {
  const first = signature[start] ?? "";
  if (first === "a") return endOfType(signature, start + 1);
  if (first in SIZES || "sogv".includes(first || "-")) return start + 1;
  const closing = first === "(" ? ")" : first === "{" ? "}" : null;
  let at = start + 1;
  while (closing !== null && at < signature.length && signature[at] !== closing)
    at = endOfType(signature, at);
  if (closing === null || at >= signature.length)
    throw new UserError(`"${signature}" is not a D-Bus signature`);
  return at + 1;
}

/** The types within the brackets of a structure or dictionary entry. */
const members = (type: string) => splitSignature(type.slice(1, -1));

function alignment(type: string): number {
  const first = type[0] ?? "";
  if (first === "(" || first === "{") return 8;
  return SIZES[first] ?? (first === "g" || first === "v" ? 1 : 4);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Values as bytes that begin at a multiple of 8 in their message. */
export function marshal(signature: string, values: readonly Value[]): Uint8Array {
  const writer = new Writer();
  for (const [index, type] of splitSignature(signature).entries()) writer.write(type, values[index]);
  return Uint8Array.from(writer.bytes);
}

class Writer {
  readonly bytes: number[] = [];

  write(type: string, value: Value | undefined): void {
    this.align(alignment(type));
    if (Array.isArray(value)) this.writeMembers(type, value);
    else if (value instanceof Uint8Array) this.writeMembers(type, [...value]);
    else if (typeof value === "string" && "sog".includes(type)) this.text(type, value);
    else if (typeof value === "object" && type === "v")
      this.variant(value as Variant); // the other objects are above
    else if (typeof value === "boolean" && type === "b") this.integer(value ? 1 : 0, 4);
    else if (typeof value === "number" && type === "d") this.double(value);
    else if ((typeof value === "number" || typeof value === "bigint") && type in SIZES)
      this.integer(value, SIZES[type] ?? 0);
    else throw new UserError(`${typeof value} is no value of the D-Bus type ${type}`);
  }

  private writeMembers(type: string, values: readonly Value[]): void {
    if (type[0] === "a") {
      this.array(type.slice(1), values);
      return;
    }
    for (const [index, member] of members(type).entries()) this.write(member, values[index]);
  }

  /** The length does not count the padding in front of the first element. */
  private array(element: string, values: readonly Value[]): void {
    const lengthAt = this.bytes.length;
    this.integer(0, 4);
    this.align(alignment(element));
    const start = this.bytes.length;
    for (const value of values) this.write(element, value);
    const length = this.bytes.length - start;
    for (let i = 0; i < 4; i++) this.bytes[lengthAt + i] = (length >>> (8 * i)) & 0xff;
  }

  /** Signatures have a length of one byte. */
  private text(type: string, text: string): void {
    const bytes = encoder.encode(text);
    this.integer(bytes.byteLength, type === "g" ? 1 : 4);
    this.bytes.push(...bytes, 0);
  }

  private variant({ signature, value }: Variant): void {
    this.write("g", signature);
    this.write(signature, value);
  }

  private integer(value: number | bigint, size: number): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (let i = 0; i < size; i++, rest >>= 8n) this.bytes.push(Number(rest & 0xffn));
  }

  private double(value: number): void {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value, true);
    for (let i = 0; i < 8; i++) this.bytes.push(view.getUint8(i));
  }

  private align(to: number): void {
    while (this.bytes.length % to !== 0) this.bytes.push(0);
  }
}

/** Reads values out of a message; the bytes begin at a multiple of 8 in it. */
export class Reader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
  }

  /** @throws RangeError when the bytes end before the values do */
  readAll(signature: string): Value[] {
    return splitSignature(signature).map((type) => this.read(type));
  }

  private read(type: string): Value {
    this.align(alignment(type));
    if (type[0] === "a") return this.array(type.slice(1));
    if (type[0] === "(" || type[0] === "{") return members(type).map((member) => this.read(member));
    switch (type) {
      case "v":
        return this.variant();
      case "s":
      case "o":
        return this.text(this.view.getUint32(this.take(4), true));
      case "g":
        return this.text(this.view.getUint8(this.take(1)));
      default:
        return this.number(type);
    }
  }

  private number(type: string): Value {
    const at = this.take(SIZES[type] ?? 0);
    const { view } = this;
    if (type === "y") return view.getUint8(at);
    if (type === "n") return view.getInt16(at, true);
    if (type === "q") return view.getUint16(at, true);
    if (type === "i") return view.getInt32(at, true);
    if (type === "x") return view.getBigInt64(at, true);
    if (type === "t") return view.getBigUint64(at, true);
    if (type === "d") return view.getFloat64(at, true);
    return type === "b" ? view.getUint32(at, true) !== 0 : view.getUint32(at, true);
  }

  private array(element: string): Value[] {
    const length = this.view.getUint32(this.take(4), true);
    this.align(alignment(element));
    const end = this.at + length;
    const values: Value[] = [];
    while (this.at < end) values.push(this.read(element));
    return values;
  }

  private variant(): Variant {
    const signature = this.text(this.view.getUint8(this.take(1)));
    const [value] = this.readAll(signature);
    if (value === undefined) throw new RangeError("a D-Bus variant without a type");
    return { signature, value };
  }

  private text(length: number): string {
    const at = this.take(length + 1);
    return decoder.decode(this.bytes.subarray(at, at + length));
  }

  private take(count: number): number {
    const { at } = this;
    this.at += count;
    if (this.at > this.bytes.byteLength) throw new RangeError("a D-Bus message ends too early");
    return at;
  }

  align(to: number): void {
    this.at += (to - (this.at % to)) % to;
  }
}
