import { UserError } from "../../kernel/user-error.ts";
import { annotationAt, explainable, nearestTo, propertyAt } from "../explain/paths.ts";
import { standings } from "../explain/standings.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { print, table } from "../output/output.ts";
import type { Session } from "../session/session.ts";

/** `tsrun explain [PATH]`: what becomes of a property of config.json; without a path, which there are. */
export async function explain({ args: [path] }: InvocationOf<"explain">, session: Session): Promise<number> {
  const all = explainable();
  if (path === undefined) {
    const known = standings();
    const word = (property: string) => known.get(property)?.how.split(/[,;:]| \(/)[0] ?? "";
    print(session, table(all.map(([property, says]) => [property, word(property), says])));
    return 0;
  }
  const annotation = annotationAt(path);
  const own = annotation === null ? null : (await import("../explain/annotations.ts")).heeded(annotation);
  if (annotation !== null && own !== null) {
    const { answerToAnnotation } = await import("../explain/answer.ts");
    print(session, answerToAnnotation(annotation, own));
    return 0;
  }
  const properties = all.map(([property]) => property);
  const property = propertyAt(path, properties);
  if (property === null) throw unknown(path, properties);
  const says = all.find(([one]) => one === property)?.[1] ?? "";
  const { answerTo } = await import("../explain/answer.ts");
  print(session, answerTo(property, says, properties));
  return 0;
}

function unknown(path: string, properties: readonly string[]): UserError {
  const near = nearestTo(path, properties);
  const meant = near.length === 0 ? "" : ` (did you mean ${near.join(" or ")}?)`;
  return new UserError(
    "explain",
    `config.json has no property ${JSON.stringify(path)}${meant}; \`tsrun explain\` lists all`,
  );
}
