/**
 * A policy: the JSON of landlockconfig (https://github.com/landlock-lsm/landlockconfig), as far as that is settled, with
 * masks of the kernel's bits beside the names. As there, rights that a rule gives are handled, and `abi.…` are groups.
 */
import type { Integer } from "../../../runtime-spec/int64.ts";
import { parseJson } from "../../../runtime-spec/json.ts";
import { Report } from "../../../runtime-spec/report.ts";
import {
  array,
  flags,
  type Infer,
  integer,
  object,
  required,
  string,
  stringThat,
} from "../../../runtime-spec/schema.ts";
import { walk } from "../../../runtime-spec/walk.ts";
import type { RulesetRights } from "../../kernel/landlock.ts";
import { UserError } from "../../kernel/user-error.ts";
import { LANDLOCK_ANNOTATION } from "./confinement.ts";
import { NEWEST_ABI, type Part, RIGHTS, rightsOf } from "./rights.ts";
import { expand, type Variable } from "./variables.ts";

/** Rights at a place of the policy. */
interface Given {
  readonly part: Part;
  readonly rights: bigint;
  /** `pathBeneath[0].allowedAccess` */
  readonly place: string;
}

export interface PathRule {
  readonly path: string;
  readonly rights: bigint;
  /** `pathBeneath[0].parent[1]` */
  readonly place: string;
}

interface PortRule {
  readonly port: number;
  readonly rights: bigint;
  readonly place: string;
}

export interface Policy {
  readonly handled: RulesetRights;
  readonly paths: readonly PathRule[];
  readonly ports: readonly PortRule[];
  /** All rights that it speaks of, where it does. */
  readonly given: readonly Given[];
}

const GROUPS = {
  fs: ["abi.all", "abi.read_execute", "abi.read_write"],
  net: ["abi.all"],
  scoped: ["abi.all"],
};
const LAST_PORT = 0xffff;
/** PATH_MAX of linux/limits.h. */
const LONGEST_PATH = 4096;
/** Who may write an annotation need not be trusted with tsrun's memory. */
const MOST_PATHS = 10_000;

const rights = (part: Part, noun: string) =>
  array(flags(noun, [...GROUPS[part], ...RIGHTS[part].map(({ name }) => name)]), 1);

const AccessFs = rights("fs", "a right of Landlock over files");
const AccessNet = rights("net", "a right of Landlock over ports");
const Scope = rights("scoped", "a scope of Landlock");

/** A path, which may have variables. */
const path = stringThat((text) =>
  text.length < LONGEST_PATH ? undefined : `must be shorter than ${LONGEST_PATH}`,
);

/** As in landlockconfig: how a variable may be called. */
const variableName = stringThat((name) =>
  /^[A-Za-z]\w*$/.test(name) ? undefined : "must be a letter, and letters, digits or _ after it",
);

const Document = object({
  abi: integer(1, 0x7fff_ffff),
  variable: array(object({ name: required(variableName), literal: array(string, 1) }), 1),
  ruleset: array(object({ handledAccessFs: AccessFs, handledAccessNet: AccessNet, scoped: Scope }), 1),
  pathBeneath: array(object({ allowedAccess: required(AccessFs), parent: required(array(path, 1)) }), 1),
  netPort: array(
    object({ allowedAccess: required(AccessNet), port: required(array(integer(0, LAST_PORT), 1)) }),
    1,
  ),
});

type Document = Infer<typeof Document>;

/** A place in the policy, as errors name it. */
export const placeIn = (place: string): string =>
  `config.json: annotations["${LANDLOCK_ANNOTATION}"]${place === "" ? "" : `.${place}`}`;

