/** Policies of Landlock for the tests of it. */
import { landlockAbi } from "../../../src/linux/landlock/fit.ts";
import type { JsonObject, Patch } from "../../harness/bundle.ts";
import { ran } from "../../harness/container.ts";
import { isTsrun, testTsrun } from "../../harness/environment.ts";
import { testIf } from "../../harness/skip.ts";

export const ABI = landlockAbi();
export const PLACE = 'config.json: annotations["org.tsrun.landlock"]';

/** A test of what Landlock has since that ABI. */
export const testAbi = (abi: number) =>
  isTsrun ? testIf(ABI >= abi, `needs ABI ${abi} of Landlock: this kernel has ${ABI}`) : testTsrun;

/** Annotations with this policy. */
export const confined = (policy: JsonObject | string, strict?: boolean): JsonObject => ({
  "org.tsrun.landlock": typeof policy === "string" ? policy : JSON.stringify(policy),
  ...(strict === undefined ? {} : { "org.tsrun.landlock.strict": String(strict) }),
});

/** Programs may run, and /tmp and what else is named may be written. */
export const WRITES_TMP = {
  abi: 1,
  ruleset: [{ handledAccessFs: ["abi.all"] }],
  pathBeneath: [
    { allowedAccess: ["abi.read_execute"], parent: ["/bin", "/sbin", "/usr", "/etc", "/proc", "/dev"] },
    { allowedAccess: ["abi.read_write"], parent: ["/tmp", "/dev/null"] },
  ],
};

export const CONFINED = { annotations: confined(WRITES_TMP) };

export const sh = (script: string, patch: Patch = CONFINED) => ran({ ...patch, args: ["sh", "-c", script] });
