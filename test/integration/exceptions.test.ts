// Runs beside other files.
// The properties of config.json that docs/spec-conformance.md tells to be refused or ignored.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { expand, IGNORED, REFUSED } from "../conformance/claims.ts";
import { container, inside } from "../harness/container.ts";
import { testTsrun } from "../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../harness/leaks.ts";
import { complaint } from "../harness/runtime.ts";

for (const { properties, sample, named } of REFUSED) {
  const [property = ""] = expand(properties);
  testTsrun(`${property} is refused`, async () => {
    const nothingLeft = watchLeaks();
    using box = container(sample);
    const said = complaint(box.call("create", "--bundle", box.bundle.path));
    assert.ok(said.startsWith("tsrun: error: config.json: "), said);
    assert.ok(said.includes(named ?? property.replaceAll("[]", "[0]")), said);
    await nothingLeft("of a refused create");
  });
}

for (const { properties, sample } of IGNORED) {
  const [property = ""] = expand(properties);
  test(`${property} is ignored`, () => {
    assert.is(inside(["echo", "ran"], sample), "ran\n");
  });
}

leavesNothing();
test.run();
