import { readBundle, warningsOf } from "../../container/bundle.ts";
import { UserError } from "../../kernel/user-error.ts";
import { landlockOf } from "../../linux/landlock/annotation.ts";
import { missingNamespaces, wrongNamespaces } from "../../linux/namespaces.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { oneLine } from "../output/log.ts";
import { print } from "../output/output.ts";
import type { Session } from "../session/session.ts";

/** `tsrun validate`: says "valid", or fails with everything that is wrong. */
export async function validate({ flags }: InvocationOf<"validate">, session: Session): Promise<number> {
  const bundle = readBundle(flags.bundle ?? ".", session.caller);
  const { path, config } = bundle;
  const wrong = wrongNamespaces(config);
  if (wrong.length > 0) throw new UserError(wrong.map(({ message }) => message));
  const landlock = await landlockOf(config.annotations, bundle.process, { preservedFds: 0, joins: false });
  if (landlock?.warning) print(session, `warning: ${oneLine(landlock.warning)}\n`);
  for (const warning of [...warningsOf(bundle), ...missingNamespaces(config)])
    print(session, `warning: ${oneLine(warning)}\n`);
  print(session, `${oneLine(path)}: valid\n`);
  return 0;
}
