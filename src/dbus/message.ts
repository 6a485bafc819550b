import { UserError } from "../kernel/user-error.ts";
import { marshal, Reader, type Value, type Variant } from "./values.ts";

/** A message on a D-Bus (D-Bus specification, "Message Format"): what systemd and tsrun tell each other. */
export interface Message {
  readonly type: MessageType;
  readonly serial: number;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly errorName?: string;
  /** The serial of the call that this answers. */
  readonly replySerial?: number;
  readonly destination?: string;
  readonly signature?: string;
  readonly body: readonly Value[];
}

type MessageType = "call" | "return" | "error" | "signal";

const TYPES: readonly (MessageType | "invalid")[] = ["invalid", "call", "return", "error", "signal"];

/** The fields of a header by their codes, and their types. */
const FIELDS = [
  [1, "path", "o"],
  [2, "interface", "s"],
  [3, "member", "s"],
  [4, "errorName", "s"],
  [5, "replySerial", "u"],
  [6, "destination", "s"],
  [8, "signature", "g"],
] as const satisfies readonly (readonly [number, keyof Message, string])[];

const LITTLE_ENDIAN = 0x6c; // "l"
const VERSION = 1;
const HEADER = "yyyyuua(yv)";
/** Up to the length of the array of fields. */
export const HEADER_START = 16;
/** The specification's limit. */
const MOST_BYTES = 2 ** 27;

export function encodeMessage(message: Message): Uint8Array {
  const body = marshal(message.signature ?? "", message.body);
  const fields: Value[] = [];
  for (const [code, name, type] of FIELDS) {
    const value = message[name];
    if (value !== undefined) fields.push([code, { signature: type, value }]);
  }
  const type = TYPES.indexOf(message.type);
  const head = [LITTLE_ENDIAN, type, 0, VERSION, body.byteLength, message.serial, fields];
  const header = marshal(HEADER, head);
  const bytes = new Uint8Array(padded(header.byteLength) + body.byteLength);
  bytes.set(header);
  bytes.set(body, padded(header.byteLength));
  return bytes;
}

/** How long a message is whose first HEADER_START bytes these are. @throws UserError for what tsrun can't read */
export function messageLength(start: Uint8Array): number {
  const view = new DataView(start.buffer, start.byteOffset);
  if (start[0] !== LITTLE_ENDIAN || start[3] !== VERSION)
    throw new UserError("the D-Bus answers in a form that tsrun does not know");
  const length = padded(HEADER_START + view.getUint32(12, true)) + view.getUint32(4, true);
  if (length > MOST_BYTES) throw new UserError("the D-Bus sends a message that is too long");
  return length;
}

/** A whole message; what it has of other fields is left out. */
export function decodeMessage(bytes: Uint8Array): Message {
  const reader = new Reader(bytes);
  const [, type, , , , serial, fields] = reader.readAll(HEADER);
  const found: Record<string, Value> = {};
  for (const field of fields as readonly (readonly [number, Variant])[]) {
    const name = FIELDS.find(([code]) => code === field[0])?.[1];
    if (name !== undefined) found[name] = field[1].value;
  }
  reader.align(8);
  const { signature } = found as { signature?: string }; // its type is in FIELDS
  return {
    ...found,
    type: TYPES[type as number] as MessageType, // HEADER says that these are numbers
    serial: serial as number,
    body: reader.readAll(signature ?? ""),
  };
}

function padded(length: number): number {
  return Math.ceil(length / 8) * 8;
}
