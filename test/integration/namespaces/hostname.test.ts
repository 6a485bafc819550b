// Runs beside other files.
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities, namespaces } from "../../harness/bundle.ts";
import { inside, ran, started } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, succeeded } from "../../harness/runtime.ts";

const DOMAINNAME = "/proc/sys/kernel/domainname";

test("the hostname is config.json's, and the host keeps its own", () => {
  const before = hostname();
  assert.is(inside(["hostname"], { hostname: "web.example" }), "web.example\n");
  assert.is(hostname(), before);
});

test("without one the hostname of the caller goes on in the new namespace", () => {
  assert.is(inside(["hostname"], { hostname: undefined }), `${hostname()}\n`);
});

test("the domainname is config.json's, and the host keeps its own", () => {
  const read = () => readFileSync(DOMAINNAME, "utf8");
  const before = read();
  assert.is(inside(["cat", DOMAINNAME], { domainname: "staff.example" }), "staff.example\n");
  assert.is(read(), before);
});

test("a hostname without a new UTS namespace is refused, as it would be the host's", () => {
  complaint(ran({ hostname: "box", linux: { namespaces: namespaces({ uts: false }) } }));
});

testTsrun("nor is it set in the caller's own UTS namespace, joined by its path", () => {
  for (const name of ["hostname", "domainname"]) {
    const before = hostname();
    const linux = { namespaces: namespaces({ uts: "/proc/self/ns/uts" }) };
    const patch = { hostname: undefined, [name]: "theirs", linux };
    assert.match(
      complaint(ran(patch, { through: ["unshare", "--uts"] })),
      new RegExp(`${name}: would change the host`),
    );
    assert.is(hostname(), before);
  }
});

test("whoever joins the UTS namespace sees the hostname change", () => {
  const process = { capabilities: capabilities(["CAP_SYS_ADMIN"]) };
  using sandbox = started({ args: ["sleep", "60"], hostname: "before", process });
  using member = started({
    args: ["sleep", "60"],
    hostname: undefined,
    linux: { namespaces: namespaces({ uts: `/proc/${sandbox.pid()}/ns/uts` }) },
  });
  assert.is(succeeded(member.exec("hostname")).stdout, "before\n");
  succeeded(sandbox.exec("hostname", "after"));
  assert.is(succeeded(member.exec("hostname")).stdout, "after\n");
});

leavesNothing();
test.run();
