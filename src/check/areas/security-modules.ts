import { CWD, fsopen, openat } from "../../kernel/calls.ts";
import { O_RDONLY } from "../../kernel/constants.ts";
import type { Area } from "../feature.ts";
import { put } from "../isolation.ts";

export const securityModules: Area = {
  name: "security modules",
  features: [
    {
      name: "apparmor",
      title: "AppArmor profiles",
      config: ["process.apparmorProfile"],
      probe: ({ subject }) => put(subject, CWD, "/proc/thread-self/attr/apparmor/exec", "exec unconfined"),
    },
    {
      name: "selinux",
      title: "SELinux labels",
      config: ["process.selinuxLabel", "linux.mountLabel"],
      probe({ subject }) {
        subject.do(fsopen("selinuxfs"));
        const label = subject.read(subject.do(openat(CWD, "/proc/thread-self/attr/current", O_RDONLY)));
        put(subject, CWD, "/proc/thread-self/attr/exec", label);
      },
    },
  ],
};
