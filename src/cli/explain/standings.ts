/** What becomes of each property of config.json, by the claims. */
import { expand, FOREIGN, IGNORED, PARTLY_SHOWN, REFUSED, SHOWN } from "./claims.ts";

export interface Standing {
  /** `applied`, `refused, because …`, `ignored, because …`, `not for Linux (Windows): ignored`. */
  readonly how: string;
  /** The test that shows it, by its file below test/ and its title. */
  readonly test: { readonly file: string; readonly title: string } | null;
}

const EXCEPTIONS_TEST = "integration/exceptions.test.ts";

/** Every property that a claim is about; two claims about one are an error. @throws Error */
export function standings(): ReadonlyMap<string, Standing> {
  const all = new Map<string, Standing>();
  const add = (property: string, standing: Standing) => {
    if (all.has(property)) throw new Error(`two claims about ${property}`);
    all.set(property, standing);
  };
  const partly = new Map(
    Object.entries(PARTLY_SHOWN).flatMap(([properties, why]) =>
      expand(properties).map((one) => [one, why] as const),
    ),
  );
  for (const [file, tests] of Object.entries(SHOWN))
    for (const [title, properties] of Object.entries(tests))
      for (const property of expand(properties)) {
        const but = partly.get(property);
        add(property, { how: but === undefined ? "applied" : `applied; ${but}`, test: { file, title } });
      }
  for (const [word, exceptions] of [
    ["refused", REFUSED],
    ["ignored", IGNORED],
  ] as const)
    for (const [properties, because] of Object.entries(exceptions)) {
      const [first = "", ...others] = expand(properties);
      const test = { file: EXCEPTIONS_TEST, title: `${first} is ${word}` };
      for (const property of [first, ...others]) add(property, { how: `${word}, because ${because}`, test });
    }
  for (const [property, platform] of Object.entries(FOREIGN))
    add(property, { how: `not for Linux (${platform}): ignored`, test: null });
  return all;
}
