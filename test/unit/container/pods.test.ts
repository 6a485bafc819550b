import { test } from "uvu";
import * as assert from "uvu/assert";
import type { NamespaceFile, Namespaces } from "../../../src/container/pods/live.ts";
import { type Container, KINDS, podsOf } from "../../../src/container/pods/pods.ts";

const HOST: Namespaces = Object.fromEntries(KINDS.map(({ file }) => [file, `${file}:[1]`]));

let made = 0;

/** A running container with namespaces of its own but for these, each by a number; older than those made after it. */
function box(id: string, numbers: { readonly [file in NamespaceFile]?: number } = {}): Container {
  made += 1;
  const own = Object.fromEntries(KINDS.map(({ file }) => [file, `${file}:[${1000 + made}]`]));
  const given = Object.fromEntries(
    Object.entries(numbers).map(([file, number]) => [file, `${file}:[${number}]`]),
  );
  return {
    ...{ id, runtime: "tsrun", root: "/r", status: "running", bundle: "/b", rootfs: "/b/r", owner: "root" },
    ...{ init: { pid: made, startTime: 1 }, created: new Date(made * 1000).toISOString(), cgroup: null },
    ...{ args: ["true"], annotations: {}, asked: [], namespaces: { ...own, ...given } },
    ...{ uptime: 1, memory: 1, processes: 1, command: ["true"], ending: null },
  };
}

const none = () => null;
const shapes = (containers: readonly Container[], inodeOf = none as (path: string) => string | null) =>
  podsOf(containers, HOST, inodeOf).map(({ sandbox, members }) => [
    sandbox?.id ?? null,
    ...members.map(({ id }) => id),
  ]);

test("containers that share a namespace of a pod's kinds are one pod, also by way of others", () => {
  const a = box("a", { net: 7 });
  const b = box("b", { ipc: 8 });
  const c = box("c", { net: 7, ipc: 8 });
  assert.equal(shapes([a, b, c]), [["a", "a", "b", "c"]]);
  assert.equal(shapes([box("x"), box("y")]), [
    [null, "x"],
    [null, "y"],
  ]);
});

test("the host's namespaces, and kinds that all containers of a user share, make no pod", () => {
  assert.equal(shapes([box("a", { net: 1, user: 5, mnt: 5 }), box("b", { net: 1, user: 5, mnt: 5 })]), [
    [null, "a"],
    [null, "b"],
  ]);
});

test("a pod that has only the host's namespaces is one by the sandbox that its engine names", () => {
  const hosts = { net: 1, ipc: 1, uts: 1, pid: 1 };
  const annotations = { "io.kubernetes.cri.sandbox-id": "box" };
  const [first, sandbox, web] = [
    box("first", hosts),
    box("box", hosts),
    { ...box("web", hosts), annotations },
  ];
  assert.equal(shapes([first, web, sandbox]), [
    [null, "first"],
    ["box", "box", "web"],
  ]);
});

test("the sandbox is the one that engines call so, else whose pid the others name, else the oldest", () => {
  const old = box("old", { net: 7 });
  const named = box("named", { net: 7 });
  assert.equal(shapes([named, old])[0], ["old", "old", "named"]);
  const path = `/proc/${named.init?.pid}/ns/net`;
  const member = { ...box("member", { net: 7 }), asked: [{ type: "network", path }] };
  assert.equal(shapes([old, named, member])[0], ["named", "named", "old", "member"]);
  const called = { ...member, annotations: { "io.kubernetes.cri.container-type": "sandbox" } };
  assert.equal(shapes([old, named, called])[0]?.[0], "member");
});

test("a stopped member stays with those whose namespaces it was to join, by pid or by path", () => {
  const sandbox = box("sandbox", { net: 7 });
  const gone = { status: "stopped", namespaces: {} } as const;
  const path = `/proc/${sandbox.init?.pid}/ns/net`;
  const ended = { ...box("ended"), ...gone, asked: [{ type: "network", path }] };
  assert.equal(shapes([sandbox, ended]), [["sandbox", "sandbox", "ended"]]);
  const pinned = { ...box("pinned"), ...gone, asked: [{ type: "network", path: "/run/netns/x" }] };
  assert.equal(
    shapes([sandbox, pinned], () => "net:[7]"),
    [["sandbox", "sandbox", "pinned"]],
  );
  assert.equal(
    shapes([{ ...sandbox, ...gone }, ended]),
    [["sandbox", "sandbox", "ended"]],
    "also when the sandbox has stopped",
  );
});

test("a pid in a path that no container has is nobody's", () => {
  const ended = {
    ...{ ...box("ended"), status: "stopped" as const, namespaces: {} },
    asked: [{ type: "network", path: "/proc/4000000/ns/net" }],
  };
  assert.equal(
    shapes([box("other"), ended], () => "net:[1]").map(([sandbox]) => sandbox),
    [null, null],
  );
});

test("a circle of stopped containers that name each other ends", () => {
  const gone = { status: "stopped", namespaces: {} } as const;
  const [a, b] = [box("a"), box("b")];
  const naming = (other: Container) => [{ type: "network", path: `/proc/${other.init?.pid}/ns/net` }];
  assert.is(
    podsOf(
      [
        { ...a, ...gone, asked: naming(b) },
        { ...b, ...gone, asked: naming(a) },
      ],
      HOST,
      none,
    ).length > 0,
    true,
  );
});

test("pods and containers have the names that Kubernetes gives them", () => {
  const annotations = {
    "io.kubernetes.cri.sandbox-name": "web-0",
    "io.kubernetes.cri.sandbox-namespace": "shop",
  };
  const sandbox = {
    ...box("f00", { net: 7 }),
    annotations: { ...annotations, "io.kubernetes.cri.container-type": "sandbox" },
  };
  const member = {
    ...box("ba5", { net: 7 }),
    annotations: { ...annotations, "io.kubernetes.cri.container-name": "nginx" },
  };
  const [pod] = podsOf([sandbox, member], HOST, none);
  assert.is(pod?.name, "shop/web-0");
  assert.equal(
    pod?.members.map(({ name }) => name),
    ["", "nginx"],
  );
  assert.equal(shapes([{ ...sandbox, namespaces: {} }])[0], ["f00", "f00"], "a sandbox by itself is a pod");
});

test.run();
