// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities, namespaces } from "../harness/bundle.ts";
import { type Container, inside, started } from "../harness/container.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { command } from "../harness/mount.ts";
import { succeeded } from "../harness/runtime.ts";
import { waitUntil } from "../harness/wait.ts";

/** A container that holds a network namespace, with the capability that ping(8) asks for. */
function sandbox(): Container {
  return started({ args: ["sleep", "60"], process: { capabilities: capabilities(["CAP_NET_RAW"]) } });
}

/** A veth pair between the host and a sandbox, as a CNI plugin makes it: host 10.0.N.1, sandbox 10.0.N.2. */
function wired(box: Container, subnet: number): Disposable {
  const [pid, host] = [String(box.pid()), `host${subnet}`];
  const within = (...args: string[]) => command("nsenter", "-t", pid, "-n", "ip", ...args);
  command("ip", "link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", pid);
  command("ip", "addr", "add", `10.0.${subnet}.1/24`, "dev", host);
  command("ip", "link", "set", host, "up");
  within("addr", "add", `10.0.${subnet}.2/24`, "dev", "eth0");
  within("link", "set", "eth0", "up");
  within("route", "add", "default", "via", `10.0.${subnet}.1`);
  return { [Symbol.dispose]: () => void command("ip", "link", "del", host) };
}

const PING = ["ping", "-c", "1", "-W", "3"] as const;

test("host and sandbox reach each other through a veth pair", () => {
  using box = sandbox();
  using _ = wired(box, 1);
  command(...PING, "10.0.1.2");
  succeeded(box.exec(...PING, "10.0.1.1"));
});

test("the pair goes with its sandbox", async () => {
  const box = sandbox();
  const pair = wired(box, 2);
  box.delete("--force");
  const links = () => command("ip", "-o", "link");
  await waitUntil(() => !links().includes("host2"), "the host's end is gone").catch((error) => {
    pair[Symbol.dispose]();
    throw error;
  });
});

test("two sandboxes don't see each other's addresses", () => {
  using one = sandbox();
  using other = sandbox();
  using _one = wired(one, 3);
  using _other = wired(other, 4);
  succeeded(one.exec(...PING, "10.0.3.1"));
  assert.is.not(one.exec("ping", "-c", "1", "-W", "1", "10.0.4.2").status, 0);
});

test("a workload of the sandbox has its address, and meets others on localhost", () => {
  using box = sandbox();
  using _ = wired(box, 5);
  const network = `/proc/${box.pid()}/ns/net`;
  const member = { linux: { namespaces: namespaces({ network }) }, hostname: undefined };
  using server = started({ args: ["httpd", "-f", "-p", "8080", "-h", "/www"], ...member });
  const fetch = "for n in $(seq 20); do wget -q -O - http://127.0.0.1:8080/ && exit; sleep 0.1; done; exit 1";
  assert.match(inside(["sh", "-c", fetch], member), /Hello from a pod/);
  assert.match(command("wget", "-q", "-O", "-", "http://10.0.5.2:8080/"), /Hello from a pod/);
  assert.is(server.state().status, "running");
});

leavesNothing();
test.run();
