/** docs/spec-conformance.md out of the claims: `bun test/conformance/document.ts` writes it, a test compares it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Standing, standings } from "../../src/cli/explain/standings.ts";
import { schemaProperties } from "./schema.ts";

export const DOCUMENT = join(import.meta.dir, "../../docs/spec-conformance.md");

const link = (file: string) => `[${file.replace(/\.test\.ts$/, "")}](../test/${file})`;

/** Where a property's row stands: the longest of these that its path starts with. */
const SECTIONS = [
  ["The container", ""],
  ["`process`", "process"],
  ["`mounts`", "mounts"],
  ["`hooks`", "hooks"],
  ["`linux`", "linux"],
  ["`linux.resources`", "linux.resources"],
  ["`linux.seccomp`", "linux.seccomp"],
] as const;

/** The whole text of docs/spec-conformance.md. @throws Error when a property has no claim */
export function conformanceDocument(): string {
  const all = standings();
  const properties = schemaProperties().map(({ path }) => path);
  const rows = (start: string) => properties.filter((path) => sectionOf(path) === start).sort();
  const sections = SECTIONS.map(([title, start]) => section(title, rows(start), all));
  const count = (word: string) =>
    properties.filter((path) => all.get(path)?.how.split(/[,;]| \(/)[0] === word).length;
  return `# Conformance to runtime-spec 1.3

<!-- Made by \`make conformance\` from src/cli/explain/claims.ts: change that, not this. -->

This page lists every property of \`config.json\` in the JSON schemas of
[runtime-spec 1.3.0](https://github.com/opencontainers/runtime-spec/tree/v1.3.0), what tsrun does with it, and the test
that shows it from inside a container. Of ${properties.length}, ${count("applied")} are applied, ${count("refused")} refused with a line that names them,
${count("ignored")} ignored as runc ignores them, and ${count("not for Linux")} are not for Linux. Properties that the schemas do not know are ignored.

\`make test\` runs the tests in \`test/integration\`. \`make test-vm\` runs those in \`test/vm\`, and most of the others again,
on a machine with all controllers of cgroup v2. A test fails if a property of the schemas is missing here or in the
model of \`runtime-spec/\`, if a test that is named here does not exist, or if this file is older than its sources.

${sections.join("\n\n")}
`;
}

function sectionOf(path: string): string {
  const fits = SECTIONS.filter(([, start]) => path === start || /^[.[]/.test(path.slice(start.length)));
  const own = fits.filter(([, start]) => start !== "" && path.startsWith(start)).map(([, start]) => start);
  return own.toSorted((a, b) => b.length - a.length)[0] ?? "";
}

function section(title: string, paths: readonly string[], all: ReadonlyMap<string, Standing>): string {
  const rows = paths.map((path) => {
    const standing = all.get(path);
    if (standing === undefined) throw new Error(`no claim is about ${path}`);
    const { how, test } = standing;
    return `| \`${path}\` | ${how} | ${test === null ? "" : `${link(test.file)}: ${test.title}`} |`;
  });
  return [`## ${title}`, "", "| property | | shown by |", "|---|---|---|", ...rows].join("\n");
}

if (import.meta.main) writeFileSync(DOCUMENT, conformanceDocument());
