// Validation beside the specification's own JSON schemas, for configs that nobody wrote.
import Ajv, { type ErrorObject } from "ajv";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { formatJson } from "../../../runtime-spec/json.ts";
import { type Key, Report } from "../../../runtime-spec/report.ts";
import { type Problem, validateConfig, validateResources } from "../../../runtime-spec/validate.ts";
import { UserError } from "../../../src/kernel/user-error.ts";
import { resourceWrites } from "../../../src/linux/cgroups/resources.ts";
import { aConfig, randomly, SEED, someResources, USUAL_SEED } from "../../conformance/arbitrary.ts";
import { type Difference, MORE_LENIENT, STRICTER } from "../../conformance/differences.ts";
import { DOCUMENTS } from "../../conformance/schema.ts";

/** Draft 4's schemas, which use nothing that later drafts read otherwise. */
const ajv = new Ajv({ strict: false, allErrors: true });
for (const [name, document] of DOCUMENTS) {
  const { $schema: _, ...schema } = Object(document);
  ajv.addSchema({ $id: name, ...schema });
}

/** A complaint of the schemas, and the value that it is about. */
interface Found extends Problem {
  readonly value: unknown;
}

function schemaProblems(config: unknown): Found[] {
  ajv.validate("config-schema.json", config);
  const errors = (ajv.errors ?? []).filter(({ keyword }) => keyword !== "anyOf"); // its parts are there themselves
  return errors.map((error) => placeOf(config, error));
}

/** `/mounts/3/type` as validation writes it: `mounts[3].type`. */
function placeOf(config: unknown, { instancePath, params, message = "" }: ErrorObject): Found {
  const path: Key[] = [];
  let value = config;
  const step = (key: string) => {
    path.push(Array.isArray(value) ? Number(key) : key);
    value = Reflect.get(Object(value), key);
  };
  for (const key of instancePath.split("/").slice(1)) step(key.replaceAll("~1", "/").replaceAll("~0", "~"));
  if (params["missingProperty"] !== undefined) step(params["missingProperty"]);
  return { path: new Report().path(path), message, value };
}

const fits =
  ({ path, message }: Problem) =>
  (difference: Difference) =>
    difference.path.test(path) && difference.message.test(message);

/** Whether a property that others find wrong counts as not set here: Go's callers write these. */
const isUnset = ({ value }: Found) => value === null || value === "";

/** What one side finds in a config and the other doesn't, without being a known difference. */
function disagreements(config: unknown, met: Set<Difference>): string[] {
  const theirs = schemaProblems(JSON.parse(formatJson(config))); // without bigints
  const ours = validateConfig(structuredClone(config)).problems;
  const known = (differences: readonly Difference[], problem: Problem) => {
    const difference = differences.find(fits(problem));
    if (difference !== undefined) met.add(difference);
    return difference !== undefined;
  };
  const more = ours.filter(
    (problem) => !theirs.some(({ path }) => path === problem.path) && !known(STRICTER, problem),
  );
  const less = theirs.filter(
    (problem) =>
      !isUnset(problem) &&
      !ours.some(({ path }) => problem.path.startsWith(path)) &&
      !known(MORE_LENIENT, problem),
  );
  return [
    ...more.map(({ path, message }) => `validation alone: ${path}: ${message}`),
    ...less.map(({ path, message }) => `the schemas alone: ${path}: ${message}`),
  ];
}

for (const [what, wrong] of [
  ["sound", 0],
  ["some wrong", 3],
  ["many wrong", 20],
] as const) {
  test(`validation agrees with the schemas about random configs with ${what} values (seed ${SEED})`, () => {
    fc.assert(
      fc.property(aConfig(wrong), (config) => assert.equal(disagreements(config, new Set()), [])),
      randomly(700, 12),
    );
  });
}

test(`every known difference is met, so that the list has none that is over (seed ${USUAL_SEED})`, () => {
  const met = new Set<Difference>();
  fc.assert(
    fc.property(fc.oneof(aConfig(2, 60), aConfig(9, 60)), (config) => void disagreements(config, met)),
    { seed: USUAL_SEED, numRuns: 3000 },
  );
  const unmet = [...STRICTER, ...MORE_LENIENT].filter((difference) => !met.has(difference));
  assert.equal(
    unmet.map(({ path, message }) => `${path} ${message}`),
    [],
  );
});

test(`validation tells one line with a place for each problem of any JSON, and never fails (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const { problems, warnings } = validateConfig(value);
      for (const { path, message } of [...problems, ...warnings])
        assert.match(`${path}: ${message}`, /^[^\n]*: [a-zA-Z][^\n]*$/);
    }),
    randomly(2000, 10),
  );
});

test(`what validation makes of a sound config is as sound (seed ${SEED})`, () => {
  fc.assert(
    fc.property(aConfig(1), (value) => {
      const first = validateConfig(structuredClone(value));
      const second = validateConfig(structuredClone(first.config));
      assert.equal(second.problems, first.problems);
    }),
    randomly(500, 10),
  );
});

test(`random resources are what to write to cgroup v2, or refused by their place (seed ${SEED})`, () => {
  let written = 0;
  const property = fc.property(someResources(), (value) => {
    const { problems, resources } = validateResources(value);
    if (problems.length > 0) return;
    try {
      for (const { file, value: text, where } of resourceWrites(resources)) {
        assert.match(file, /^[a-z_]+\.[^/]+$/);
        assert.not.match(text, /undefined|NaN|Infinity|e\+|null/);
        assert.match(where, /^linux\.resources\./);
        written += 1;
      }
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      assert.match(error.message, /linux\.resources\./);
    }
  });
  fc.assert(property, randomly(2000, 10));
  assert.ok(written > 100, `${written}`);
});

test.run();
