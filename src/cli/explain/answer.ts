/** `tsrun explain PATH`: a property of config.json, for people to read. */
import { AREAS } from "../../check/areas.ts";
import { EVERY_CONTAINER, type Feature } from "../../check/feature.ts";
import { fill } from "../output/fill.ts";
import { ANNOTATIONS, type HeededAnnotation } from "./annotations.ts";
import { expand } from "./claims.ts";
import { DEEDS, type Deed } from "./deeds.ts";
import { type Standing, standings } from "./standings.ts";
import { knownWords, valueText } from "./value.ts";

const WIDTH = 100;
const LABELS = 15;
/** How many features of `tsrun check` are named. */
const MOST_FEATURES = 5;

/** What is known of a property, below its name. */
export function answerTo(property: string, says: string, properties: readonly string[]): string {
  const { how, test }: Standing = standings().get(property) ?? { how: "", test: null };
  const deed = how.startsWith("applied") ? deedFor(property) : null;
  const below = properties.filter((one) => one !== property && parentOf(one) === property);
  return [
    `${property}\n`,
    row("specification", says),
    row("value", valueText(property)),
    row("tsrun", deed === null || deed.does === "" ? how : `${how}: ${deed.does}`),
    row("system calls", deed?.calls.replaceAll(" ", ", ") ?? ""),
    row("tsrun check", featuresFor(property)),
    row("shown by", test === null ? "" : `test/${test.file}: ${test.title}`),
    row("known", property === "annotations" ? Object.keys(ANNOTATIONS).join(", ") : knownWords(property)),
    row("in it", below.map((one) => one.slice(property.length).replace(/^(\[\])?\./, "")).join(", ")),
  ].join("");
}

/** What is known of an annotation that tsrun heeds, below its name. */
export function answerToAnnotation(name: string, { value, does, calls, document }: HeededAnnotation): string {
  const property = `annotations["${name}"]`;
  return [
    `${property}\n`,
    row("specification", "None: it is tsrun's own, or another program's."),
    row("value", value),
    row("tsrun", `applied: ${does}`),
    row("system calls", calls.replaceAll(" ", ", ")),
    row(
      "tsrun check",
      namesOf(({ config }) => config.includes(property)),
    ),
    row("more", document),
  ].join("");
}

function row(label: string, text: string): string {
  if (text === "") return "";
  const lines = fill(text, WIDTH - LABELS - 2);
  return lines.map((line, index) => `  ${(index === 0 ? label : "").padEnd(LABELS)}${line}\n`).join("");
}

const parentOf = (property: string): string => property.replace(/(\[\]|\.\*)?\.[^.]+$/, "");

/** The property's own, or that of the nearest one above it. */
export function deedFor(property: string): Deed | null {
  const all = new Map(
    Object.entries(DEEDS).flatMap(([properties, deed]) =>
      expand(properties).map((one) => [one, deed] as const),
    ),
  );
  for (let path = property; ; path = parentOf(path)) {
    const deed = all.get(path);
    if (deed !== undefined) return deed;
    if (parentOf(path) === path) return null;
  }
}

/** What of the host it needs, by the names of `tsrun check`. */
function featuresFor(property: string): string {
  return namesOf(({ config }) => config.some((pattern) => isAbout(pattern, property)));
}

function namesOf(isNeeded: (feature: Feature) => boolean): string {
  const all = AREAS.flatMap(({ features }) => features);
  const names = all.filter(isNeeded).map(({ name }) => name);
  const more = names.length - MOST_FEATURES;
  return [...names.slice(0, MOST_FEATURES), ...(more > 0 ? [`and ${more} more`] : [])].join(", ");
}

/** Whether a pattern of `check` (src/check/config-pattern.ts) is about a property, or one above it. */
function isAbout(pattern: string, property: string): boolean {
  if (pattern === EVERY_CONTAINER) return false;
  const path = pattern
    .replace(/\["[^"]*"\]|\[=[^\]]*\]/g, "")
    .replace(/\[(\w+)[^\]]*\]/g, "[].$1")
    .replace(/=.*$/, "")
    .replaceAll(".*", ".∗");
  const steps = path.split(".");
  const own = property.split(".");
  return steps.length <= own.length && steps.every((step, index) => step === "∗" || step === own[index]);
}
