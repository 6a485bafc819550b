// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { container, started } from "../../harness/container.ts";
import { DescriptorSocket, Master } from "../../harness/descriptor-socket.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { runtime, silent } from "../../harness/runtime.ts";
import { onTerminal } from "../../harness/session.ts";
import { atTerminal } from "../../harness/terminal.ts";

const SLEEP = ["sleep", "60"];

// Exec

for (const terminal of [true, false]) {
  const whose = terminal ? "one more terminal than" : "a terminal, unlike";
  test(`exec --tty gives a process ${whose} the container's own process`, async () => {
    using socket = new DescriptorSocket();
    using box = container(terminal ? onTerminal(SLEEP) : { args: SLEEP });
    silent(
      runtime([
        ...["create", "--bundle", box.bundle.path],
        ...(terminal ? ["--console-socket", socket.path] : []),
        box.id,
      ]),
    );
    using _ = terminal ? new Master(socket.receive()) : null;
    box.start();
    const text = "tty; echo spoken > /dev/tty; stty size; stat -c %t:%T /dev/console 2>/dev/null; exit 6";
    await using session = atTerminal(["exec", "--tty", box.id, "sh", "-c", text]);
    assert.is(await session.ended(), 6);
    const number = terminal ? 1 : 0;
    const console = terminal ? "88:0\r\n" : "";
    assert.is(session.printed(), `/dev/pts/${number}\r\nspoken\r\n33 90\r\n${console}`);
    assert.ok(session.isCooked());
  });
}

test("exec without --tty has the caller's streams, also in a container with a terminal", () => {
  using socket = new DescriptorSocket();
  using box = container(onTerminal(SLEEP));
  silent(runtime(["create", "--bundle", box.bundle.path, "--console-socket", socket.path, box.id]));
  using _ = new Master(socket.receive());
  box.start();
  assert.is(box.exec("sh", "-c", "tty; exit 0").stdout, "not a tty\n");
});

test("exec --tty has nothing open but its terminal, which is its user's", async () => {
  using box = started({ args: SLEEP });
  const text = "stat -c %u:%g /dev/pts/0; ls /proc/self/fd | tr '\\n' ' '";
  await using session = atTerminal(["exec", "--tty", "--user", "12:13", box.id, "sh", "-c", text]);
  assert.is(await session.ended(), 0);
  assert.is(session.printed(), "12:5\r\n0 1 2 3 ");
});

test("a program that exec --tty leaves behind does not hold it up", async () => {
  using box = started({ args: SLEEP });
  const text = "trap '' HUP; sleep 60 & echo left";
  await using session = atTerminal(["exec", "--tty", box.id, "sh", "-c", text]);
  assert.is(await session.ended(), 0);
  assert.is(session.printed(), "left\r\n");
});

test("a program that exec --tty leaves behind, and that goes on printing, does not hold it up", async () => {
  using box = started({ args: SLEEP });
  const text = "trap '' HUP; yes & echo left";
  await using session = atTerminal(["exec", "--tty", box.id, "sh", "-c", text]);
  assert.is(await session.ended(), 0);
});

test("Ctrl-C in exec --tty interrupts its program, and not the container's", async () => {
  using box = started({ args: SLEEP });
  await using session = atTerminal(["exec", "--tty", box.id, "sh", "-c", "echo ready; exec sleep 60"]);
  await session.until("ready");
  session.type("\x03");
  assert.is(await session.ended(), 128 + 2);
  assert.ok(session.isCooked());
  assert.is(box.state().status, "running");
});

leavesNothing();
test.run();
