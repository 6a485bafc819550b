/** The guest as a node of the cluster outside. */
import { copyFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { project } from "../../harness/environment.ts";
import { ADDRESS, FILES, prepareNode, runEach, SERVER_ADDRESS } from "../addresses.ts";
import { connectApi } from "../api.ts";
import { type Cluster, type Node, ofTests, startNode } from "../node.ts";
import { CERTIFICATE } from "./prepare.ts";

/** How many processes a pod may have. */
export const POD_PIDS = 100;
/** From where between its request and its limit a container is slowed down. */
export const THROTTLING = 0.9;

/** What this machine lets a kubelet do, and where limits and times are such that the tests see them. */
const CONFIGURATION = {
  cgroupDriver: "systemd",
  cgroupsPerQOS: true,
  enforceNodeAllocatable: ["pods"],
  featureGates: {},
  memoryReservationPolicy: "TieredReservation",
  memoryThrottlingFactor: THROTTLING,
  localStorageCapacityIsolation: true,
  volumeStatsAggPeriod: "2s",
  memorySwap: { swapBehavior: "LimitedSwap" },
  podPidsLimit: POD_PIDS,
  shutdownGracePeriod: "60s",
  shutdownGracePeriodCriticalPods: "30s",
} as const;

const HUGE_PAGES = "8";

/** Starts a node with the cgroup driver `systemd`. */
export function startGuest(): Promise<Node> {
  writeFileSync("/proc/sys/vm/nr_hugepages", HUGE_PAGES);
  runEach(
    "ip link set lo up",
    "ip link set eth0 up",
    `ip address add ${ADDRESS}/24 dev eth0`,
    `ip route add default via ${SERVER_ADDRESS}`,
    "fallocate -l 64M /swap",
    "chmod 600 /swap",
    "mkswap -q /swap",
    "swapon /swap",
  );
  return startNode(2, {
    cluster: joinCluster,
    containerd: () => ofTests(2, true),
    kubelet: { ownsMachine: true, configuration: CONFIGURATION },
  });
}

async function joinCluster(): Promise<Cluster> {
  prepareNode();
  copyFileSync(join(project, CERTIFICATE), FILES.certificate);
  return { api: connectApi(), stop: async () => {} };
}

/** The cgroups of pods that are there. */
export function podSlices(): string[] {
  const all = readdirSync("/sys/fs/cgroup/kubepods.slice", { recursive: true, encoding: "utf8" });
  return all.filter((path) => /-pod[0-9a-f_]+\.slice$/.test(path));
}
