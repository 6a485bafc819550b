/** On which lines of a JSON text its values are. */

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+|\n/g;

/** One object or array that is being read. */
interface Open {
  readonly path: string;
  /** The number of the next element; null in an object. */
  index: number | null;
  /** The property whose value comes next. */
  name: string | null;
}

/**
 * The line, from 1, on which each value of a sound JSON text begins, by paths as problems are reported with:
 * `mounts[3].options[0]`, `linux.sysctl["net.core.somaxconn"]`; the property's name, where it has one.
 */
export function linesOf(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  const open: Open[] = [];
  let line = 1;
  for (const [token] of text.matchAll(TOKEN)) {
    const around = open.at(-1);
    if (token === "\n") line += 1;
    else if (token === "}" || token === "]") open.pop();
    else if (token === ",") {
      if (around !== undefined) around.name = null;
    } else if (token !== ":") {
      if (around?.index === null && around.name === null) {
        around.name = JSON.parse(token) as string; // a property's name
        lines.set(pathIn(around), line);
        continue;
      }
      const path = around === undefined ? "" : pathIn(around);
      if (!lines.has(path)) lines.set(path, line);
      if (around !== undefined && around.index !== null) around.index += 1;
      if (token === "{" || token === "[") open.push({ path, index: token === "[" ? 0 : null, name: null });
    }
  }
  return lines;
}

function pathIn({ path, index, name }: Open): string {
  if (index !== null) return `${path}[${index}]`;
  if (name === null || !/^\w+$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === "" ? name : `${path}.${name}`;
}
