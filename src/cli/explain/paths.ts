/** Which property somebody asks for, however it is written. */
import { nearest } from "../../../runtime-spec/nearest.ts";
import { expand } from "./claims.ts";
import { SPECIFICATION } from "./specification.ts";

/** Every property, sorted, and what the specification says of it. */
export function explainable(): readonly (readonly [property: string, says: string])[] {
  const all = Object.entries(SPECIFICATION).flatMap(([properties, says]) =>
    expand(properties).map((property) => [property, says] as const),
  );
  return all.sort(([one], [other]) => (one < other ? -1 : 1));
}

/**
 * The property that a path means: as error messages name it (`linux.namespaces[2].path`, `linux.sysctl["net.x"]`), with
 * the brackets of lists or without; null for none.
 */
export function propertyAt(path: string, properties: readonly string[]): string | null {
  const asked = stepsOf(path.replace(/^config\.json:\s*/, "").replace(/\s.*$/, ""));
  const exact = properties.find((property) => fits(asked, stepsOf(property)));
  if (exact !== undefined) return exact;
  // An entry of a map of texts, such as a sysctl, is no property by itself.
  return (
    properties.find(
      (property) => OF_TEXTS.includes(property) && fits(asked.slice(0, -1), stepsOf(property)),
    ) ?? null
  );
}

/** The annotation that a path names, however it is quoted; null for another path. */
export function annotationAt(path: string): string | null {
  const [first, ...name] = stepsOf(path.replace(/^config\.json:\s*/, "").replace(/\s.*$/, ""));
  return first === "annotations" && name.length > 0 ? name.join(".") : null;
}

/** Maps whose values are texts. */
const OF_TEXTS = ["annotations", "linux.sysctl", "linux.resources.unified"];

/** `a.b[2].c["d.e"]` as `a`, `b`, `c`, `d.e`. */
function stepsOf(path: string): readonly string[] {
  const steps = [...path.matchAll(/\["([^"]*)"\]|\[\d*\]|([^.[\]]+)/g)];
  return steps.map(([, quoted, name]) => quoted ?? name ?? "").filter((step) => step !== "");
}

function fits(asked: readonly string[], property: readonly string[]): boolean {
  return (
    asked.length === property.length && property.every((step, index) => step === "*" || step === asked[index])
  );
}

/** The most that are suggested. */
const MOST = 4;

/** What may have been meant: properties of that name elsewhere, else the nearest path, else the nearest names. */
export function nearestTo(path: string, properties: readonly string[]): readonly string[] {
  const last = (one: string) => stepsOf(one).at(-1)?.toLowerCase() ?? "";
  const named = properties.filter((property) => last(property) === last(path));
  if (named.length > 0) return named.slice(0, MOST);
  const near = nearest(path, properties);
  if (near !== undefined) return [near];
  const word = nearest(last(path), [...new Set(properties.map(last))]);
  return word === undefined ? [] : properties.filter((property) => last(property) === word).slice(0, MOST);
}
