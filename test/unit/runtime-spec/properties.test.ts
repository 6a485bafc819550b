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
