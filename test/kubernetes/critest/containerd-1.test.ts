// Needs containerd, critest, ginkgo, runc, ip, iptables, /usr/lib/cni/bridge, /usr/lib/cni/portmap.
import { test } from "uvu";
import { testCritest } from "./claims.ts";

await testCritest(1);
test.run();
