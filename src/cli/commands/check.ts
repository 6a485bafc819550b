import { type BundleFindings, checkBundle, checkHost, type HostFindings } from "../../check/check.ts";
import { readBundle } from "../../container/bundle.ts";
import { EXIT } from "../../kernel/user-error.ts";
import { type Reasons, reasonsHere } from "../../serve/ask.ts";
import { bundleHtml, hostHtml } from "../check/html.ts";
import { bundleJson, hostJson } from "../check/json.ts";
import { bundleTable, hostTable } from "../check/table.ts";
import { bundleTap, hostTap } from "../check/tap.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { print } from "../output/output.ts";
import type { Session } from "../session/session.ts";

type Format = InvocationOf<"check">["flags"]["format"];

/** All but the table tell everything anyway. */
const OF_HOST: {
  readonly [format in Format]: (findings: HostFindings, all: boolean, served: Reasons) => string;
} = {
  table: hostTable,
  json: (findings, _, served) => hostJson(findings, served),
  tap: hostTap,
  html: (findings, _, served) => hostHtml(findings, served),
};

const OF_BUNDLE: { readonly [format in Format]: (findings: BundleFindings, all: boolean) => string } = {
  table: bundleTable,
  json: bundleJson,
  tap: bundleTap,
  html: bundleHtml,
};

/**
 * `tsrun check`: what this host lets containers do, or what in a bundle it can't honour. Returns 1 if something is
 * missing.
 */
export async function check({ flags }: InvocationOf<"check">, session: Session): Promise<number> {
  const { format } = flags;
  if (flags.bundle === undefined) {
    const findings = await checkHost();
    print(session, OF_HOST[format](findings, flags.all, await reasonsHere(session.caller)));
    return findings.lacking.length === 0 ? 0 : EXIT.failed;
  }
  const findings = await checkBundle(readBundle(flags.bundle, session.caller));
  print(session, OF_BUNDLE[format](findings, flags.all));
  return findings.obstacles.length === 0 ? 0 : EXIT.failed;
}
