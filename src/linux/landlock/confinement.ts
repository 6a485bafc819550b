/** How a container asks for Landlock, and what its processes get. */
import type { Program } from "../../agent/program.ts";

/** The policy: landlockconfig's JSON. */
export const LANDLOCK_ANNOTATION = "org.tsrun.landlock";
/** `true`: what this kernel's Landlock lacks is an error. */
export const LANDLOCK_STRICT_ANNOTATION = "org.tsrun.landlock.strict";

/** How a process is made that a policy confines. */
export interface Confined {
  /** How many descriptors after the standard streams it keeps. */
  readonly preservedFds: number;
  /** Whether it joins a container that has run already, and may have removed what the policy names. */
  readonly joins: boolean;
}

export interface Landlock {
  /** What of the policy this kernel lacks, a line each, for --debug. */
  readonly notes: readonly string[];
  /** Why nothing at all of the policy is in force; null if something is. */
  readonly warning: string | null;
  /** Adds the steps that make the ruleset. Returns what adds those that put it in force. */
  make(program: Program): () => void;
}
