// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities, namespaces } from "../../harness/bundle.ts";
import { inside, started } from "../../harness/container.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { succeeded } from "../../harness/runtime.ts";

test("a new network namespace has the loopback, and nothing else", () => {
  assert.is(inside(["ls", "/sys/class/net"]), "lo\n");
});

test("the loopback of a new network namespace is up, with its addresses", () => {
  const seen = inside(["ip", "addr", "show", "lo"]);
  assert.match(seen, /<LOOPBACK,UP,LOWER_UP>/);
  assert.match(seen, /inet 127\.0\.0\.1\/8/);
});

test("a server and a client of one container meet on 127.0.0.1", () => {
  const script = [
    "echo hello > /tmp/page",
    "httpd -p 127.0.0.1:8080 -h /tmp",
    "wget -q -O - http://127.0.0.1:8080/page",
  ].join(" && ");
  assert.is(inside(["sh", "-c", script]), "hello\n");
});

test("two containers with network namespaces of their own don't hear each other", () => {
  using server = started({ args: ["sh", "-c", "httpd -f -p 127.0.0.1:8080 -h /"] });
  const seen = inside(["sh", "-c", "wget -q -O - http://127.0.0.1:8080/ 2>&1 || true"]);
  assert.match(seen, /refused/);
  assert.is(server.state().status, "running");
});

test("the loopback of a joined network namespace is left as it is", () => {
  const process = { capabilities: capabilities(["CAP_NET_ADMIN"]) };
  using sandbox = started({ args: ["sleep", "60"], process });
  succeeded(sandbox.exec("ip", "link", "set", "lo", "down"));
  const network = `/proc/${sandbox.pid()}/ns/net`;
  const seen = inside(["ip", "link", "show", "lo"], { linux: { namespaces: namespaces({ network }) } });
  assert.not.match(seen, /[<,]UP[,>]/);
});

leavesNothing();
test.run();
