/**
 * Patterns of places in a config.json, for people to read and for looking such places up in a config:
 *
 *     linux.seccomp                       the property, whatever it holds
 *     process.terminal=true               … when it has this value
 *     mounts[type=overlay|fuse]           the elements of a list whose property has one of these values
 *     mounts[options=idmap]               … or is a list that holds it
 *     mounts[uidMappings]                 … or is there at all
 *     process.capabilities.*[=CAP_BPF]    the elements with this value of each of these lists
 *     linux.sysctl["kernel.shmmax"]       a property whose name has dots
 *     *                                   every config
 */

/** One step of a pattern, from a value to some that are in it. */
const STEP =
  /^\.?(?:\["(?<quoted>[^"]*)"\]|\[(?<key>\w*)(?:=(?<element>[^\]]*))?\]|=(?<value>.*)|(?<name>[\w*]+))/;

interface Found {
  readonly path: string;
  readonly value: unknown;
}

/** The paths of the places in `config` that the pattern names, spelled as error messages spell them. */
export function placesOf(pattern: string, config: unknown): readonly string[] {
  if (pattern === "*") return [""];
  let found: readonly Found[] = [{ path: "", value: config }];
  for (let rest = pattern; rest !== ""; ) {
    const step = STEP.exec(rest);
    if (step === null) throw new Error(`the pattern ${pattern} cannot be understood from "${rest}" on`);
    found = found.flatMap((place) => follow(place, step.groups ?? {}));
    rest = rest.slice(step[0].length);
  }
  return found.map(({ path }) => path);
}

function follow(place: Found, step: { readonly [group: string]: string | undefined }): readonly Found[] {
  const { quoted, key, element, value, name } = step;
  const { path, value: here } = place;
  if (value !== undefined) return matches(here, value) ? [place] : [];
  if (key !== undefined) return elements(place).filter((one) => selects(one.value, key, element));
  if (!isObject(here)) return [];
  if (name === "*")
    return Object.entries(here).map(([property, found]) => ({ path: `${path}.${property}`, value: found }));
  const found = here[quoted ?? name ?? ""];
  if (found === undefined) return [];
  if (quoted !== undefined) return [{ path: `${path}["${quoted}"]`, value: found }];
  return [{ path: path === "" ? `${name}` : `${path}.${name}`, value: found }];
}

function elements({ path, value }: Found): readonly Found[] {
  return Array.isArray(value)
    ? value.map((element: unknown, index) => ({ path: `${path}[${index}]`, value: element }))
    : [];
}

function selects(element: unknown, key: string, wanted: string | undefined): boolean {
  const value = key === "" ? element : isObject(element) ? element[key] : undefined;
  return wanted === undefined ? value !== undefined : matches(value, wanted);
}

/** Whether a value, or one in a list, is one of `a|b`. */
function matches(value: unknown, wanted: string): boolean {
  if (Array.isArray(value)) return value.some((one: unknown) => matches(one, wanted));
  return wanted.split("|").includes(String(value));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
