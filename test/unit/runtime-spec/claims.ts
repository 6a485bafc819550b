/** Claims about what validation finds in a small config with something changed. */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Problem, validateConfig } from "../../../runtime-spec/validate.ts";

type Json = Record<string, unknown>;

const NAMESPACES = ["pid", "network", "mount", "ipc", "uts"].map((type) => ({ type }));

/** A config without faults; each of the parts replaces what stands there. */
export function config(top: Json = {}, process: Json = {}, linux: Json = {}): Json {
  return {
    ociVersion: "1.3.0",
    process: { cwd: "/", args: ["true"], ...process },
    root: { path: "rootfs" },
    linux: { namespaces: NAMESPACES, ...linux },
    ...top,
  };
}

export const withProcess = (process: Json) => config({}, process);
export const withLinux = (linux: Json) => config({}, {}, linux);
export const withResources = (resources: Json) => withLinux({ resources });
export const withNamespaces = (...namespaces: Json[]) => withLinux({ namespaces });

const lines = (found: readonly Problem[]) => found.map(({ path, message }) => `${path} ${message}`);

/** Claims that validation finds exactly these problems ("path message"), and no warning. */
export function refuses(claim: string, value: unknown, ...problems: string[]): void {
  test(claim, () => {
    const found = validateConfig(value);
    assert.equal(lines(found.problems), problems);
    assert.equal(lines(found.warnings), []);
  });
}

/** Claims that validation finds exactly these warnings, and no problem. */
export function warns(claim: string, value: unknown, ...warnings: string[]): void {
  test(claim, () => {
    const found = validateConfig(value);
    assert.equal(lines(found.problems), []);
    assert.equal(lines(found.warnings), warnings);
  });
}

/** Claims that validation finds nothing to say. */
export function accepts(claim: string, value: unknown): void {
  refuses(claim, value);
}
