/**
 * What a tsrun consists of, as a software bill of materials in CycloneDX 1.6 (https://cyclonedx.org): `sbom.ts MACHINE
 * BINARY EPOCH`. That is Bun, with the libraries in it, and tsrun itself: no npm package is part of it.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const PROJECT = resolve(import.meta.dir, "..");

/** The package with Bun's binary for a machine, as npm names it. */
const BUNS: Readonly<Record<string, string>> = {
  x86_64: "@oven/bun-linux-x64",
  aarch64: "@oven/bun-linux-aarch64",
};

/** What `process.versions` has that is no library in Bun: interfaces that it offers, and what it was compiled with. */
const NO_LIBRARIES: ReadonlySet<string> = new Set([
  ...["node", "bun", "openssl", "v8", "uv", "napi", "modules"],
  ...["unicode", "typescript", "zig"],
]);

/** What tsrun loads when it runs, out of the system. */
const LOADED = [
  { name: "glibc", scope: "required", description: "the C library, 2.17 or newer" },
  { name: "libseccomp", scope: "optional", description: "compiles linux.seccomp" },
] as const;

interface Locked {
  readonly version: string;
  readonly license: string;
  readonly integrity: string;
}

/** @throws Error for a machine that Bun isn't locked for */
function billOfMaterials(machine: string, binary: Uint8Array, epoch: number) {
  const { version, license } = readJson("package.json") as { version: string; license: string };
  const name = BUNS[machine] ?? "";
  const { packages } = readJson("package-lock.json") as { packages: Record<string, Locked> };
  const bun = packages[`node_modules/${name}`];
  if (bun === undefined) throw new Error(`package-lock.json has no Bun for ${machine}`);
  const hash = createHash("sha256").update(binary).digest("hex");
  const own = `tsrun@${version}`;
  const bunReference = `pkg:npm/${name.replace("@", "%40")}@${bun.version}`;
  const libraries = Object.entries(process.versions)
    .filter(([library]) => !NO_LIBRARIES.has(library))
    .map(([library, of]) => ({ type: "library", name: library, version: of ?? "" }));
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuidOf(hash)}`,
    version: 1,
    metadata: {
      timestamp: new Date(epoch * 1000).toISOString().replace(".000", ""),
      component: {
        ...{ type: "application", "bom-ref": own, name: "tsrun", version },
        hashes: [{ alg: "SHA-256", content: hash }],
        licenses: [{ license: { id: license } }],
        properties: [{ name: "machine", value: machine }],
      },
    },
    components: [
      {
        ...{ type: "framework", "bom-ref": bunReference, name: "bun", version: bun.version },
        ...{ purl: bunReference, licenses: [{ license: { id: bun.license } }] },
        description: "the JavaScript runtime that tsrun is compiled with; its archive has this hash",
        hashes: [{ alg: "SHA-512", content: digestIn(bun.integrity) }],
        components: libraries,
      },
      ...LOADED.map((library) => ({ type: "library", "bom-ref": library.name, ...library })),
    ],
    dependencies: [{ ref: own, dependsOn: [bunReference, ...LOADED.map((library) => library.name)] }],
  };
}

const readJson = (file: string): unknown => JSON.parse(readFileSync(join(PROJECT, file), "utf8"));

/** The digest in hexadecimal of an integrity of npm's, such as `sha512-…`. */
const digestIn = (integrity: string) =>
  Buffer.from(integrity.replace(/^sha512-/, ""), "base64").toString("hex");

/** A UUID of version 8 (RFC 9562) for what has this hash. */
function uuidOf(hash: string): string {
  const fields = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`, `8${hash.slice(17, 20)}`];
  return [...fields, hash.slice(20, 32)].join("-");
}

if (import.meta.main) {
  const [, , machine = "", file = "", epoch = ""] = process.argv;
  console.log(JSON.stringify(billOfMaterials(machine, readFileSync(file), Number(epoch)), null, 2));
}
