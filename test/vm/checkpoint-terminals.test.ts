// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { container, containerOf } from "../harness/container.ts";
import { DescriptorSocket, Master } from "../harness/descriptor-socket.ts";
import { uniqueId } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { runtime, silent } from "../harness/runtime.ts";
import { atTerminal } from "../harness/terminal.ts";
import { waitUntil } from "../harness/wait.ts";
import { counting, imageDirectory, restore, saved, testCriu } from "./checkpoint.ts";

const TALKER = ["sh", "-c", "stty -echo; i=0; while read line; do i=$((i+1)); echo $i: $line; done"];

testCriu("the terminal of a restored container goes to --console-socket", async () => {
  using first = new DescriptorSocket();
  using box = container({ args: TALKER, process: { terminal: true } });
  silent(runtime(["create", "--console-socket", first.path, "--bundle", box.bundle.path, box.id]));
  box.start();
  using master = new Master(first.receive());
  master.type("one\n");
  await master.until("1: one");
  const images = saved(box);
  using second = new DescriptorSocket();
  using after = containerOf(box.bundle, uniqueId());
  silent(restore(after, images, "--console-socket", second.path));
  using again = new Master(second.receive());
  again.type("two\n");
  await again.until("2: two");
});

testCriu("a restore at a terminal connects the container's with it", async () => {
  using socket = new DescriptorSocket();
  using box = container({ args: TALKER, process: { terminal: true } });
  silent(runtime(["create", "--console-socket", socket.path, "--bundle", box.bundle.path, box.id]));
  box.start();
  using master = new Master(socket.receive());
  master.type("one\n");
  await master.until("1: one");
  const images = saved(box);
  await using session = atTerminal(["restore", "--image-path", images, "--bundle", box.bundle.path, box.id]);
  await waitUntil(() => session.isRaw(), "the caller's terminal lets all keys through");
  session.type("two\n");
  await session.until("2: two");
  session.type("\x04");
  assert.is(await session.ended(), 0);
});

testCriu("at a terminal a checkpoint shows how much is saved, and how long it took", async () => {
  using box = await counting();
  const images = imageDirectory();
  await using session = atTerminal(["checkpoint", "--image-path", images, box.id]);
  assert.is(await session.ended(), 0, session.printed());
  assert.match(session.printed(), /^\r/); // the line that is written again and again
  const [, size = ""] = /: (\d+\.\d) MB, \d+\.\d s, in \S+\r\n$/.exec(session.printed()) ?? [];
  assert.ok(Number(size) > 0, JSON.stringify(session.printed()));
});

leavesNothing();
test.run();
