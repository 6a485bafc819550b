/** Reads the Test Anything Protocol, version 14, as strictly as its specification is. */

export interface Point {
  readonly ok: boolean;
  readonly name: string;
  readonly skipped: string | null;
  readonly diagnostics: Readonly<Record<string, unknown>>;
}

/** @throws Error when the text is not TAP, or not the points that it plans */
export function parseTap(text: string): readonly Point[] {
  const [version, plan, ...rest] = text.split("\n");
  if (version !== "TAP version 14") throw new Error(`no version: ${version}`);
  const planned = /^1\.\.(\d+)$/.exec(plan ?? "")?.[1];
  if (planned === undefined) throw new Error(`no plan: ${plan}`);
  if (rest.pop() !== "") throw new Error("the last line has no end");
  const points: Point[] = [];
  while (rest.length > 0) points.push(readPoint(rest, points.length + 1));
  if (points.length !== Number(planned)) throw new Error(`${points.length} points, ${planned} planned`);
  return points;
}

function readPoint(lines: string[], number: number): Point {
  const line = lines.shift() ?? "";
  const found = /^(not )?ok (\d+) - ((?:[^\\#]|\\[\\#])*?)(?: # SKIP (.*))?$/.exec(line);
  if (found === null || Number(found[2]) !== number) throw new Error(`not the test point ${number}: ${line}`);
  const [, not, , name = "", skipped = null] = found;
  return { ok: not === undefined, name: name.replace(/\\(.)/g, "$1"), skipped, diagnostics: readYaml(lines) };
}

/** A block of properties, each a line with a JSON value; none at all when the next line begins no block. */
function readYaml(lines: string[]): Record<string, unknown> {
  const properties: Record<string, unknown> = {};
  if (lines[0] !== "  ---") return properties;
  lines.shift();
  for (let line = lines.shift(); line !== "  ..."; line = lines.shift()) {
    const [, key, value] = /^ {2}(\w+): (.*)$/.exec(line ?? "") ?? [];
    if (key === undefined || value === undefined) throw new Error(`no property: ${line}`);
    properties[key] = JSON.parse(value);
  }
  return properties;
}
