import { test } from "uvu";
import * as assert from "uvu/assert";
import { enableControllers } from "../../../../src/linux/cgroups/controllers.ts";
import { FakeHierarchy } from "./fake-cgroup.ts";

/** A hierarchy with the cgroup /pod/box in it, none of whose controllers is enabled anywhere. */
function hierarchy(offered: string, files: { readonly [path: string]: string } = {}): FakeHierarchy {
  return new FakeHierarchy({
    "cgroup.controllers": `${offered}\n`,
    "cgroup.subtree_control": "",
    "pod/cgroup.subtree_control": "",
    "pod/box/cgroup.controllers": "\n",
    "pod/box/cgroup.subtree_control": "",
    ...files,
  });
}

const enable = (host: FakeHierarchy, ...required: readonly string[]) =>
  enableControllers(
    host.mount,
    `${host.mount}/pod/box`,
    new Map(required.map((name) => [name, `linux.resources.${name}`])),
  );

test("controllers are enabled in every cgroup above the container's, not in its own", () => {
  using host = hierarchy("hugetlb");
  enable(host, "hugetlb");
  assert.is(host.read("cgroup.subtree_control"), "+hugetlb");
  assert.is(host.read("pod/cgroup.subtree_control"), "+hugetlb");
  assert.is(host.read("pod/box/cgroup.subtree_control"), "");
});

test("all that the host has are enabled, whether a limit needs them or not", () => {
  using host = hierarchy("cpuset cpu io memory hugetlb pids rdma misc");
  enable(host, "pids");
  assert.is(host.read("pod/cgroup.subtree_control"), "+cpuset +cpu +io +memory +hugetlb +pids +rdma +misc");
});

test("nothing is written where all is enabled already", () => {
  using host = hierarchy("cpu io memory pids", {
    "pod/box/cgroup.controllers": "cpu io memory pids hugetlb\n",
  });
  enable(host, "memory", "hugetlb");
  assert.is(host.read("cgroup.subtree_control"), "");
});

test("only what a cgroup lacks is written to it", () => {
  using host = hierarchy("hugetlb rdma", { "cgroup.subtree_control": "hugetlb\n" });
  enable(host, "hugetlb", "rdma");
  assert.is(host.read("cgroup.subtree_control").slice(0, 5), "+rdma");
  assert.is(host.read("pod/cgroup.subtree_control"), "+hugetlb +rdma");
});

test.run();
