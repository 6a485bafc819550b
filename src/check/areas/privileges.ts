import type { Config } from "../../../runtime-spec/config.ts";
import { CAPABILITIES } from "../../../runtime-spec/config-process.ts";
import { CWD, capset, getrlimit, prctl, prlimit64 } from "../../kernel/calls.ts";
import {
  LINUX_CAPABILITY_VERSION_3,
  PR_CAPBSET_READ,
  PR_GET_NO_NEW_PRIVS,
  PR_SET_NO_NEW_PRIVS,
} from "../../kernel/constants.ts";
import { readText } from "../../kernel/files.ts";
import { here } from "../../kernel/here.ts";
import { RLIMITS } from "../../kernel/rlimits.ts";
import {
  type CapabilitySet,
  capData,
  capHeader,
  hardLimit,
  RLIMIT_SIZE,
  rlimit64,
} from "../../kernel/structs.ts";
import type { Area, Feature } from "../feature.ts";
import { put } from "../isolation.ts";
import { Forbidden, Missing } from "../verdict.ts";

const NONE: CapabilitySet = [0, 0];
const RLIMIT_NOFILE = RLIMITS["RLIMIT_NOFILE"] ?? 0;
const LOWEST_SCORE = -1000;

function capabilityFeature(name: string, number: number): Feature {
  return {
    name: `capability.${name}`,
    title: name,
    config: [`process.capabilities.*[=${name}]`],
    probe({ subject }) {
      if (subject.do(prctl(PR_CAPBSET_READ, number)) === 0)
        throw new Forbidden("it is not in the bounding set that tsrun was started with");
      const set: CapabilitySet = number < 32 ? [(1 << number) >>> 0, 0] : [0, 1 << (number - 32)];
      subject.do(capset(capHeader(LINUX_CAPABILITY_VERSION_3), capData(set, set, NONE)));
    },
  };
}

/** The places of limits above the caller's own hard limits. */
function raisedLimits({ process }: Config): readonly string[] {
  return (process?.rlimits ?? []).flatMap(({ type, hard }, index) => {
    const own = new Uint8Array(new ArrayBuffer(RLIMIT_SIZE));
    here(getrlimit(RLIMITS[type] ?? 0, own));
    return hard > hardLimit(own) ? [`process.rlimits[${index}]`] : [];
  });
}

/** The place of a score below the caller's own. */
function loweredScore({ process }: Config): readonly string[] {
  const own = Number(readText("/proc/self/oom_score_adj"));
  return (process?.oomScoreAdj ?? own) < own ? ["process.oomScoreAdj"] : [];
}

export const privileges: Area = {
  name: "privileges",
  features: [
    {
      name: "no_new_privs",
      title: "no new privileges by execve",
      config: ["process.noNewPrivileges=true"],
      probe({ subject }) {
        subject.do(prctl(PR_SET_NO_NEW_PRIVS, 1));
        if (subject.do(prctl(PR_GET_NO_NEW_PRIVS)) !== 1) throw new Missing("prctl: the flag is not set");
      },
    },
    {
      name: "rlimit",
      title: "resource limits",
      config: ["process.rlimits"],
      probe({ subject }) {
        const own = hardLimit(subject.ask(getrlimit(RLIMIT_NOFILE, { room: RLIMIT_SIZE })));
        subject.do(prlimit64(0, RLIMIT_NOFILE, rlimit64(0, own)));
      },
    },
    {
      name: "rlimit.raise",
      title: "resource limits above the caller's hard limits",
      config: ["process.rlimits"],
      places: raisedLimits,
      probe({ subject }) {
        const own = hardLimit(subject.ask(getrlimit(RLIMIT_NOFILE, { room: RLIMIT_SIZE })));
        subject.do(prlimit64(0, RLIMIT_NOFILE, rlimit64(own - 1n, own - 1n)));
        subject.do(prlimit64(0, RLIMIT_NOFILE, rlimit64(own, own)));
      },
    },
    {
      name: "oom-score.lower",
      title: "an OOM score below the caller's",
      config: ["process.oomScoreAdj"],
      places: loweredScore,
      probe({ subject }) {
        const own = Number(readText("/proc/self/oom_score_adj"));
        if (own === LOWEST_SCORE) return "the caller's is the lowest there is";
        put(subject, CWD, "/proc/self/oom_score_adj", String(own - 1));
        return null;
      },
    },
  ],
};

export const capabilities: Area = {
  name: "capabilities",
  listed: "process.capabilities",
  features: CAPABILITIES.map(capabilityFeature),
};
