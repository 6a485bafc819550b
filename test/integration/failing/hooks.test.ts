// Runs beside other files.
import { test } from "uvu";
import { namespaces } from "../../harness/bundle.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { eachCall, passOver } from "./each-call.ts";
import { making } from "./making.ts";
import { compileFailing } from "./runtime.ts";

const SLEEP = ["sleep", "60"];
const IDS = [{ containerID: 0, hostID: 100000, size: 65536 }];

/** What an ordinary container has not: ids of its own, hooks, a seccomp filter. */
const MORE = {
  linux: {
    namespaces: namespaces({ user: true, cgroup: true }),
    uidMappings: IDS,
    gidMappings: IDS,
    seccomp: { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["swapon"], action: "SCMP_ACT_ERRNO" }] },
  },
  hooks: {
    createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", "true"] }],
    createContainer: [{ path: "/bin/sh", args: ["sh", "-c", "true"] }],
  },
};

test.before(compileFailing);

testTsrun("a create with ids, hooks and a filter of which any system call fails leaves nothing", async () => {
  passOver(making("create", { args: SLEEP }));
  await eachCall(making("create", { args: SLEEP, ...MORE }));
});

leavesNothing();
test.run();
