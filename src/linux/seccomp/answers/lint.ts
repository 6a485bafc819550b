/** What in a profile does not do what it seems to. */
import type { SeccompSyscall } from "../../../../runtime-spec/config-linux-seccomp.ts";
import { ERRNO } from "../../../kernel/errno.ts";
import { SECCOMP_RET_ERRNO } from "../../../kernel/seccomp.ts";
import { answersTo } from "./ask.ts";
import { parseCall } from "./asked-call.ts";
import { type Filter, MACHINES } from "./filter.ts";
import { type Finding, grouped } from "./finding.ts";
import { conditionsOf } from "./lint-arguments.ts";
import { idleRules } from "./lint-rules.ts";
import { decidedBy, entryPlace } from "./rules.ts";
import { isAllowed } from "./verdict.ts";

/** Calls that libc and others try first, and do without only on ENOSYS. */
const TRIED_FIRST = [
  ...["clone3", "close_range", "copy_file_range", "epoll_pwait2", "faccessat2", "fchmodat2", "futex_waitv"],
  ...["getrandom", "membarrier", "mseal", "openat2", "pidfd_open", "preadv2", "pwritev2", "rseq", "statx"],
] as const;

/** What exploits have come through, or what makes a filter moot. */
const HOLES: readonly { readonly what: string; readonly calls: readonly string[]; readonly why: string }[] = [
  {
    what: "io_uring can be used",
    calls: ["io_uring_setup"],
    why: "it opens files and sockets where no filter sees it",
  },
  {
    what: "sockets of AF_ALG can be made",
    calls: ["socket(AF_ALG)"],
    why: "few programs need the kernel's crypto, and it has had holes",
  },
  {
    what: "user namespaces can be made",
    calls: ["unshare(CLONE_NEWUSER)", "clone(CLONE_NEWUSER)", "clone3"],
    why: "in one, whoever makes it is root, and reaches code of the kernel that only root reaches elsewhere",
  },
];

/** All findings about a profile: rule by rule, then call by call. */
export function lint(filter: Filter): readonly Finding[] {
  const { seccomp } = filter.profile;
  if (seccomp === null) return [{ place: "linux.seccomp", problem: "is missing: every call is allowed" }];
  const { syscalls = [] } = seccomp;
  const names = [...new Set(syscalls.flatMap((entry) => entry.names))];
  const ofRules = names.flatMap((name) => idleRules(filter, name)).sort((a, b) => a.index - b.index);
  return [
    ...syscalls.flatMap((entry, index) => unknownNames(filter, entry, index)),
    ...grouped(ofRules),
    ...names.flatMap((name) => conditionsOf(filter, name)),
    ...triedFirst(filter),
    ...HOLES.flatMap((hole) => openHole(filter, hole)),
  ];
}

/** Names that libseccomp does not know. */
function unknownNames(filter: Filter, { names }: SeccompSyscall, index: number): readonly Finding[] {
  const unknown = names.filter((name) => !filter.knows(name));
  if (unknown.length === 0) return [];
  const problem = `this machine's libseccomp does not know ${unknown.join(", ")}: the rule is not made for ${unknown.length === 1 ? "it" : "them"}`;
  return [{ place: `${entryPlace(filter.profile, index)}.names`, problem }];
}

/** New calls that are denied in a way that programs take for good. */
function triedFirst(filter: Filter): readonly Finding[] {
  const [machine] = MACHINES;
  const eperm = SECCOMP_RET_ERRNO | ERRNO.EPERM;
  const found = TRIED_FIRST.flatMap((name) => {
    const number = filter.numberOf(machine, name);
    if (number === null || filter.diagrams.value(filter.outcome(machine, number)) !== eperm) return [];
    const call = { names: [name], number, isOpen: true };
    const place = decidedBy(filter, machine, call, { region: filter.diagrams.yes, value: eperm });
    return [{ index: 0, place: place.replace(/;.*/, ""), name, problem: FALLBACK }];
  });
  return grouped(found);
}

const FALLBACK = "gives EPERM for calls that programs try first, and replace by others only after ENOSYS";

function openHole(filter: Filter, { what, calls, why }: (typeof HOLES)[number]): readonly Finding[] {
  const open = calls
    .flatMap((call) => (filter.knows(call.replace(/\(.*/, "")) ? answersTo(filter, parseCall(call)) : []))
    .filter(({ value, wayRound, asked, call }) => isAllowed(value) && (wayRound === null || call !== asked));
  const direct = open.filter(({ wayRound, call }) => wayRound === null || call.startsWith("socketcall"));
  const [first] = direct;
  if (first === undefined) return [];
  const by = new Set(
    direct.map(({ call, examples }) => `${call} (${examples.map(({ machine }) => machine).join(", ")})`),
  );
  return [{ place: first.rule.replace(/ \(.*/, ""), problem: `${what}, by ${[...by].join(", ")}: ${why}` }];
}
