import { UserError } from "../kernel/user-error.ts";

/** `sha256:…` or `sha512:…`. */
export type Digest = string;

/** A digest of bytes that come in pieces. */
export class Digester {
  private readonly algorithm: "sha256" | "sha512";
  private readonly hasher: Bun.CryptoHasher;

  /** Of the same algorithm as another. */
  constructor(like: Digest) {
    this.algorithm = like.startsWith("sha512:") ? "sha512" : "sha256";
    this.hasher = new Bun.CryptoHasher(this.algorithm);
  }

  update(bytes: Uint8Array): void {
    this.hasher.update(bytes);
  }

  /** @throws UserError when it is another; `what` has it */
  expect(digest: Digest, what: string): void {
    const found = `${this.algorithm}:${this.hasher.digest("hex")}`;
    if (found !== digest) throw new UserError(`${what} has the digest ${found}, and should have ${digest}`);
  }
}

/** Enough of a digest to recognize it. */
export const short = (digest: Digest) => `${digest.slice(0, digest.indexOf(":") + 13)}…`;

/** Where image layouts have a blob. */
export const blobPath = (digest: Digest) => `blobs/${digest.replace(":", "/")}`;
