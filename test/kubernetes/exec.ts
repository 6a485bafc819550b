/** What people do to running containers with kubectl. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { printed } from "../callers/call.ts";
import { freshDirectory } from "../harness/environment.ts";
import { programAtTerminal } from "../harness/terminal.ts";
import { claims } from "./claims.ts";
import { eventually, KUBECTL, kubectl } from "./node.ts";
import { FOREVER, hasStarted, longSleep, shell, statusOf } from "./pods.ts";

const { claim, all } = claims();
export const exec = all;

claim("exec tells a command's output and exit status", async ({ run }) => {
  await using pod = await run({ containers: [shell(FOREVER)] });
  await pod.ready();
  const call = (...words: string[]) => kubectl(["exec", pod.name, "--", ...words]).ended();
  const { status, stdout, stderr } = await call("sh", "-c", "hostname; echo err >&2; exit 9");
  assert.is(stdout, `${pod.name}\n`);
  assert.match(stderr, /^err\ncommand terminated with exit code 9/);
  assert.is(status, 9);
  const missing = await call("nope");
  assert.is.not(missing.status, 0);
  assert.match(missing.stderr, /executable file not found in \$PATH/);
});

claim("exec passes the standard input on to its end", async ({ run }) => {
  await using pod = await run({ containers: [shell(FOREVER)] });
  await pod.ready();
  const text = "a line\n".repeat(100_000);
  const said = await kubectl(["exec", "-i", pod.name, "--", "sh", "-c", "cat | md5sum"], text).ended();
  assert.match(said.stdout, new RegExp(`^${new Bun.CryptoHasher("md5").update(text).digest("hex")} `));
});

claim("exec at a terminal has one of its size, and its keys", async ({ run }) => {
  await using pod = await run({ containers: [shell(FOREVER)] });
  await pod.ready();
  // containerd learns the size a moment after it has started the command.
  const script = "tty; read word; echo got $word; sleep 1; stty size; exit 5";
  await using terminal = atTerminal("exec", "-it", pod.name, "--", "sh", "-c", script);
  terminal.type("word\n");
  assert.is(await terminal.ended(), 5);
  for (const seen of [/^\/dev\/pts\/\d+\r\n/m, /^got word\r\n/m, /^33 90\r\n/m])
    assert.match(terminal.printed(), seen);
});

claim("attach is at the container's own terminal", async ({ run }) => {
  await using pod = await run({
    containers: [shell("read line; echo got $line; exit 4", { stdin: true, stdinOnce: true, tty: true })],
  });
  await pod.ready();
  await using terminal = atTerminal("attach", "-it", pod.name);
  terminal.type("word\n");
  assert.is((await pod.ended()).exitCode, 4);
  await terminal.until("got word");
});

claim("an ephemeral container sees its target's processes", async ({ run }) => {
  const sleep = longSleep();
  await using pod = await run({ containers: [shell(`exec ${sleep}`)] });
  await pod.ready();
  const debug = ["debug", pod.name, "--image=localhost/tsrun/busybox:1", "--image-pull-policy=Never"];
  printed(
    await kubectl([...debug, "--target=app", "--container=look", "--", "sh", "-c", "ps; hostname"]).ended(),
  );
  const ended = await pod.until(
    ({ status }) => status.ephemeralContainerStatuses?.[0]?.state.terminated !== undefined,
    "it has looked",
  );
  assert.is(statusOf(ended, "look").state.terminated?.exitCode, 0);
  const seen = await pod.log("look");
  assert.match(seen, new RegExp(`^ *1 .*${sleep}$`, "m"));
  assert.match(seen, new RegExp(`^${pod.name}$`, "m"));
});

claim("a port of the pod is forwarded", async ({ run }) => {
  await using pod = await run({ containers: [shell("exec httpd -f -p 127.0.0.1:8080 -h /www")] });
  await pod.ready();
  await using forwarding = kubectl(["port-forward", pod.name, ":8080"]);
  const port = () => /127\.0\.0\.1:(\d+) -> 8080/.exec(forwarding.printed())?.[1];
  await eventually(() => port() !== undefined, "it forwards");
  assert.match(await (await fetch(`http://127.0.0.1:${port()}/`)).text(), /Hello from a pod/);
});

claim("files are copied in and out", async ({ run }) => {
  await using pod = await run({ containers: [shell(FOREVER)] });
  await pod.ready();
  const directory = freshDirectory("copies");
  const [there, back] = [join(directory, "there"), join(directory, "back")];
  mkdirSync(there);
  writeFileSync(join(there, "file"), "content\n");
  printed(await kubectl(["cp", there, `${pod.name}:/tmp/there`]).ended());
  assert.is(printed(await pod.exec(["cat", "/tmp/there/file"])), "content\n");
  printed(await kubectl(["cp", `${pod.name}:/tmp/there`, back]).ended());
  assert.is(readFileSync(join(back, "file"), "utf8"), "content\n");
});

claim("logs tell the streams' lines, however long, and follow", async ({ run }) => {
  await using pod = await run({
    containers: [
      shell("head -c 100000 /dev/zero | tr '\\0' x; echo; sleep 1; echo err >&2; sleep 1; echo last"),
    ],
  });
  await pod.until(hasStarted, "it has started");
  const followed = printed(await kubectl(["logs", "-f", pod.name]).ended());
  assert.equal(
    followed
      .split("\n")
      .sort()
      .map((line) => line.slice(0, 9)),
    ["", "err", "last", "xxxxxxxxx"],
  );
  assert.is(followed.length, 100_000 + "\nerr\nlast\n".length);
});

function atTerminal(...words: string[]) {
  return programAtTerminal([...KUBECTL, ...words], { cwd: "/", env: process.env });
}
