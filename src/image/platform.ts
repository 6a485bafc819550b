import { UserError } from "../kernel/user-error.ts";
import type { Platform } from "./documents.ts";

/** Architectures as images name them, by this program's name. */
const ARCHITECTURES: { readonly [architecture: string]: string } = { x64: "amd64" };

/** The variant that an architecture has when none is named (containerd's platforms package). */
const USUAL_VARIANT: { readonly [architecture: string]: string } = { arm64: "v8", arm: "v7", amd64: "v1" };

export interface Wanted {
  readonly os: string;
  readonly architecture: string;
  readonly variant: string | undefined;
}

/** This machine's platform. */
export function ownPlatform(): Wanted {
  return { os: "linux", architecture: ARCHITECTURES[process.arch] ?? process.arch, variant: undefined };
}

/** Reads `linux/arm64` or `linux/arm/v7`. @throws UserError */
export function readPlatform(text: string): Wanted {
  const [, os, architecture, variant] = /^([^/]+)\/([^/]+)(?:\/([^/]+))?$/.exec(text) ?? [];
  if (os === undefined || architecture === undefined)
    throw new UserError(`--platform ${text}`, "is not a platform such as linux/amd64 or linux/arm/v7");
  return { os, architecture, variant };
}

/** Whether an image is for a platform. One that doesn't say what it is for is for all. */
export function suits({ os, architecture, variant }: Platform, wanted: Wanted): boolean {
  if (os !== undefined && os !== wanted.os) return false;
  if (architecture !== undefined && architecture !== wanted.architecture) return false;
  if (variant === undefined || wanted.variant === undefined) return true;
  return variant === wanted.variant;
}

/** Whether it is the very one: of several that suit, the one without a variant, or with the usual one. */
export function isUsual({ variant }: Platform, wanted: Wanted): boolean {
  return (
    (variant ?? USUAL_VARIANT[wanted.architecture]) === (wanted.variant ?? USUAL_VARIANT[wanted.architecture])
  );
}

export function platformName({ os = "?", architecture = "?", variant }: Platform | Wanted): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}
