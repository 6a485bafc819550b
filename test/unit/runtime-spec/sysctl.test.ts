import { test } from "uvu";
import * as assert from "uvu/assert";
import { sysctlFile } from "../../../runtime-spec/rules-sysctl.ts";
import { accepts, config, refuses, withLinux } from "./claims.ts";

const sysctls = (...names: string[]) => ({ sysctl: Object.fromEntries(names.map((name) => [name, "1"])) });

accepts(
  "sysctls of the container's namespaces",
  withLinux(
    sysctls(
      "net.ipv4.ip_forward",
      "net/ipv4/conf/eth0.1/forwarding",
      "kernel.shmmax",
      "kernel.sem",
      "kernel.msgmnb",
      "fs.mqueue.msg_max",
      "kernel.domainname",
      "kernel.hostname",
    ),
  ),
);
accepts(
  "sysctls of a user namespace of the container's own",
  withLinux({
    namespaces: [{ type: "user", path: "/proc/1/ns/user" }],
    ...sysctls("user.max_net_namespaces", "user/max_inotify_watches"),
  }),
);
accepts(
  "sysctls that say the same as hostname and domainname",
  config({ hostname: "1", domainname: "1" }, {}, sysctls("kernel.hostname", "kernel/domainname")),
);
refuses(
  "sysctls of the host's namespaces",
  withLinux({
    namespaces: [],
    ...sysctls(
      "net.ipv4.ip_forward",
      "kernel.shm_rmid_forced",
      "fs.mqueue.msg_max",
      "kernel.domainname",
      "user.max_user_namespaces",
    ),
  }),
  'linux.sysctl["net.ipv4.ip_forward"] needs { "type": "network" } in linux.namespaces, or it would change the host',
  'linux.sysctl["kernel.shm_rmid_forced"] needs { "type": "ipc" } in linux.namespaces, or it would change the host',
  'linux.sysctl["fs.mqueue.msg_max"] needs { "type": "ipc" } in linux.namespaces, or it would change the host',
  'linux.sysctl["kernel.domainname"] needs { "type": "uts" } in linux.namespaces, or it would change the host',
  'linux.sysctl["user.max_user_namespaces"] needs { "type": "user" } in linux.namespaces, or it would change the host',
);
refuses(
  "sysctls that have no namespace",
  withLinux(sysctls("vm.swappiness", "kernel/core_pattern", "kernel.shmmax2", "network.x")),
  'linux.sysctl["vm.swappiness"] is not namespaced: it would change the host',
  'linux.sysctl["kernel/core_pattern"] is not namespaced: it would change the host',
  'linux.sysctl["kernel.shmmax2"] is not namespaced: it would change the host',
  'linux.sysctl["network.x"] is not namespaced: it would change the host',
);
refuses(
  "sysctls that are paths to elsewhere",
  withLinux(
    sysctls(
      "net/../kernel/core_pattern",
      "net.//.kernel.core_pattern",
      "net",
      "net.ipv4.",
      ".net.x",
      "/net/x",
    ),
  ),
  ...["net/../kernel/core_pattern", "net.//.kernel.core_pattern", "net", "net.ipv4.", ".net.x", "/net/x"].map(
    (name) => `linux.sysctl${/\W/.test(name) ? `["${name}"]` : `.${name}`} is not the name of a sysctl`,
  ),
);
refuses(
  "sysctls that say something else than hostname and domainname",
  config({ hostname: "a", domainname: "b" }, {}, sysctls("kernel.hostname", "kernel/domainname")),
  'linux.sysctl["kernel.hostname"] conflicts with hostname, which sets the same to something else',
  'linux.sysctl["kernel/domainname"] conflicts with domainname, which sets the same to something else',
);

test("the first separator of a sysctl's name tells what the other one stands for", () => {
  assert.is(sysctlFile("net.ipv4.ip_forward"), "net/ipv4/ip_forward");
  assert.is(sysctlFile("net/ipv4/ip_forward"), "net/ipv4/ip_forward");
  assert.is(sysctlFile("net.ipv4.conf.eth0/1.forwarding"), "net/ipv4/conf/eth0.1/forwarding");
  assert.is(sysctlFile("net/ipv4/conf/eth0.1/forwarding"), "net/ipv4/conf/eth0.1/forwarding");
});

test.run();
