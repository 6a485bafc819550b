/** Variables of a policy's paths: `${name}` stands for each of the variable's literals in turn, `$$` for a dollar. */
import { UserError } from "../../kernel/user-error.ts";

export interface Variable {
  readonly name: string;
  readonly literal?: readonly string[];
}

/** The most paths that one is expanded to. */
const MOST = 1000;

const TOKEN = /\$\$|\$\{([^}]*)(\}?)/;

/** What `text` may be: one text without variables, else one for each combination. @throws UserError at `place` */
export function expand(text: string, variables: readonly Variable[], place: string): readonly string[] {
  const [token, name, end] = TOKEN.exec(text) ?? [];
  if (token === undefined) return [text];
  const at = text.indexOf(token);
  const before = text.slice(0, at);
  const after = expand(text.slice(at + token.length), variables, place);
  const values = name === undefined ? ["$"] : literalsOf(name, end === "}", variables, place);
  if (values.length * after.length > MOST)
    throw new UserError(place, `its variables expand to more than ${MOST} paths`);
  return values.flatMap((value) => after.map((rest) => before + value + rest));
}

function literalsOf(
  name: string,
  isClosed: boolean,
  variables: readonly Variable[],
  place: string,
): readonly string[] {
  if (!isClosed) throw new UserError(place, `\${${name} is not closed: } is missing`);
  const given = variables.filter((variable) => variable.name === name);
  if (given.length === 0) throw new UserError(place, `the policy has no variable ${JSON.stringify(name)}`);
  return given.flatMap(({ literal = [] }) => literal);
}
