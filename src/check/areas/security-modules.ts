import { CWD, fsopen, openat, prctl } from "../../kernel/calls.ts";
import { O_RDONLY, PR_SET_NO_NEW_PRIVS } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import {
  LANDLOCK_ACCESS_FS_READ_DIR,
  landlockCreateRuleset,
  landlockRestrictSelf,
  landlockVersion,
} from "../../kernel/landlock.ts";
import { LANDLOCK_ANNOTATION } from "../../linux/landlock/confinement.ts";
import type { Area } from "../feature.ts";
import { put } from "../isolation.ts";
import { Missing } from "../verdict.ts";

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
    {
      name: "landlock",
      title: "Landlock rulesets",
      config: [`annotations["${LANDLOCK_ANNOTATION}"]`],
      probe({ subject }) {
        const abi = subject.do(landlockVersion());
        subject.do(prctl(PR_SET_NO_NEW_PRIVS, 1));
        const handled = { fs: BigInt(LANDLOCK_ACCESS_FS_READ_DIR), net: 0n, scoped: 0n };
        subject.do(landlockRestrictSelf(subject.do(landlockCreateRuleset(handled))));
        if (subject.attempt(openat(CWD, "/", O_RDONLY)) !== -ERRNO.EACCES)
          throw new Missing("landlock_restrict_self: what it forbids is not forbidden");
        return `ABI ${abi}`;
      },
    },
  ],
};
