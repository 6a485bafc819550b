/** Archives of all kinds, byte by byte: also those that no tar would write. */

const BLOCK = 512;

/** An entry; what is not named is usual. Texts are UTF-8; `\xff` of "binary" ones are bytes. */
export interface Entry {
  readonly name: string | Uint8Array;
  /** The typeflag: "0" is a file, "5" a directory, … */
  readonly type?: string;
  readonly content?: string | Uint8Array;
  readonly link?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly device?: readonly [major: number, minor: number];
  /** Records of an extended header before it. */
  readonly pax?: readonly (readonly [key: string, value: string | Uint8Array])[];
  /** What the header says, where that is not the content's size. */
  readonly size?: number;
  /** GNU tar's magic, as sparse files of the old kind need it. */
  readonly gnu?: boolean;
  /** Bytes that are put into the header. */
  readonly patch?: readonly (readonly [at: number, bytes: Uint8Array])[];
}

export const directory = (name: string, more: Partial<Entry> = {}): Entry => ({
  name,
  type: "5",
  mode: 0o755,
  ...more,
});
export const file = (
  name: string | Uint8Array,
  content: string | Uint8Array = "",
  more: Partial<Entry> = {},
): Entry => ({
  name,
  content,
  ...more,
});
export const symlink = (name: string, link: string): Entry => ({ name, type: "2", link, mode: 0o777 });
export const hardLink = (name: string, link: string): Entry => ({ name, type: "1", link });

/** An archive of these, with its end. */
export function tar(entries: readonly Entry[], end = true): Uint8Array {
  return Buffer.concat([...entries.flatMap(blocks), ...(end ? [new Uint8Array(2 * BLOCK)] : [])]);
}

function blocks(entry: Entry): Uint8Array[] {
  const content = bytes(entry.content ?? "");
  const extended = Buffer.concat((entry.pax ?? []).map(([key, value]) => record(key, bytes(value))));
  const before =
    entry.pax === undefined
      ? []
      : blocks({ name: "PaxHeaders/x", type: "x", content: new Uint8Array(extended) });
  return [...before, header(entry, content.length), padded(content)];
}

const bytes = (value: string | Uint8Array) => (typeof value === "string" ? Buffer.from(value) : value);

function padded(content: Uint8Array): Uint8Array {
  return Buffer.concat([content, new Uint8Array((BLOCK - (content.length % BLOCK)) % BLOCK)]);
}

/** `LENGTH KEY=VALUE\n`, whose length counts its own digits. */
function record(key: string, value: Uint8Array): Uint8Array {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from("\n")]);
}

function header(entry: Entry, length: number): Uint8Array {
  const { name, type = "0", link = "", mode = 0o644, uid = 0, gid = 0, mtime = 1_700_000_000 } = entry;
  const { device = [0, 0], size = length, gnu = false, patch = [] } = entry;
  const block = Buffer.alloc(BLOCK);
  const put = (at: number, value: string | Uint8Array) => block.set(bytes(value), at);
  put(0, bytes(name).subarray(0, 100));
  put(100, octal(mode, 8));
  put(108, octal(uid, 8));
  put(116, octal(gid, 8));
  put(124, octal(size, 12));
  put(136, octal(mtime, 12));
  put(156, type);
  put(157, bytes(link).subarray(0, 100));
  put(257, gnu ? "ustar  \0" : "ustar\u000000");
  put(329, octal(device[0], 8));
  put(337, octal(device[1], 8));
  for (const [at, value] of patch) put(at, value);
  put(148, " ".repeat(8));
  put(
    148,
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
  );
  return block;
}

/** Octal digits, or binary where they don't fit. */
function octal(value: number, length: number): Uint8Array {
  const digits = value.toString(8);
  if (value >= 0 && digits.length < length) return Buffer.from(`${digits.padStart(length - 1, "0")}\0`);
  const binary = Buffer.alloc(length, value < 0 ? 0xff : 0);
  binary.writeBigInt64BE(BigInt(value), length - 8);
  if (value >= 0) binary[0] = (binary[0] ?? 0) | 0x80;
  return binary;
}
