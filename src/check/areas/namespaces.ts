import { mapGranted } from "../../container/init/ordinary-mappings.ts";
import type { Call } from "../../kernel/call.ts";
import { CWD, prctl, readlinkat, setgroups, setresgid, setresuid, unshare } from "../../kernel/calls.ts";
import { CLONE_NEWTIME, CLONE_NEWUSER, PR_SET_DUMPABLE } from "../../kernel/constants.ts";
import { NAMESPACES } from "../../linux/namespaces.ts";
import { type Area, EVERY_CONTAINER, type Feature } from "../feature.ts";
import { mapOwn, mapRange } from "../isolation.ts";
import { OWN } from "../own.ts";
import type { Subject } from "../subject.ts";
import { Missing } from "../verdict.ts";

const decoder = new TextDecoder();

/** As whom, when the caller is root, it is tried what an ordinary user may. */
const NOBODY = 65_534;

function kindFeature({ type, flag, file }: (typeof NAMESPACES)[number]): Feature {
  return {
    name: `namespace.${type}`,
    title: `${type} namespace`,
    config: type === "mount" ? [EVERY_CONTAINER] : [`linux.namespaces[type=${type}]`],
    probe({ subject }) {
      // A new time namespace is for processes that are born later (time_namespaces(7)).
      const inherited = flag === CLONE_NEWTIME;
      if (inherited) subject.do(unshare(flag));
      const child = subject.child(inherited ? 0 : flag);
      if (namespaceOf(child, file) === namespaceOf(subject, file))
        throw new Missing("clone3: the new process is in the old namespace");
    },
  };
}

function namespaceOf(subject: Subject, file: string): string {
  return decoder.decode(subject.ask(readlinkat(CWD, `/proc/thread-self/ns/${file}`, { room: 64 })));
}

export const namespaces: Area = {
  name: "namespaces",
  features: [
    ...NAMESPACES.map(kindFeature).reverse(),
    {
      name: "namespace.user.range",
      title: "user namespace with a range of ids",
      config: ["linux.uidMappings", "linux.gidMappings"],
      places: () => [], // a bundle's own mappings are tried instead: user-namespace-features.ts
      probe({ outsider }) {
        const child = outsider.child(CLONE_NEWUSER);
        if (OWN.uid === 0) mapRange(child);
        else mapGranted(OWN, child.pid);
      },
    },
    {
      name: "namespace.user.ordinary",
      title: "user namespace of an ordinary user",
      config: [],
      probe({ subject }) {
        if (OWN.uid !== 0) return; // the trial is in one already
        subject.changeRights(...becoming(NOBODY, NOBODY), unshare(CLONE_NEWUSER));
        mapOwn(subject, NOBODY, NOBODY);
      },
    },
  ],
};

/** Makes the process somebody's who owns its files in /proc. */
function becoming(uid: number, gid: number): readonly Call[] {
  return [setgroups(new Uint8Array(0)), setresgid(gid), setresuid(uid), prctl(PR_SET_DUMPABLE, 1)];
}
