/** Host paths as text; `node:path` costs start-up time that every `create` would pay. */

export function isAbsolute(path: string): boolean {
  return path.startsWith("/");
}

/** Joins and cleans: no empty names, no "." and, by the text alone, no "..". The result is absolute when the first is. */
export function join(...paths: readonly string[]): string {
  const whole = paths.join("/");
  const absolute = whole.startsWith("/");
  const result: string[] = [];
  for (const name of whole.split("/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") result.push(name);
    else if (result.length > 0 && result[result.length - 1] !== "..") result.pop();
    else if (!absolute) result.push("..");
  }
  return `${absolute ? "/" : ""}${result.join("/")}` || ".";
}
