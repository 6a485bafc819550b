// Runs beside other files.
// The properties of config.json that docs/spec-conformance.md tells to be refused or ignored.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { expand, IGNORED, REFUSED } from "../../src/cli/explain/claims.ts";
import { SAMPLES } from "../conformance/samples.ts";
import { container, inside } from "../harness/container.ts";
import { testTsrun } from "../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../harness/leaks.ts";
import { complaint } from "../harness/runtime.ts";

for (const properties of Object.keys(REFUSED)) {
  const [property = ""] = expand(properties);
  testTsrun(`${property} is refused`, async () => {
    const nothingLeft = watchLeaks();
    using box = container(SAMPLES[properties]);
    const said = complaint(box.call("create", "--bundle", box.bundle.path));
    assert.ok(said.startsWith("tsrun: error: config.json: "), said);
    assert.ok(said.includes(property.replaceAll("[]", "[0]")), said);
    await nothingLeft("of a refused create");
  });
}

for (const properties of Object.keys(IGNORED)) {
  const [property = ""] = expand(properties);
  test(`${property} is ignored`, () => {
    assert.ok(SAMPLES[properties] !== undefined);
    assert.is(inside(["echo", "ran"], SAMPLES[properties]), "ran\n");
  });
}

leavesNothing();
test.run();