/** Reads a policy. @throws UserError with all that is wrong; JsonError */
export function readPolicy(text: string): Policy {
  const value = parseJson(text, placeIn(""));
  const report = new Report();
  walk(Document, value, report, new Map());
  // A part of a policy that is not understood would not confine anything.
  const unknown = report.warnings.map(({ path }) => ({ path, message: "is not known to tsrun" }));
  const problems = [...report.problems, ...unknown].map(
    ({ path, message }) => `${placeIn(path)}: ${message}`,
  );
  if (problems.length > 0) throw new UserError(problems);
  return policyOf(value as Document); // the walk has shown that it is one
}

function policyOf(document: Document): Policy {
  const { abi, variable = [], ruleset = [], pathBeneath = [], netPort = [] } = document;
  const given: Given[] = [];
  const mask = (part: Part, words: readonly (string | Integer)[] = [], place: string): bigint => {
    const rights = words.reduce<bigint>((all, word) => all | bitsOf(part, word, abi, place), 0n);
    given.push({ part, rights, place });
    return rights;
  };
  for (const [index, { handledAccessFs, handledAccessNet, scoped }] of ruleset.entries()) {
    mask("fs", handledAccessFs, `ruleset[${index}].handledAccessFs`);
    mask("net", handledAccessNet, `ruleset[${index}].handledAccessNet`);
    mask("scoped", scoped, `ruleset[${index}].scoped`);
  }
  const paths: PathRule[] = [];
  for (const [index, { allowedAccess, parent }] of pathBeneath.entries()) {
    const rights = mask("fs", allowedAccess, `pathBeneath[${index}].allowedAccess`);
    for (const [at, path] of parent.entries()) {
      const place = `pathBeneath[${index}].parent[${at}]`;
      for (const one of pathsOf(path, variable, place)) paths.push({ path: one, rights, place });
      if (paths.length > MOST_PATHS)
        throw new UserError(placeIn(place), `exceeds the ${MOST_PATHS} paths that a policy may have`);
    }
  }
  const ports = netPort.flatMap(({ allowedAccess, port }, index) => {
    const rights = mask("net", allowedAccess, `netPort[${index}].allowedAccess`);
    return port.map((one, at) => ({ port: one, rights, place: `netPort[${index}].port[${at}]` }));
  });
  const all = (part: Part) => given.reduce((mask, one) => (one.part === part ? mask | one.rights : mask), 0n);
  const handled = { fs: all("fs"), net: all("net"), scoped: all("scoped") };
  if (handled.fs === 0n && handled.net === 0n && handled.scoped === 0n)
    throw new UserError(placeIn(""), "restricts nothing: it needs a ruleset, a pathBeneath or a netPort");
  return { handled, paths, ports, given };
}

/** A `parent`, without variables. @throws UserError */
function pathsOf(path: string, variables: readonly Variable[], place: string): readonly string[] {
  const paths = expand(path, variables, placeIn(place));
  for (const one of paths) {
    if (!one.startsWith("/"))
      throw new UserError(placeIn(place), `must be absolute, found ${JSON.stringify(one)}`);
    if (one.length >= LONGEST_PATH)
      throw new UserError(placeIn(place), `must be shorter than ${LONGEST_PATH}`);
  }
  return paths;
}

/** The bits of a right's name, of a group's, or of a mask. @throws UserError for a group without `abi` */
function bitsOf(part: Part, word: string | Integer, abi: number | undefined, place: string): bigint {
  if (typeof word !== "string") return BigInt(word);
  const right = RIGHTS[part].find(({ name }) => name === word);
  if (right !== undefined) return right.bit;
  if (abi === undefined)
    throw new UserError(
      placeIn(place),
      `${word} depends on the ABI: the policy must name one, as in "abi": ${NEWEST_ABI}`,
    );
  const all = rightsOf(part, abi);
  const named = (...names: readonly string[]) =>
    RIGHTS[part].reduce((mask, { name, bit }) => (names.includes(name) ? mask | bit : mask), 0n);
  if (word === "abi.read_execute") return all & named("execute", "read_file", "read_dir", "refer");
  return word === "abi.read_write" ? all & ~named("execute") : all;
}
