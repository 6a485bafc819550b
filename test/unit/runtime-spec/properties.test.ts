import { test } from "uvu";
import * as assert from "uvu/assert";
import { properties } from "../../../runtime-spec/properties.ts";
import { validateConfig } from "../../../runtime-spec/validate.ts";
import { config } from "./claims.ts";

/** A config that has this property only, with a value that no property takes: none is a fraction. */
function configWithWrong(property: string): unknown {
  const steps = property.replaceAll("[]", ".[]").split(".");
  return steps.reduceRight<unknown>((inner, step) => {
    if (step === "[]") return [inner];
    return { [step === "*" ? "any" : step]: inner };
  }, 0.5);
}

for (const property of properties()) {
  test(`a wrong value is found in ${property}`, () => {
    const path = property.replaceAll("[]", "[0]").replaceAll("*", "any");
    const { problems } = validateConfig(configWithWrong(property));
    assert.ok(
      problems.some((problem) => problem.path === path && problem.message.startsWith("must be")),
      JSON.stringify(problems),
    );
  });
}

for (const [what, patch, warned] of [
  ["a plural", { linux: { maskedPath: [] } }, "linux.maskedPath (did you mean maskedPaths?)"],
  [
    "words set off otherwise",
    { process: { cwd: "/", args: ["true"], no_new_privileges: true } },
    "process.no_new_privileges (did you mean noNewPrivileges?)",
  ],
  ["a swap", { linux: { sysclt: {} } }, "linux.sysclt (did you mean sysctl?)"],
  ["in a list", { mounts: [{ destination: "/x", option: [] }] }, "mounts[0].option (did you mean options?)"],
  ["nothing near", { linux: { constructor: 1 } }, "linux.constructor"],
] as const) {
  test(`a property that is not known is warned of, with the nearest name: ${what}`, () => {
    const { problems, warnings } = validateConfig(config(patch as never));
    const [, place = "", guess = ""] = /^(\S+)(.*)$/.exec(warned) ?? [];
    assert.equal(problems, []);
    assert.equal(warnings, [{ path: place, message: `is not known, and ignored${guess}` }]);
  });
}

test("capitals make no difference, as for runc, but are warned of", () => {
  const cpu = { Cpus: "0", shares: 2 };
  const found = validateConfig(
    config({ hostName: "box", linux: { namespaces: [{ type: "uts" }], resources: { CPU: cpu } } } as never),
  );
  assert.equal(found.problems, []);
  assert.is(found.config.hostname, "box");
  assert.equal(found.config.linux?.resources, { cpu: { cpus: "0", shares: 2 } });
  assert.equal(
    found.warnings.map(({ path, message }) => `${path} ${message}`),
    [
      "hostName is not known, and taken for hostname",
      "linux.resources.CPU is not known, and taken for cpu",
      "linux.resources.cpu.Cpus is not known, and taken for cpus",
    ],
  );
});

test("where a property has its own name, another with capitals is ignored", () => {
  const { config: found, warnings } = validateConfig(config({ hostname: "box", Hostname: "x" } as never));
  assert.is(found.hostname, "box");
  assert.equal(warnings, [
    { path: "Hostname", message: "is not known, and ignored (did you mean hostname?)" },
  ]);
});

test("a property that is not known and null is not set", () => {
  assert.equal(validateConfig(config({ unheardOf: null } as never)).warnings, []);
});

test("other platforms' sections are ignored with a warning", () => {
  const sections = { windows: { x: 1 }, solaris: {}, vm: { kernel: {} }, zos: {}, freebsd: {} };
  const { problems, warnings } = validateConfig(config(sections));
  assert.equal(problems, []);
  assert.equal(
    warnings.map(({ path, message }) => `${path} ${message}`),
    [
      "freebsd is for FreeBSD, and ignored",
      "solaris is for Solaris, and ignored",
      "vm is for virtual machines, and ignored",
      "windows is for Windows, and ignored",
      "zos is for z/OS, and ignored",
    ],
  );
});

test.run();
