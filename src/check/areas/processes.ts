import {
  CWD,
  close,
  closeRange,
  fcntl,
  openat,
  personality,
  pidfdGetfd,
  pidfdOpen,
  pidfdSendSignal,
  prctl,
  waitid,
} from "../../kernel/calls.ts";
import {
  CLOSE_RANGE_CLOEXEC,
  F_GETFD,
  O_RDONLY,
  P_PIDFD,
  PER_LINUX,
  PER_LINUX32,
  PR_SET_CHILD_SUBREAPER,
  SIGKILL,
  WEXITED,
  WNOWAIT,
} from "../../kernel/constants.ts";
import { here } from "../../kernel/here.ts";
import { endedStatus, SIGINFO_SIZE } from "../../kernel/structs.ts";
import { type Area, EVERY_CONTAINER } from "../feature.ts";
import type { Subject } from "../subject.ts";
import { Missing } from "../verdict.ts";

/** Hands a pidfd of the process to `use`. */
function withPidfd({ pid }: Subject, use: (pidfd: number) => void): void {
  const pidfd = here(pidfdOpen(pid));
  try {
    use(pidfd);
  } finally {
    here(close(pidfd));
  }
}

export const processes: Area = {
  name: "processes",
  features: [
    {
      name: "clone3",
      title: "new processes: clone3",
      config: [EVERY_CONTAINER],
      probe: ({ subject }) => subject.child(0),
    },
    {
      name: "pidfd.open",
      title: "pidfd_open",
      config: [EVERY_CONTAINER],
      probe: ({ subject }) => withPidfd(subject, () => {}),
    },
    {
      name: "pidfd.send_signal",
      title: "pidfd_send_signal, waitid with P_PIDFD",
      config: [EVERY_CONTAINER],
      probe({ subject }) {
        withPidfd(subject, (pidfd) => {
          const info = new Uint8Array(SIGINFO_SIZE);
          here(pidfdSendSignal(pidfd, SIGKILL));
          here(waitid(P_PIDFD, pidfd, info, WEXITED | WNOWAIT));
          const status = endedStatus(info);
          if (status !== SIGKILL) throw new Missing(`waitid: the process ended by ${status}, not by SIGKILL`);
        });
      },
    },
    {
      name: "pidfd.getfd",
      title: "descriptors of other processes: pidfd_getfd",
      config: ["process.terminal=true", "linux.seccomp.listenerPath"],
      probe({ subject }) {
        withPidfd(subject, (pidfd) => {
          const theirs = subject.do(openat(CWD, "/proc/version", O_RDONLY));
          here(close(here(pidfdGetfd(pidfd, theirs))));
        });
      },
    },
    {
      name: "close_range",
      title: "close_range",
      config: [EVERY_CONTAINER],
      probe({ subject }) {
        const fd = subject.do(openat(CWD, "/proc/version", O_RDONLY));
        subject.do(closeRange(fd, fd, CLOSE_RANGE_CLOEXEC));
        subject.do(closeRange(fd, fd, 0));
        if (subject.attempt(fcntl(fd, F_GETFD, 0)) >= 0) throw new Missing("close_range: nothing is closed");
      },
    },
    {
      name: "subreaper",
      title: "adoption of orphans: PR_SET_CHILD_SUBREAPER",
      config: [],
      probe: ({ subject }) => subject.do(prctl(PR_SET_CHILD_SUBREAPER, 1)),
    },
    ...(
      [
        ["LINUX", PER_LINUX],
        ["LINUX32", PER_LINUX32],
      ] as const
    ).map(([domain, number]) => ({
      name: `personality.${domain}`,
      title: `personality ${domain}`,
      config: [`linux.personality.domain=${domain}`],
      probe: ({ subject }: { readonly subject: Subject }) => subject.do(personality(number)),
    })),
  ],
};
