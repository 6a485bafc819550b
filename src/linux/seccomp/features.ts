import type { SeccompFeatures } from "../../../runtime-spec/features.ts";
import { SECCOMP_FILTER_FLAG_NEW_LISTENER } from "../../kernel/seccomp.ts";
import { kernelTakes } from "./filter.ts";
import { ACTIONS, ARCHITECTURES, FLAGS, OPERATORS } from "./tables.ts";

function keys<Table extends object>(table: Table): readonly (keyof Table)[] {
  return Object.keys(table) as (keyof Table)[]; // which Object.keys loses
}

/** `linux.seccomp` of what `features` prints; `supportedFlags` are those that this kernel knows. */
export function seccompFeatures(): SeccompFeatures {
  const knownFlags = keys(FLAGS);
  return {
    enabled: true,
    actions: keys(ACTIONS),
    operators: keys(OPERATORS),
    archs: keys(ARCHITECTURES),
    knownFlags,
    supportedFlags: knownFlags.filter((flag) => kernelTakes(SECCOMP_FILTER_FLAG_NEW_LISTENER | FLAGS[flag])),
  };
}
