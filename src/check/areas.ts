/** Everything that is tried, area by area, in the order in which it is told. */
import { cgroups } from "./areas/cgroups.ts";
import { checkpoints } from "./areas/checkpoints.ts";
import { clocks } from "./areas/clocks.ts";
import { idMappedMounts } from "./areas/id-mapped-mounts.ts";
import { keyrings } from "./areas/keyrings.ts";
import { memory } from "./areas/memory.ts";
import { mounts } from "./areas/mounts.ts";
import { namespaces } from "./areas/namespaces.ts";
import { network } from "./areas/network.ts";
import { overlay } from "./areas/overlay.ts";
import { paths } from "./areas/paths.ts";
import { capabilities, privileges } from "./areas/privileges.ts";
import { processes } from "./areas/processes.ts";
import { scheduling } from "./areas/scheduling.ts";
import { seccomp } from "./areas/seccomp.ts";
import { securityModules } from "./areas/security-modules.ts";
import { sysctls } from "./areas/sysctls.ts";
import type { Area } from "./feature.ts";

export const AREAS: readonly Area[] = [
  namespaces,
  processes,
  mounts,
  overlay,
  idMappedMounts,
  paths,
  cgroups,
  seccomp,
  capabilities,
  privileges,
  securityModules,
  keyrings,
  sysctls,
  network,
  clocks,
  scheduling,
  memory,
  checkpoints,
];
