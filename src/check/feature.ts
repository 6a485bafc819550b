import type { Config } from "../../runtime-spec/config.ts";
import type { Trial } from "./trial.ts";

/** One thing that containers may need of a host. The files in areas/ hold them all. */
export interface Feature {
  /** By which scripts know it: `namespace.user`. */
  readonly name: string;
  /** What it is, for people. */
  readonly title: string;
  /**
   * What of a config is impossible without it, as patterns (config-pattern.ts): `linux.namespaces[type=user]`.
   * None: nothing of a config needs it.
   */
  readonly config: readonly string[];
  /** The places in a config that need it, where that takes more than the patterns. */
  readonly places?: (config: Config) => readonly string[];
  /**
   * Tries it, and throws what verdict.ts understands when it doesn't work; text that it returns, or resolves to, is a
   * remark.
   * Whatever it makes outside of the trial's processes it removes itself.
   */
  readonly probe: (trial: Trial) => unknown;
}

export interface Area {
  readonly name: string;
  /** Features alike, told as a list: the property of a config that they are all about. */
  readonly listed?: string;
  readonly features: readonly Feature[];
}

/** The pattern of what no container can do without. */
export const EVERY_CONTAINER = "*";
