import { SyscallError } from "../../kernel/call.ts";
import { CWD, openat, openat2 } from "../../kernel/calls.ts";
import {
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { MOST_TRIES } from "../../linux/inside.ts";
import { type Area, EVERY_CONTAINER, type Feature } from "../feature.ts";
import { Missing } from "../verdict.ts";

/** What each flag of openat2(2) must not let pass, tried below /proc; RESOLVE_IN_ROOT is the one that lets pass. */
const RESTRICTIONS = [
  { name: "no-magiclinks", flag: RESOLVE_NO_MAGICLINKS, path: "self/exe", refusal: "ELOOP" },
  { name: "no-symlinks", flag: RESOLVE_NO_SYMLINKS, path: "self/status", refusal: "ELOOP" },
  { name: "beneath", flag: RESOLVE_BENEATH, path: "..", refusal: "EXDEV" },
  { name: "no-xdev", flag: RESOLVE_NO_XDEV, path: "..", refusal: "EXDEV" },
] as const;

function restriction({ name, flag, path, refusal }: (typeof RESTRICTIONS)[number]): Feature {
  return {
    name: `openat2.${name}`,
    title: `openat2 with RESOLVE_${name.toUpperCase().replace("-", "_")}`,
    config: [EVERY_CONTAINER],
    probe({ subject }) {
      const proc = subject.do(openat(CWD, "/proc", O_PATH | O_DIRECTORY));
      subject.do(openat2(proc, "version", O_RDONLY, flag));
      if (subject.attempt(openat2(proc, path, O_PATH, flag)) !== -ERRNO[refusal])
        throw new Missing(`openat2: ${path} below /proc is not refused with ${refusal}`);
    },
  };
}

export const paths: Area = {
  name: "paths",
  features: [
    {
      name: "openat2.in-root",
      title: "openat2 with RESOLVE_IN_ROOT",
      config: [EVERY_CONTAINER],
      probe({ subject }) {
        const proc = subject.do(openat(CWD, "/proc", O_PATH | O_DIRECTORY));
        const climb = openat2(proc, "/../version", O_RDONLY, RESOLVE_IN_ROOT);
        let result = subject.attempt(climb);
        for (let tries = 0; tries < MOST_TRIES && result === -ERRNO.EAGAIN; tries++)
          result = subject.attempt(climb);
        if (result < 0) throw new SyscallError(climb, -result);
      },
    },
    ...RESTRICTIONS.map(restriction),
  ],
};
