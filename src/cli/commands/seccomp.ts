import { CAPABILITIES } from "../../../runtime-spec/config-process.ts";
import { requireConfig } from "../../container/bundle.ts";
import { fromCaller } from "../../container/caller/caller.ts";
import { S_IFDIR, S_IFMT } from "../../kernel/constants.ts";
import { readText, statusIfThere } from "../../kernel/files.ts";
import { UserError } from "../../kernel/user-error.ts";
import { answersTo, summaryOf } from "../../linux/seccomp/answers/ask.ts";
import { parseCall } from "../../linux/seccomp/answers/asked-call.ts";
import { Diagrams } from "../../linux/seccomp/answers/diagram.ts";
import { differences } from "../../linux/seccomp/answers/diff.ts";
import { Filter } from "../../linux/seccomp/answers/filter.ts";
import { lint as findings } from "../../linux/seccomp/answers/lint.ts";
import { DOCKER_CAPABILITIES, readProfile } from "../../linux/seccomp/answers/profile.ts";
import { capabilityNamed } from "../flags/process.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { UsageError } from "../grammar/usage-error.ts";
import { oneLine } from "../output/log.ts";
import { complain, print } from "../output/output.ts";
import { differencesJson, differencesTable, isAboutAllowing } from "../seccomp/differences.ts";
import { answersJson, answersTable } from "../seccomp/text.ts";
import type { Session } from "../session/session.ts";

type Asked = InvocationOf<"seccomp">;

/** Exit statuses; 1 is an error, as everywhere. */
const STATUS = { allowed: 0, denied: 3, "it depends": 4, nothing: 0, something: 3 } as const;

/** `tsrun seccomp`: what a profile does about system calls, and why. */
export function seccomp(invocation: Asked, session: Session): number {
  const { flags, globals } = invocation;
  if (flags.diff && flags.lint)
    throw new UsageError("seccomp", "--diff and --lint do not go together", globals);
  if (flags.diff) return diff(invocation, session);
  return flags.lint ? lint(invocation, session) : ask(invocation, session);
}

const isJson = ({ flags }: Asked) => flags.format === "json";

function ask(invocation: Asked, session: Session): number {
  const { args, globals } = invocation;
  if (args.length === 0) throw new UsageError("seccomp", "CALL is missing, as in 'socket(AF_ALG)'", globals);
  const asked = args.map(parseCall);
  const texts = asked.map(({ text }) => text);
  using filter = new Filter(profileOf(named(invocation, session), invocation, session));
  const answers = asked.flatMap((one) => answersTo(filter, one));
  const summary = summaryOf(answers);
  print(session, isJson(invocation) ? answersJson(answers, summary) : answersTable(texts, answers));
  return STATUS[summary];
}

function diff(invocation: Asked, session: Session): number {
  const { args, flags, globals } = invocation;
  const [one, other, ...more] = args;
  const isNamed = flags.bundle !== undefined || flags.profile !== undefined;
  if (one === undefined || other === undefined || more.length > 0 || isNamed)
    throw new UsageError("seccomp", "--diff takes two arguments, each a bundle or a profile", globals);
  const [path, otherPath] = [one, other].map((name) => fileOf(name, session));
  const diagrams = new Diagrams();
  using filter = new Filter(profileOf(path ?? one, invocation, session), diagrams);
  using otherFilter = new Filter(profileOf(otherPath ?? other, invocation, session), diagrams);
  const found = differences(filter, otherFilter);
  print(session, isJson(invocation) ? differencesJson(found) : differencesTable([one, other], found));
  return found.some(isAboutAllowing) ? STATUS.something : STATUS.nothing;
}

function lint(invocation: Asked, session: Session): number {
  const [extra] = invocation.args;
  if (extra !== undefined)
    throw new UsageError(
      "seccomp",
      `--lint takes no CALL, found ${JSON.stringify(extra)}`,
      invocation.globals,
    );
  const path = named(invocation, session);
  using filter = new Filter(profileOf(path, invocation, session));
  const found = findings(filter);
  print(
    session,
    isJson(invocation)
      ? `${JSON.stringify(found, null, 2)}\n`
      : found.map(({ place, problem }) => `${oneLine(`${path}: ${place}: ${problem}`)}\n`).join(""),
  );
  return found.length > 0 ? STATUS.something : STATUS.nothing;
}

/** The file that an argument means: a bundle's config.json, or itself. */
function fileOf(name: string, { caller }: Session): string {
  const status = statusIfThere(fromCaller(caller, name));
  return status !== null && (status.mode & S_IFMT) === S_IFDIR ? `${name}/config.json` : name;
}

/** The file that the flags name. */
function named({ flags, globals }: Asked, session: Session): string {
  const { bundle, profile } = flags;
  if (bundle !== undefined && profile !== undefined)
    throw new UsageError("seccomp", "--bundle and --profile do not go together", globals);
  if (profile !== undefined) return profile;
  requireConfig(fromCaller(session.caller, bundle ?? "."));
  return `${bundle ?? "."}/config.json`;
}

function profileOf(path: string, { flags }: Asked, session: Session) {
  const profile = readProfile(fromCaller(session.caller, path), {
    capabilities: capabilitiesWith(flags.cap),
    kernel: readText("/proc/sys/kernel/osrelease"),
  });
  for (const doubt of profile.doubts) complain(session, `tsrun: warning: ${oneLine(doubt)}`);
  return profile;
}

/** Docker's default capabilities and those that are named, as docker names them too; NONE leaves the former out. */
function capabilitiesWith(given: readonly string[]): ReadonlySet<string> {
  const names = given.map(capabilityNamed);
  const all = new Set<string>(names.includes("CAP_NONE") ? [] : DOCKER_CAPABILITIES);
  for (const name of names) {
    if (name === "CAP_ALL") for (const one of CAPABILITIES) all.add(one);
    else if (CAPABILITIES.includes(name)) all.add(name);
    else if (name !== "CAP_NONE") throw new UserError("seccomp", `--cap ${name}: is not a known capability`);
  }
  return all;
}
